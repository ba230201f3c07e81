import { Random } from '../random/random.ts'
import type { CausalModel, LogitSums } from './causal-model.ts'
import {
  breakerIds,
  type FinishEvent,
  type FinishReason,
  type GenerateOptions,
  type GenerationEvent,
  isCutShort,
  limitFor,
  type TokenEvent,
} from './generation.ts'
import { createHistory, type History } from './history.ts'
import { likeliest, logNormalizer } from './log-probabilities.ts'
import { type LogitsContext, Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'
import { TextTrack } from './text-track.ts'

/** One continuation in flight. */
export interface Continuation {
  readonly row: number
  readonly history: History
  /** The most ids that prompt and continuation may have. */
  readonly limit: number
  /** Draw s belongs to the continuation's id s. */
  readonly random: Random
  readonly text: TextTrack | undefined
  finished: boolean
}

/** Continuation number `row`, of a prompt that nothing follows yet. */
export function openContinuation(
  model: CausalModel,
  prompt: readonly number[],
  row: number,
  settings: SamplerSettings,
  options: GenerateOptions,
): Continuation {
  const limit = limitFor(model, prompt, settings)
  const random = Random.seed(settings.seed).split('sample').at(row)
  const text = options.decoder && new TextTrack(options.decoder(), settings.stop)
  return { row, history: createHistory(prompt, limit), limit, random, text, finished: false }
}

/** The sampler of settings and options, for sequences of at most `capacity` ids. */
export function samplerOf(
  { vocabSize }: CausalModel,
  capacity: number,
  settings: SamplerSettings,
  options: GenerateOptions,
): Sampler {
  const { hooks, constraint, endOfText } = options
  const breakers = breakerIds(settings, options)
  return new Sampler(settings, {
    vocabSize,
    capacity,
    breakers,
    ...(endOfText && { endOfText }),
    ...(hooks && { hooks }),
    ...(constraint && { constraint }),
  })
}

/** Chooses the next id; gives what to append to the sequence. `sums` over the logits spare the time to make them. */
export function* advance(
  row: Continuation,
  logits: Float32Array,
  sampler: Sampler,
  settings: SamplerSettings,
  options: GenerateOptions,
  sums?: LogitSums,
): Generator<GenerationEvent, number[], undefined> {
  if (row.finished || (yield* endsBefore(row, options))) return []
  const context = contextOf(row)
  const normalizer = sums?.normalizer ?? logNormalizer(logits, context)
  row.random.counter = context.step
  const id = sampler.choose(logits, context, row.random, sums)
  yield* take(row, { id, logits, normalizer }, sampler, settings, options)
  return row.finished ? [] : [id]
}

/** What the next id follows. */
export function contextOf({ row, history }: Continuation): LogitsContext {
  return { row, step: history.length - history.promptLength, history }
}

/** Ends a continuation that no id may follow; says whether it is over. */
export function* endsBefore(row: Continuation, options: GenerateOptions): Generator<FinishEvent, boolean, undefined> {
  const { length, promptLength } = row.history
  const reason = isCutShort(options, length - promptLength) ? 'aborted' : endOf(row, options)
  if (reason !== undefined) yield finish(row, reason)
  return row.finished
}

/** An id that was chosen from logits, and their normalizer. */
interface Choice {
  readonly id: number
  readonly logits: Float32Array
  readonly normalizer: number
}

/** Appends a chosen id and reports it, and the end that it brings. */
export function* take(
  row: Continuation,
  { id, logits, normalizer }: Choice,
  sampler: Sampler,
  settings: SamplerSettings,
  options: GenerateOptions,
): Generator<GenerationEvent, void, undefined> {
  const { history } = row
  const logProbability = (logits[id] as number) - normalizer
  if (options.endOfText?.includes(id)) return yield finish(row, 'endOfText', { end: { id, logProbability } })
  history.ids[history.length++] = id
  const released = row.text?.push(id)
  const event: TokenEvent = {
    type: 'token',
    row: row.row,
    id,
    logProbability,
    ...(settings.topLogProbabilities > 0 && {
      top: likeliest(logits, normalizer, settings.topLogProbabilities, sampler.room),
    }),
    ...(released && { text: released.text }),
  }
  yield event
  if (released?.stop !== undefined) return yield finish(row, 'stop', { stop: released.stop })
  const end = endOf(row, options)
  if (end !== undefined) yield finish(row, end)
}

/** Why no id may follow, if none may. */
function endOf({ history, limit }: Continuation, { constraint }: GenerateOptions): FinishReason | undefined {
  if (constraint?.isOver(history)) return 'complete'
  return history.length >= limit ? 'length' : undefined
}

function finish(row: Continuation, reason: FinishReason, facts: Pick<FinishEvent, 'end' | 'stop'> = {}): FinishEvent {
  row.finished = true
  return { type: 'finish', row: row.row, reason, ...facts, ...(row.text && { text: row.text.end() }) }
}

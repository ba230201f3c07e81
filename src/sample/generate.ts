import { Random } from '../random/random.ts'
import { beamSearch } from './beam-search.ts'
import type { CausalModel, DecodingState } from './causal-model.ts'
import {
  breakerIds,
  checkRequest,
  type FinishEvent,
  type FinishReason,
  type GenerateOptions,
  type GenerationEvent,
  limitFor,
  type TokenEvent,
} from './generation.ts'
import { createHistory, type History } from './history.ts'
import { likeliest, logNormalizer } from './log-probabilities.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import { Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'
import { TextTrack } from './text-track.ts'

/**
 * Continues each prompt `n` times, all at once, and reports every id as it is chosen: ids in, ids out.
 *
 * Continuation r draws from the stream of (seed, r, step) alone, so that it is the same in any batch. Ids that end the
 * text end a continuation without a token event. Beam search (`beams` > 1) reports a prompt's continuations when it is
 * done, best first. Throws {@link ConfigError} for settings and {@link DataError} for prompts that can't be, among them
 * one longer than the context, before anything runs; {@link DivergenceError} for logits that are NaN or +∞.
 */
export async function* generate(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  given: Partial<SamplerSettings> = {},
  options: GenerateOptions = {},
): AsyncGenerator<GenerationEvent, void, undefined> {
  const settings = resolveSamplerSettings(given)
  checkRequest(model, prompts, settings, options)
  if (prompts.length === 0) return
  if (settings.beams > 1) {
    for (const [index, prompt] of prompts.entries()) yield* beamSearch(model, prompt, index, settings, options)
  } else yield* drawAll(model, prompts, settings, options)
}

/** One continuation in flight. */
interface Row {
  readonly row: number
  readonly history: History
  /** The most ids that prompt and continuation may have. */
  readonly limit: number
  readonly random: Random
  readonly text: TextTrack | undefined
  finished: boolean
}

async function* drawAll(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const capacity = Math.max(...prompts.map((prompt) => limitFor(model, prompt, settings)))
  const { vocabSize } = model
  const sampler = new Sampler(settings, {
    vocabSize,
    capacity,
    breakers: breakerIds(settings, options),
    ...(options.hooks && { hooks: options.hooks }),
    ...(options.constraint && { constraint: options.constraint }),
  })
  const rows = prompts.flatMap((prompt, index) =>
    rowsOf(prompt, index, limitFor(model, prompt, settings), settings, options),
  )
  const state = await model.open({ batch: rows.length, capacity })
  try {
    let logits = await prefill(state, prompts, settings.n, vocabSize)
    while (true) {
      const next: number[][] = []
      for (const [index, row] of rows.entries()) {
        const rowLogits = logits.subarray(index * vocabSize, (index + 1) * vocabSize)
        next.push(yield* advance(row, rowLogits, sampler, settings, options))
      }
      if (rows.every((row) => row.finished)) return
      logits = await state.append(next)
    }
  } finally {
    state.release()
  }
}

function rowsOf(
  prompt: readonly number[],
  index: number,
  limit: number,
  settings: SamplerSettings,
  options: GenerateOptions,
): Row[] {
  const streams = Random.seed(settings.seed).split('sample')
  return Array.from({ length: settings.n }, (_, continuation) => {
    const row = (options.firstRow ?? 0) + index * settings.n + continuation
    const text = options.decoder && new TextTrack(options.decoder(), settings.stop)
    return { row, history: createHistory(prompt, limit), limit, random: streams.at(row), text, finished: false }
  })
}

/** Runs each prompt once, then gives its cache and its logits to all its `n` rows. */
async function prefill(
  state: DecodingState,
  prompts: readonly (readonly number[])[],
  n: number,
  vocabSize: number,
): Promise<Float32Array> {
  const owner = (row: number) => row - (row % n)
  const rows = Array.from({ length: state.batch }, (_, row) => row)
  const logits = await state.append(rows.map((row) => (owner(row) === row ? (prompts[row / n] ?? []) : [])))
  if (n === 1) return logits
  const spread = new Float32Array(logits.length)
  for (const row of rows) {
    spread.set(logits.subarray(owner(row) * vocabSize, (owner(row) + 1) * vocabSize), row * vocabSize)
  }
  await state.reorder(rows.map(owner))
  return spread
}

/** Chooses the row's next id; gives what to append to its sequence. */
function* advance(
  row: Row,
  logits: Float32Array,
  sampler: Sampler,
  settings: SamplerSettings,
  options: GenerateOptions,
): Generator<GenerationEvent, number[], undefined> {
  if (row.finished) return []
  const { history } = row
  if (options.signal?.aborted) return yield* finish(row, 'aborted')
  const over = endOf(row, options)
  if (over !== undefined) return yield* finish(row, over)
  const position = { row: row.row, step: history.length - history.promptLength }
  const normalizer = logNormalizer(logits, position)
  row.random.counter = position.step
  const id = sampler.choose(logits, { ...position, history }, row.random)
  const logProbability = (logits[id] as number) - normalizer
  if (options.endOfText?.includes(id)) return yield* finish(row, 'endOfText', { end: { id, logProbability } })
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
  if (released?.stop !== undefined) return yield* finish(row, 'stop', { stop: released.stop })
  const end = endOf(row, options)
  return end === undefined ? [id] : yield* finish(row, end)
}

/** Why no id may follow, if none may. */
function endOf({ history, limit }: Row, { constraint }: GenerateOptions): FinishReason | undefined {
  if (constraint?.isOver(history)) return 'complete'
  return history.length >= limit ? 'length' : undefined
}

function* finish(
  row: Row,
  reason: FinishReason,
  facts: Pick<FinishEvent, 'end' | 'stop'> = {},
): Generator<FinishEvent, number[], undefined> {
  row.finished = true
  const text = row.text && { text: row.text.end() }
  yield { type: 'finish', row: row.row, reason, ...facts, ...text }
  return []
}

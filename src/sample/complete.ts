import type { CausalModel } from './causal-model.ts'
import { generate } from './generate.ts'
import type { FinishReason, GenerateOptions, GenerationEvent, GuessCounts } from './generation.ts'
import type { IdLogProbability } from './log-probabilities.ts'
import type { SamplerSettings } from './settings.ts'

/** A whole continuation, without its prompt. */
export interface Completion {
  readonly row: number
  /** Without the end-of-text id. */
  readonly ids: readonly number[]
  /** By the model itself, one for each id. */
  readonly logProbabilities: readonly number[]
  /** Their sum, with the end-of-text id's where that ended it: ln P(continuation | prompt). */
  readonly logProbability: number
  readonly finishReason: FinishReason
  /** Where there is a decoder. */
  readonly text?: string
  /** The likeliest ids at each step, where `topLogProbabilities` asks for them. */
  readonly top?: readonly (readonly IdLogProbability[])[]
  /** What beam search ranked it by. */
  readonly score?: number
  /** What speculation came to, where it was asked for. */
  readonly guesses?: GuessCounts
}

/** Runs {@link generate} to its end; continuations in order of rows. Throws what it throws. */
export async function complete(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: Partial<SamplerSettings> = {},
  options: GenerateOptions = {},
): Promise<Completion[]> {
  const byRow = new Map<number, GenerationEvent[]>()
  for await (const event of generate(model, prompts, settings, options)) {
    const events = byRow.get(event.row)
    if (events === undefined) byRow.set(event.row, [event])
    else events.push(event)
  }
  return [...byRow.entries()].sort(([a], [b]) => a - b).map(([row, events]) => completionOf(row, events))
}

/** Collects the events of one continuation. */
export function completionOf(row: number, events: readonly GenerationEvent[]): Completion {
  const tokens = events.filter((event) => event.type === 'token')
  const finish = events.find((event) => event.type === 'finish')!
  const logProbabilities = tokens.map((token) => token.logProbability)
  const end = finish.end?.logProbability ?? 0
  return {
    row,
    ids: tokens.map((token) => token.id),
    logProbabilities,
    logProbability: logProbabilities.reduce((sum, value) => sum + value, end),
    finishReason: finish.reason,
    ...(finish.text !== undefined && { text: events.map((event) => event.text ?? '').join('') }),
    ...(tokens.some((token) => token.top) && { top: tokens.map((token) => token.top ?? []) }),
    ...(finish.score !== undefined && { score: finish.score }),
    ...(finish.guesses !== undefined && { guesses: finish.guesses }),
  }
}

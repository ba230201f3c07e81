import { beamSearch } from './beam-search.ts'
import type { CausalModel, DecodingState } from './causal-model.ts'
import { advance, type Continuation, openContinuation, samplerOf } from './continuation.ts'
import { checkRequest, type GenerateOptions, type GenerationEvent, limitFor } from './generation.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import type { SamplerSettings } from './settings.ts'
import { speculate } from './speculation/speculate.ts'

/**
 * Continues each prompt `n` times, all at once, and reports every id as it is chosen: ids in, ids out.
 *
 * Continuation r draws from the stream of (seed, r, step) alone, so that it is the same in any batch. Ids that end the
 * text end a continuation without a token event. Beam search (`beams` > 1) reports a prompt's continuations when it is
 * done, best first; with `speculation` continuations come one after the other. Throws {@link ConfigError} for settings and {@link DataError} for prompts that can't be, among them
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
  } else if (options.speculation !== undefined) {
    for (const row of continuationsOf(model, prompts, settings, options))
      yield* speculate(model, row, settings, options, options.speculation)
  } else yield* drawAll(model, prompts, settings, options)
}

/** `n` continuations of each prompt. */
function continuationsOf(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  options: GenerateOptions,
): Continuation[] {
  const first = options.firstRow ?? 0
  return prompts.flatMap((prompt, index) =>
    Array.from({ length: settings.n }, (_, continuation) =>
      openContinuation(model, prompt, first + index * settings.n + continuation, settings, options),
    ),
  )
}

async function* drawAll(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const capacity = Math.max(...prompts.map((prompt) => limitFor(model, prompt, settings)))
  const { vocabSize } = model
  const sampler = samplerOf(model, capacity, settings, options)
  const rows = continuationsOf(model, prompts, settings, options)
  const temperatures = rows.map(() => settings.temperature)
  const state = await model.open({ batch: rows.length, capacity })
  try {
    let logits = await prefill(state, prompts, settings.n, vocabSize)
    while (true) {
      const next: number[][] = []
      for (const [index, row] of rows.entries()) {
        const rowLogits = logits.subarray(index * vocabSize, (index + 1) * vocabSize)
        next.push(yield* advance(row, rowLogits, sampler, settings, options, state.sums?.(index)))
      }
      if (rows.every((row) => row.finished)) return
      logits = await state.append(next, temperatures)
    }
  } finally {
    state.release()
  }
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
  const spread = new Float32Array(state.batch * vocabSize)
  for (const row of rows) {
    spread.set(logits.subarray(owner(row) * vocabSize, (owner(row) + 1) * vocabSize), row * vocabSize)
  }
  await state.reorder(rows.map(owner))
  return spread
}

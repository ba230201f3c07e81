import { BeamGroup, type Hypothesis, type Search } from './beam-group.ts'
import type { CausalModel, DecodingState } from './causal-model.ts'
import { samplerOf } from './continuation.ts'
import { type GenerateOptions, type GenerationEvent, isCutShort, limitFor } from './generation.ts'
import type { SamplerSettings } from './settings.ts'
import { TextTrack } from './text-track.ts'

/**
 * Searches for the likeliest continuations of one prompt with `beams` beams, then reports the `n` best: fewer where a form
 * has fewer texts.
 *
 * As in Hugging Face's: at each step the best (1 + ends) × beams expansions are ranked; an end-of-text id completes a
 * beam where it ranks among the first `beams`, and the best others live on. Processors and `beforeWarpers` change
 * log-probabilities, not logits. Without `earlyStopping` the search ends when no living beam can beat the worst of
 * `beams` complete ones whatever its length (theirs: `"never"`), exact where no processor raises a log-probability.
 *
 * Each of `beamGroups` is such a search with its share of the beams, in which an id loses `diversity`, before the
 * processors, for each beam of an earlier group that takes it at the same step: Vijayakumar et al. 2016, "Diverse beam
 * search", algorithm 1 with Hamming diversity. What a beam lost so stays in its score.
 */
export async function* beamSearch(
  model: CausalModel,
  prompt: readonly number[],
  index: number,
  settings: SamplerSettings,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const limit = limitFor(model, prompt, settings)
  const state = await model.open({ batch: settings.beams, capacity: limit })
  const row = (options.firstRow ?? 0) + index * settings.n
  try {
    const sampler = samplerOf(model, limit, settings, options)
    const best = await searchFrom(prompt, state, { model, settings, options, sampler, row, limit })
    for (const [rank, hypothesis] of best.slice(0, settings.n).entries()) {
      yield* report(hypothesis, row + rank, options)
    }
  } finally {
    state.release()
  }
}

/** What all groups completed, best first. */
async function searchFrom(prompt: readonly number[], state: DecodingState, search: Search): Promise<Hypothesis[]> {
  const { settings, options, model, limit } = search
  const { beams, beamGroups, diversity } = settings
  const groups = Array.from({ length: beamGroups }, (_, at) => new BeamGroup(search, prompt, at))
  const rows = Array.from({ length: beams }, (_, row) => row)
  const penalties = new Float32Array(model.vocabSize)
  let logits = await state.append(rows.map((row) => (row === 0 ? prompt : [])))
  for (let length = prompt.length; ; length++) {
    const ending = isCutShort(options, length - prompt.length) ? 'aborted' : length >= limit ? 'length' : undefined
    penalties.fill(0)
    for (const group of groups) {
      if (ending !== undefined) group.close(ending)
      else group.step(logits, penalties)
      for (const { tokens } of group.living) penalties[tokens.at(-1)!.id]! += diversity
    }
    const living = groups.flatMap((group) => group.living)
    if (living.length === 0) break
    const order = [...rows]
    const ids: number[][] = rows.map(() => [])
    for (const { row, from, tokens } of living) {
      order[row] = from
      ids[row] = [tokens.at(-1)!.id]
    }
    await state.reorder(order)
    logits = await state.append(ids)
  }
  return groups.flatMap((group) => group.complete).sort((a, b) => b.score - a.score)
}

function* report(hypothesis: Hypothesis, row: number, options: GenerateOptions): Generator<GenerationEvent, void> {
  const text = options.decoder && new TextTrack(options.decoder(), [])
  for (const token of hypothesis.beam.tokens) {
    yield { type: 'token', row, ...token, ...(text && { text: text.push(token.id).text }) }
  }
  const { reason, score, end } = hypothesis
  yield { type: 'finish', row, reason, score, ...(end && { end }), ...(text && { text: text.end() }) }
}

import { type Candidates, keepAtLeast, keepHeaviest } from './candidates.ts'
import { keepNucleus } from './nucleus.ts'
import type { SamplerSettings } from './settings.ts'

/** Narrows the candidates down; reads one setting. */
export interface Warper {
  readonly name: keyof SamplerSettings
  /** Whether these settings switch it on. */
  readonly active: (settings: SamplerSettings) => boolean
  readonly apply: (candidates: Candidates, settings: SamplerSettings) => void
}

/**
 * The warpers in the order in which they run, Hugging Face's: after temperature and top-k ({@link gather} and
 * {@link temper}: dividing by a temperature keeps the order, so that top-k is taken first and only k are divided), or
 * after temperature and top-p where all ids have a part ({@link holdNucleus}).
 * Each sees what the one before it left.
 */
export const warpers: readonly Warper[] = [
  {
    name: 'topP',
    active: ({ topK, topP }) => topK > 0 && topP < 1, // of all ids, holdNucleus takes it
    apply: (candidates, { topP }) => keepNucleus(candidates, topP),
  },
  { name: 'minP', active: ({ minP }) => minP > 0, apply: (candidates, { minP }) => keepMinP(candidates, minP) },
  {
    name: 'typicalP',
    active: ({ typicalP }) => typicalP < 1,
    apply: (candidates, { typicalP }) => keepTypical(candidates, typicalP),
  },
]

/**
 * Keeps the ids at least `minP` times as likely as the likeliest.
 * Nguyen et al. 2024, "Turning up the heat: min-p sampling".
 */
function keepMinP(candidates: Candidates, minP: number): void {
  let greatest = 0
  for (let i = 0; i < candidates.count; i++) greatest = Math.max(greatest, candidates.weights[i] as number)
  keepAtLeast(candidates, minP * greatest)
}

/**
 * Keeps the fewest ids whose surprise −ln p is nearest to its mean (the entropy) that sum to at least `typicalP`.
 * Meister et al. 2022, "Locally typical sampling", equation 6. Of equally near ones, lower ids first, where Hugging
 * Face keeps all.
 */
function keepTypical(candidates: Candidates, typicalP: number): void {
  const { scores, weights, keys, count, total } = candidates
  let meanScore = 0
  for (let i = 0; i < count; i++) {
    const weight = weights[i] as number
    if (weight > 0) meanScore += (weight / total) * (scores[i] as number)
  }
  // −ln p − H = (ln total − score) − (ln total − meanScore)
  for (let i = 0; i < count; i++) keys[i] = -Math.abs(meanScore - (scores[i] as number))
  keepHeaviest(candidates, keys, weights, typicalP * total)
}

import { type Candidates, keepHeaviest } from './candidates.ts'
import { type LogitSums, totalSlack } from './causal-model.ts'
import { expNegative } from './exponential.ts'
import { collect, greatestAllowed, inverse, temper } from './gather.ts'

/**
 * Fills `candidates` with the nucleus of `topP` of all ids at `temperature`, their scores and weights. Sums over the
 * logits, where they are known, spare a pass over them; where they can't decide, the exact sum does, so that the nucleus
 * is the same. Throws as {@link greatestAllowed} does.
 */
export function holdNucleus(
  logits: Float32Array,
  temperature: number,
  topP: number,
  candidates: Candidates,
  sums?: LogitSums,
): void {
  if (sums && holdSurely(logits, temperature, topP, candidates, sums)) return
  const top = greatestAllowed(logits)
  const scale = inverse(temperature)
  let total = 0
  for (let id = 0; id < logits.length; id++) total += expNegative(((logits[id] as number) - top) * scale)
  gatherHeavy(logits, top, temperature, topP, total, candidates)
  keepNucleus(candidates, topP)
}

/** Whether the nucleus by a total that is nearly right is the exact total's: its sum, with and without its last id, says so. */
function holdSurely(
  logits: Float32Array,
  temperature: number,
  topP: number,
  candidates: Candidates,
  { top, total }: LogitSums,
): boolean {
  gatherHeavy(logits, top, temperature, topP, total, candidates)
  keepNucleus(candidates, topP)
  const { weights, count, total: kept } = candidates
  let lightest = 1
  for (let i = 0; i < count; i++) lightest = Math.min(lightest, weights[i] as number)
  const [wanted, slack] = [topP * total, totalSlack(logits.length)]
  return kept > wanted * (1 + slack) && kept - lightest < wanted * (1 - slack)
}

/**
 * Gathers all ids that the nucleus may hold and few others; the total becomes that of all ids, as the nucleus needs.
 *
 * Ids of less than (1 − topP) ÷ vocabSize of the total together weigh less than 1 − topP of it: none is in the nucleus,
 * and most ids of a language model's are among them.
 */
function gatherHeavy(
  logits: Float32Array,
  top: number,
  temperature: number,
  topP: number,
  total: number,
  candidates: Candidates,
): void {
  const leastScore = Math.log(((1 - topP) * total) / logits.length) - 1e-3
  collect(logits, top, Math.max(top + temperature * leastScore, -Number.MAX_VALUE), candidates)
  temper(candidates, temperature)
  candidates.total = total
}

/**
 * Keeps the fewest likeliest ids whose probabilities sum to at least `topP` (of equals, lower ids first).
 * Holtzman et al. 2020, "The curious case of neural text degeneration", equation 2.
 */
export function keepNucleus(candidates: Candidates, topP: number): void {
  keepHeaviest(candidates, candidates.scores, candidates.weights, topP * candidates.total)
}

import { ConfigError } from '../errors.ts'
import { type Candidates, keepHeaviest, rankWhereSumReaches } from './candidates.ts'
import { expNegative } from './exponential.ts'

const blockSize = 32

/**
 * Fills `candidates.scores` with the logits that are not −∞: of all ids, or of the `topK` greatest where topK > 0
 * (of equals, the lower ids). Exactly topK stay, where Hugging Face keeps every tie of the last.
 *
 * The k-th greatest of the maxima of blocks is a bound that at least k logits reach and few others do, so that one pass
 * leaves little to select from. Throws {@link ConfigError} where every id is at −∞.
 */
export function gather(logits: Float32Array, topK: number, candidates: Candidates): void {
  const bound = topK > 0 ? boundOfGreatest(logits, topK, candidates) : Number.NEGATIVE_INFINITY
  const { ids, scores } = candidates
  let count = 0
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number
    if (logit >= bound && logit > Number.NEGATIVE_INFINITY) {
      ids[count] = id
      scores[count++] = logit
    }
  }
  if (count === 0) {
    throw new ConfigError('sample: got no id that may follow, wanted one; loosen the constraint or the logit bias')
  }
  candidates.count = count
  if (topK > 0 && topK < count) keepHeaviest(candidates, scores, undefined, topK)
}

/** A number that at least `k` logits reach; −∞ where blocks are too few to tell. */
function boundOfGreatest(logits: Float32Array, k: number, { keys, order }: Candidates): number {
  const blocks = Math.floor(logits.length / blockSize)
  if (k > blocks) return Number.NEGATIVE_INFINITY
  for (let block = 0; block < blocks; block++) {
    let greatest = Number.NEGATIVE_INFINITY
    const end = (block + 1) * blockSize
    for (let id = end - blockSize; id < end; id++) {
      const logit = logits[id] as number
      if (logit > greatest) greatest = logit
    }
    keys[block] = greatest
  }
  return keys[rankWhereSumReaches(order, keys, undefined, blocks, k)] as number
}

/** Divides the candidates' logits by `temperature` > 0, after taking off the greatest, and sets their weights. */
export function temper({ scores, weights, count }: Candidates, temperature: number): void {
  let greatest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) if ((scores[i] as number) > greatest) greatest = scores[i] as number
  for (let i = 0; i < count; i++) {
    const score = ((scores[i] as number) - greatest) / temperature
    scores[i] = score
    weights[i] = expNegative(score)
  }
}

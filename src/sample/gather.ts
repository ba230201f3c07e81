import { ConfigError } from '../errors.ts'
import { type Candidates, keepHeaviest } from './candidates.ts'
import { expNegative } from './exponential.ts'
import { whereSumReaches } from './quickselect.ts'

const blockSize = 32

/**
 * Fills `candidates` with the ids whose logits are not −∞, or the `topK` of them with the greatest where topK > 0 (of
 * equals, the lower ids), and their scores at `temperature` 1: weights are not set.
 *
 * Exactly topK stay, where Hugging Face keeps every tie of the last. Throws as {@link greatestAllowed} does.
 */
export function gather(logits: Float32Array, topK: number, candidates: Candidates): void {
  const top = greatestAllowed(logits)
  collect(logits, top, topK > 0 ? boundOfGreatest(logits, topK, candidates) : -Number.MAX_VALUE, candidates)
  const { scores, weights, count } = candidates
  if (topK === 0 || topK >= count) return
  weights.fill(1, 0, count)
  keepHeaviest(candidates, scores, weights, topK)
}

/** The greatest logit; throws {@link ConfigError} where all are at −∞. */
export function greatestAllowed(logits: Float32Array): number {
  const top = greatest(logits)
  if (top > Number.NEGATIVE_INFINITY) return top
  throw new ConfigError('sample: got no id that may follow, wanted one; loosen the constraint or the logit bias')
}

/**
 * Fills `candidates` with the ids whose logits are at least `bound`, and their scores at `temperature` 1. Counts without a
 * branch: which ids are among them can't be foreseen, and a processor that guesses wrongly loses three times as long.
 */
export function collect(logits: Float32Array, top: number, bound: number, candidates: Candidates): void {
  const { ids, scores } = candidates
  let count = 0
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number
    ids[count] = id
    scores[count] = logit - top
    count += Number(!(logit < bound))
  }
  candidates.count = count
}

/** 1 ÷ temperature, finite, so that a score of 0 stays 0. */
export function inverse(temperature: number): number {
  return Math.min(1 / temperature, Number.MAX_VALUE)
}

/**
 * The k-th greatest of the maxima of blocks: at least `k` logits reach it and few others do, so that one pass leaves
 * little to select from. The least finite number where blocks are too few.
 */
function boundOfGreatest(logits: Float32Array, k: number, { keys, weights, order }: Candidates): number {
  const blocks = Math.floor(logits.length / blockSize)
  if (k > blocks) return -Number.MAX_VALUE
  for (let block = 0; block < blocks; block++) {
    let maximum = Number.NEGATIVE_INFINITY
    const end = (block + 1) * blockSize
    for (let id = end - blockSize; id < end; id++) maximum = Math.max(maximum, logits[id] as number)
    keys[block] = maximum
    weights[block] = 1
    order[block] = block
  }
  return Math.max(keys[whereSumReaches(order, blocks, keys, weights, k)] as number, -Number.MAX_VALUE)
}

/** Divides the scores by `temperature` > 0 and sets weights and total; the greatest score must be 0. */
export function temper(candidates: Candidates, temperature: number): void {
  const { scores, weights, count } = candidates
  const scale = inverse(temperature)
  let total = 0
  for (let i = 0; i < count; i++) {
    const score = (scores[i] as number) * scale
    const weight = expNegative(score)
    scores[i] = score
    weights[i] = weight
    total += weight
  }
  candidates.total = total
}

/** The greatest of `values`, passing over NaN; −∞ of none. Four maxima at a time, which halves the time. */
export function greatest(values: Float32Array): number {
  let a = Number.NEGATIVE_INFINITY
  let b = a
  let c = a
  let d = a
  let i = 0
  for (; i + 3 < values.length; i += 4) {
    if ((values[i] as number) > a) a = values[i] as number
    if ((values[i + 1] as number) > b) b = values[i + 1] as number
    if ((values[i + 2] as number) > c) c = values[i + 2] as number
    if ((values[i + 3] as number) > d) d = values[i + 3] as number
  }
  for (; i < values.length; i++) if ((values[i] as number) > a) a = values[i] as number
  return Math.max(a, b, c, d)
}

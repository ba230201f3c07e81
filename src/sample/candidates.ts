import { whereSumReaches } from './quickselect.ts'

/**
 * The ids that are still in the draw, with their weights: what warpers narrow down.
 *
 * Ids ascend, always. All arrays have room for the whole vocabulary and are used again at every step; only the
 * first `count` entries mean anything.
 */
export interface Candidates {
  count: number
  /** `[count]` ids, ascending. */
  readonly ids: Int32Array
  /** `[count]` logits less the greatest, over temperature: natural logarithms of the weights, at most 0. */
  readonly scores: Float64Array
  /** `[count]` probabilities up to one common factor; the likeliest id of all weighs 1. */
  readonly weights: Float64Array
  /** Sum of the weights, and of those that the nucleus is sure to drop where `holdNucleus` leaves them out. */
  total: number
  /** Room for ranking keys, at most 0, and for what {@link keepHeaviest} sorts. */
  readonly keys: Float64Array
  readonly order: Int32Array
  readonly buckets: Float64Array
}

/** Buckets of {@link keepHeaviest}, a sixteenth of a unit wide; the last takes all below. */
const bucketCount = 512
const bucketsPerUnit = 16

/** Room for the candidates of a vocabulary. */
export function createCandidates(vocabSize: number): Candidates {
  return {
    count: 0,
    ids: new Int32Array(vocabSize),
    scores: new Float64Array(vocabSize),
    weights: new Float64Array(vocabSize),
    total: 0,
    keys: new Float64Array(vocabSize),
    order: new Int32Array(vocabSize),
    buckets: new Float64Array(bucketCount),
  }
}

/** Keeps the candidates that weigh at least `least`. */
export function keepAtLeast(candidates: Candidates, least: number): void {
  const { ids, scores, weights, count } = candidates
  let kept = 0
  let total = 0
  for (let i = 0; i < count; i++) {
    const weight = weights[i] as number
    if (weight < least) continue
    ids[kept] = ids[i] as number
    scores[kept] = scores[i] as number
    weights[kept++] = weight
    total += weight
  }
  candidates.count = kept
  candidates.total = total
}

/**
 * Keeps the shortest run of candidates, greatest `keys` ≤ 0 first (of equals, lower ids first), whose `shares` sum to
 * at least `budget` > 0; all of them where they don't reach it.
 *
 * Sums shares in buckets of keys, then selects inside the one bucket where the budget is reached: linear time.
 */
export function keepHeaviest(candidates: Candidates, keys: Float64Array, shares: Float64Array, budget: number): void {
  const { order, buckets, count } = candidates
  buckets.fill(0)
  for (let i = 0; i < count; i++) buckets[bucketOf(keys[i] as number)]! += shares[i] as number
  let bucket = 0
  let missing = budget
  while (bucket < bucketCount - 1 && (buckets[bucket] as number) < missing) missing -= buckets[bucket++] as number
  let members = 0
  for (let i = 0; i < count; i++) {
    order[members] = i
    members += Number(bucketOf(keys[i] as number) === bucket)
  }
  if (members > 0) keepThrough(candidates, keys, whereSumReaches(order, members, keys, shares, missing))
  else keepAtLeast(candidates, 0) // all, and the total becomes theirs
}

function bucketOf(key: number): number {
  return key > -bucketCount / bucketsPerUnit ? (-key * bucketsPerUnit) | 0 : bucketCount - 1
}

/** Keeps what ranks no later than index `last`. */
function keepThrough(candidates: Candidates, keys: Float64Array, last: number): void {
  const { ids, scores, weights, count } = candidates
  const lastKey = keys[last] as number
  let kept = 0
  let total = 0
  for (let i = 0; i < count; i++) {
    const key = keys[i] as number
    if (key < lastKey || (key === lastKey && i > last)) continue
    ids[kept] = ids[i] as number
    scores[kept] = scores[i] as number
    const weight = weights[i] as number
    weights[kept++] = weight
    total += weight
  }
  candidates.count = kept
  candidates.total = total
}

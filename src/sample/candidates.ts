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
  /** `[count]` logits over temperature, less the greatest: natural logarithms of the weights, at most 0. */
  readonly scores: Float64Array
  /** `[count]` probabilities up to one common factor; the likeliest id of all weighs 1. */
  readonly weights: Float64Array
  /** Ranking keys and order for {@link keepHeaviest}. */
  readonly keys: Float64Array
  readonly order: Int32Array
}

/** Room for the candidates of a vocabulary. */
export function createCandidates(vocabSize: number): Candidates {
  return {
    count: 0,
    ids: new Int32Array(vocabSize),
    scores: new Float64Array(vocabSize),
    weights: new Float64Array(vocabSize),
    keys: new Float64Array(vocabSize),
    order: new Int32Array(vocabSize),
  }
}

/** Sum of the weights, in order of ids. */
export function totalWeight({ weights, count }: Candidates): number {
  let total = 0
  for (let i = 0; i < count; i++) total += weights[i] as number
  return total
}

/** Keeps the candidates that weigh at least `least`. */
export function keepAtLeast(candidates: Candidates, least: number): void {
  const { weights, count } = candidates
  let kept = 0
  for (let i = 0; i < count; i++) if ((weights[i] as number) >= least) move(candidates, i, kept++)
  candidates.count = kept
}

/**
 * Keeps the shortest run of candidates, greatest `keys` first (of equals, lower ids first), whose weights sum to at
 * least `budget` > 0; all of them where they don't reach it. Without weights each counts 1.
 */
export function keepHeaviest(
  candidates: Candidates,
  keys: Float64Array,
  weights: Float64Array | undefined,
  budget: number,
): void {
  const { count } = candidates
  const last = rankWhereSumReaches(candidates.order, keys, weights, count, budget)
  const lastKey = keys[last] as number
  let kept = 0
  for (let i = 0; i < count; i++) {
    const key = keys[i] as number
    if (key > lastKey || (key === lastKey && i <= last)) move(candidates, i, kept++)
  }
  candidates.count = kept
}

function move(candidates: Candidates, from: number, to: number): void {
  candidates.ids[to] = candidates.ids[from] as number
  candidates.scores[to] = candidates.scores[from] as number
  candidates.weights[to] = candidates.weights[from] as number
}

/**
 * The index at which the running sum of `weights`, by descending `keys` (of equals, ascending index), first reaches
 * `budget` > 0; the last in that order where it never does. Without weights each counts 1.
 *
 * A quickselect (Hoare 1961) that follows the side in which the sum is reached: linear time, no sort, no allocation.
 * Leaves `order[0 … n)` a permutation of the indices.
 */
export function rankWhereSumReaches(
  order: Int32Array,
  keys: Float64Array,
  weights: Float64Array | undefined,
  n: number,
  budget: number,
): number {
  for (let i = 0; i < n; i++) order[i] = i
  let low = 0
  let high = n - 1
  let missing = budget
  while (low < high) {
    const pivot = partition(order, keys, low, high)
    const before = weights === undefined ? pivot - low : sumOver(order, weights, low, pivot)
    const through = before + (weights === undefined ? 1 : (weights[order[pivot] as number] as number))
    if (before >= missing) high = pivot - 1
    else if (through >= missing) return order[pivot] as number
    else {
      missing -= through
      low = pivot + 1
    }
  }
  return order[Math.min(low, n - 1)] as number
}

function sumOver(order: Int32Array, weights: Float64Array, from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += weights[order[i] as number] as number
  return sum
}

/** Moves what ranks before a middling pivot to its left; gives where the pivot ends. */
function partition(order: Int32Array, keys: Float64Array, low: number, high: number): number {
  swap(order, medianOfThree(order, keys, low, high), high)
  const pivot = order[high] as number
  const pivotKey = keys[pivot] as number
  let end = low
  for (let i = low; i < high; i++) {
    const index = order[i] as number
    const key = keys[index] as number
    if (key > pivotKey || (key === pivotKey && index < pivot)) {
      order[i] = order[end] as number
      order[end++] = index
    }
  }
  swap(order, end, high)
  return end
}

function medianOfThree(order: Int32Array, keys: Float64Array, low: number, high: number): number {
  const middle = (low + high) >> 1
  const [first, last] = ranksBefore(order, keys, low, high) ? [low, high] : [high, low]
  if (ranksBefore(order, keys, middle, first)) return first
  return ranksBefore(order, keys, middle, last) ? middle : last
}

function ranksBefore(order: Int32Array, keys: Float64Array, a: number, b: number): boolean {
  const x = order[a] as number
  const y = order[b] as number
  const difference = (keys[x] as number) - (keys[y] as number)
  return difference > 0 || (difference === 0 && x < y)
}

function swap(order: Int32Array, a: number, b: number): void {
  const held = order[a] as number
  order[a] = order[b] as number
  order[b] = held
}

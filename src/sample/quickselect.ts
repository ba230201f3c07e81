/**
 * Of the indices `order[0 … n)`, the one at which the running sum of `shares`, by descending `keys` (of equals,
 * ascending index), first reaches `budget` > 0; the last in that order where it never does.
 *
 * A quickselect (Hoare 1961) that follows the side in which the sum is reached: linear time, no full sort, nothing
 * allocated. Reorders the indices.
 */
export function whereSumReaches(
  order: Int32Array,
  n: number,
  keys: Float64Array,
  shares: Float64Array,
  budget: number,
): number {
  let low = 0
  let high = n - 1
  let missing = budget
  while (low < high) {
    const pivot = partition(order, keys, low, high)
    let before = 0
    for (let i = low; i < pivot; i++) before += shares[order[i] as number] as number
    const through = before + (shares[order[pivot] as number] as number)
    if (before >= missing) high = pivot - 1
    else if (through >= missing) return order[pivot] as number
    else {
      missing -= through
      low = pivot + 1
    }
  }
  return order[Math.min(low, n - 1)] as number
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
  const ordered = ranksBefore(order, keys, low, high)
  const first = ordered ? low : high
  const last = ordered ? high : low
  if (ranksBefore(order, keys, middle, first)) return first
  return ranksBefore(order, keys, middle, last) ? middle : last
}

function ranksBefore(order: Int32Array, keys: Float64Array, a: number, b: number): boolean {
  const x = order[a] as number
  const y = order[b] as number
  const keyX = keys[x] as number
  const keyY = keys[y] as number
  return keyX > keyY || (keyX === keyY && x < y)
}

function swap(order: Int32Array, a: number, b: number): void {
  const held = order[a] as number
  order[a] = order[b] as number
  order[b] = held
}

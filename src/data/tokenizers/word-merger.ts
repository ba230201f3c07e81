import type { MergeTable } from './merge-table.ts'

/** Ranks and positions share one float64: rank · 2^31 + position orders by rank, then from left to right. */
const positions = 2 ** 31

/**
 * Byte-pair encoding of one word (Sennrich et al. 2016): again and again the pair of lowest rank, the leftmost of
 * them, is merged. A heap of candidates makes that O(n log n) for words of any length.
 */
export class WordMerger {
  readonly #table: MergeTable
  #next = new Int32Array(0)
  #previous = new Int32Array(0)
  #heap = new Float64Array(0)
  #heapSize = 0

  constructor(table: MergeTable) {
    this.#table = table
  }

  /** Merges `symbols[0 … length - 1]` in place; gives how many are left. */
  merge(symbols: Int32Array, length: number): number {
    this.#link(length)
    for (let at = 0; at + 1 < length; at++) this.#propose(symbols, at, length)
    while (this.#heapSize > 0) {
      const key = this.#pop()
      const rank = Math.floor(key / positions)
      this.#apply(symbols, length, rank, key - rank * positions)
    }
    return this.#compact(symbols, length)
  }

  #link(length: number): void {
    if (this.#next.length < length) {
      const room = Math.max(64, length)
      this.#next = new Int32Array(room)
      this.#previous = new Int32Array(room)
      // Each symbol proposes once at first, and each of fewer than n merges proposes at most two more.
      this.#heap = new Float64Array(room * 3)
    }
    for (let at = 0; at < length; at++) {
      this.#next[at] = at + 1
      this.#previous[at] = at - 1
    }
  }

  /** Merges the pair at `at`, if it is still there. */
  #apply(symbols: Int32Array, length: number, rank: number, at: number): void {
    const right = this.#next[at]!
    if (symbols[at]! < 0 || right >= length) return
    if (this.#table.rank(symbols[at]!, symbols[right]!) !== rank) return
    symbols[at] = this.#table.results[rank]!
    symbols[right] = -1
    const after = this.#next[right]!
    this.#next[at] = after
    if (after < length) this.#previous[after] = at
    const before = this.#previous[at]!
    if (before >= 0) this.#propose(symbols, before, length)
    this.#propose(symbols, at, length)
  }

  #propose(symbols: Int32Array, at: number, length: number): void {
    const right = this.#next[at]!
    if (right >= length) return
    const rank = this.#table.rank(symbols[at]!, symbols[right]!)
    if (rank >= 0) this.#push(rank * positions + at)
  }

  #push(key: number): void {
    const heap = this.#heap
    let at = this.#heapSize++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]! <= key) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = key
  }

  #pop(): number {
    const heap = this.#heap
    const top = heap[0]!
    const size = --this.#heapSize
    const key = heap[size]!
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++
      if (key <= heap[child]!) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = key
    return top
  }

  #compact(symbols: Int32Array, length: number): number {
    let kept = 0
    for (let at = 0; at < length; at++) if (symbols[at]! >= 0) symbols[kept++] = symbols[at]!
    return kept
  }
}

/** A merge of byte-pair encoding: tokens `left` and `right`, side by side, become `result`. */
export interface Merge {
  readonly left: number
  readonly right: number
  readonly result: number
}

/** A well-mixed 32-bit hash of a pair of ids. */
export function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

/** Merges by pair, in an open-addressed hash table of numbers. A merge's rank is its place in the list. */
export class MergeTable {
  /** What each rank's merge gives. */
  readonly results: Int32Array
  readonly #mask: number
  readonly #pairs: Int32Array
  readonly #ranks: Int32Array

  /** A pair that is there twice has its last rank. */
  constructor(merges: readonly Merge[]) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, merges.length * 3)))
    this.#mask = size - 1
    this.#pairs = new Int32Array(size * 2)
    this.#ranks = new Int32Array(size).fill(-1)
    this.results = Int32Array.from(merges, (merge) => merge.result)
    for (const [rank, { left, right }] of merges.entries()) {
      const slot = this.#slotOf(left, right)
      this.#pairs[slot * 2] = left
      this.#pairs[slot * 2 + 1] = right
      this.#ranks[slot] = rank
    }
  }

  /** The rank of a pair's merge, -1 if they don't merge. */
  rank(left: number, right: number): number {
    return this.#ranks[this.#slotOf(left, right)]!
  }

  #slotOf(left: number, right: number): number {
    let slot = hashPair(left, right) & this.#mask
    while (this.#ranks[slot] !== -1 && (this.#pairs[slot * 2] !== left || this.#pairs[slot * 2 + 1] !== right)) {
      slot = (slot + 1) & this.#mask
    }
    return slot
  }
}

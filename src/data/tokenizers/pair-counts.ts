import { hashPair } from './merge-table.ts'

/** Pairs of neighbouring tokens, each with how often it occurs and in which words. Pairs are numbered from 0. */
export class PairCounts {
  #slots = new Int32Array(2 ** 14).fill(-1)
  readonly left: number[] = []
  readonly right: number[] = []
  readonly counts: number[] = []
  /** Words that may hold each pair, ascending within one round of merging; a word may be there twice. */
  readonly words: number[][] = []

  /** Adds `count` (negative to take away) to a pair in a word; gives the pair's number. */
  add(left: number, right: number, count: number, word: number): number {
    const pair = this.#numberOf(left, right)
    this.counts[pair] = this.counts[pair]! + count
    const words = this.words[pair]!
    if (count > 0 && words[words.length - 1] !== word) words.push(word)
    return pair
  }

  /** Forgets where a pair occurs, once it is merged. */
  takeWords(pair: number): readonly number[] {
    const words = this.words[pair]!
    this.words[pair] = []
    return words
  }

  #numberOf(left: number, right: number): number {
    const slot = this.#slotOf(left, right)
    const known = this.#slots[slot]!
    if (known !== -1) return known
    const pair = this.left.push(left) - 1
    this.right.push(right)
    this.counts.push(0)
    this.words.push([])
    this.#slots[slot] = pair
    if (pair * 2 > this.#slots.length) this.#grow()
    return pair
  }

  #slotOf(left: number, right: number): number {
    const mask = this.#slots.length - 1
    let slot = hashPair(left, right) & mask
    for (let pair = this.#slots[slot]!; pair !== -1; pair = this.#slots[slot]!) {
      if (this.left[pair] === left && this.right[pair] === right) break
      slot = (slot + 1) & mask
    }
    return slot
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    for (let pair = 0; pair < this.left.length; pair++) {
      this.#slots[this.#slotOf(this.left[pair]!, this.right[pair]!)] = pair
    }
  }
}

/**
 * The most frequent pair first; of equally frequent ones the lower left id, then the lower right id. Counts may fall
 * after a pair was queued: that is seen when it comes to the top, and it goes back where it belongs.
 */
export class PairQueue {
  readonly #pairs: PairCounts
  readonly #heap: number[] = []
  /** The count that each pair in the heap was queued with. */
  readonly #queued: number[] = []

  constructor(pairs: PairCounts) {
    this.#pairs = pairs
  }

  push(pair: number): void {
    this.#siftUp(this.#heap.length, pair, this.#pairs.counts[pair]!)
  }

  /** Takes the first pair out; undefined when none is left that occurs. */
  pop(): number | undefined {
    while (this.#heap.length > 0) {
      const pair = this.#heap[0]!
      const queued = this.#queued[0]!
      const count = this.#pairs.counts[pair]!
      if (count === queued && count > 0) {
        this.#removeTop()
        return pair
      }
      if (count <= 0) this.#removeTop()
      else this.#siftDown(pair, count)
    }
    return undefined
  }

  #removeTop(): void {
    const pair = this.#heap.pop()!
    const count = this.#queued.pop()!
    if (this.#heap.length > 0) this.#siftDown(pair, count)
  }

  #siftUp(start: number, pair: number, count: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(pair, count, parent)) break
      this.#move(parent, at)
      at = parent
    }
    this.#heap[at] = pair
    this.#queued[at] = count
  }

  #siftDown(pair: number, count: number): void {
    const size = this.#heap.length
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#isBefore(this.#heap[child + 1]!, this.#queued[child + 1]!, child)) child++
      if (!this.#isBefore(this.#heap[child]!, this.#queued[child]!, -1, pair, count)) break
      this.#move(child, at)
      at = child
    }
    this.#heap[at] = pair
    this.#queued[at] = count
  }

  #move(from: number, to: number): void {
    this.#heap[to] = this.#heap[from]!
    this.#queued[to] = this.#queued[from]!
  }

  #isBefore(pair: number, count: number, at: number, other = this.#heap[at]!, otherCount = this.#queued[at]!): boolean {
    if (count !== otherCount) return count > otherCount
    const { left, right } = this.#pairs
    return left[pair] !== left[other] ? left[pair]! < left[other]! : right[pair]! < right[other]!
  }
}

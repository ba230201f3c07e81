import { PairCounts, PairQueue } from './pair-counts.ts'

/** A word as token ids, and how often it occurs. */
export interface CountedWord {
  readonly ids: Int32Array
  readonly count: number
}

/** Learns merges: again and again the most frequent pair of neighbouring tokens becomes a token. */
export class MergeTrainer {
  /** Tokens by id. */
  readonly pieces: string[]
  readonly merges: [string, string][] = []
  readonly #ids: Map<string, number>
  readonly #join: (left: string, right: string) => string
  readonly #words: Int32Array[] = []
  readonly #counts: number[] = []
  readonly #pairs = new PairCounts()
  readonly #queue = new PairQueue(this.#pairs)

  /** `pieces`: what there is to begin with, by id. `join`: the token that two make. */
  constructor(
    pieces: readonly string[],
    words: Iterable<CountedWord>,
    join: (left: string, right: string) => string = (left, right) => left + right,
  ) {
    this.pieces = [...pieces]
    this.#ids = new Map(pieces.map((piece, id) => [piece, id]))
    this.#join = join
    for (const { ids: word, count } of words) {
      const index = this.#words.push(word) - 1
      this.#counts.push(count)
      for (let i = 0; i + 1 < word.length; i++) this.#pairs.add(word[i]!, word[i + 1]!, count, index)
    }
    for (let pair = 0; pair < this.#pairs.counts.length; pair++) this.#queue.push(pair)
  }

  /** Merges the most frequent pair, ties by the lower ids; false if none occurs `minFrequency` times. */
  mergeNext(minFrequency: number): boolean {
    const pair = this.#queue.pop()
    if (pair === undefined || this.#pairs.counts[pair]! < minFrequency) return false
    const [left, right] = [this.#pairs.left[pair]!, this.#pairs.right[pair]!]
    const merged = this.#tokenFor(this.#join(this.pieces[left]!, this.pieces[right]!))
    this.merges.push([this.pieces[left]!, this.pieces[right]!])
    const fresh = new Set<number>()
    for (const word of this.#pairs.takeWords(pair)) this.#mergeInWord(word, left, right, merged, fresh)
    this.#pairs.counts[pair] = 0
    for (const one of fresh) if (one !== pair) this.#queue.push(one)
    return true
  }

  #tokenFor(piece: string): number {
    const known = this.#ids.get(piece)
    if (known !== undefined) return known
    const id = this.pieces.push(piece) - 1
    this.#ids.set(piece, id)
    return id
  }

  /** Rewrites one word from left to right and keeps the counts of its pairs; pairs that gain go to `fresh`. */
  #mergeInWord(index: number, left: number, right: number, merged: number, fresh: Set<number>): void {
    const word = this.#words[index]!
    const count = this.#counts[index]!
    let kept = 0
    for (let at = 0; at < word.length; at++) {
      if (word[at] !== left || word[at + 1] !== right) {
        word[kept++] = word[at]!
        continue
      }
      if (kept > 0) {
        this.#pairs.add(word[kept - 1]!, left, -count, index)
        fresh.add(this.#pairs.add(word[kept - 1]!, merged, count, index))
      }
      if (at + 2 < word.length) {
        this.#pairs.add(right, word[at + 2]!, -count, index)
        fresh.add(this.#pairs.add(merged, word[at + 2]!, count, index))
      }
      word[kept++] = merged
      at++
    }
    if (kept < word.length) this.#words[index] = word.subarray(0, kept)
  }
}

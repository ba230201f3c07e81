import { suffixArray } from '../data/suffix-array.ts'
import { DataError } from '../errors.ts'

/** A stretch of a text that stands word for word in the corpus and cannot be longer on either side. */
export interface Passage {
  /** Where it begins in the text, in characters. */
  readonly start: number
  /** Characters (UTF-16 units, as `string.length` counts). */
  readonly length: number
  readonly text: string
  /** The document that it stands in, counted from 0 (one of them, if several). */
  readonly document: number
  /** Where it begins in that document, in characters. */
  readonly offset: number
}

const separator = 1
const firstCode = 2
const unknown = -1

/**
 * An index over a corpus that finds what a text copied from it: a suffix array (Manber and Myers 1993).
 *
 * It holds 5 bytes a character (6 if the corpus has more than 254 different ones) and takes linear
 * time to build. To look up m characters among n takes O(m + log n) comparisons in practice, O(m log n) at worst.
 */
export class CorpusIndex {
  readonly #text: Uint8Array | Uint16Array
  readonly #order: Int32Array
  readonly #codes: Uint16Array
  readonly #starts: readonly number[]

  private constructor(corpus: CodedCorpus) {
    const { alphabet } = corpus
    this.#text = alphabet <= 256 ? Uint8Array.from(corpus.text) : corpus.text
    this.#order = suffixArray(this.#text, alphabet)
    this.#codes = corpus.codes
    this.#starts = corpus.starts
  }

  /** Indexes documents; no passage crosses from one into the next. Throws {@link DataError} beyond 2^31 − 2 characters. */
  static async build(documents: AsyncIterable<string> | Iterable<string>): Promise<CorpusIndex> {
    return new CorpusIndex(await codeDocuments(documents))
  }

  /** Characters in all documents together. */
  get characters(): number {
    return this.#text.length - 1 - this.#starts.length
  }

  /** The longest beginning of `text.slice(start)` that stands in the corpus; its length may be 0. */
  longestAt(text: string, start: number): Passage {
    return this.#passage(text, start, this.#search(this.#encode(text), start))
  }

  /**
   * Every passage of at least `minimum` characters that stands in the corpus and is as long as it
   * can be on both sides, from left to right; passages may overlap.
   */
  passages(text: string, minimum = 1): Passage[] {
    const codes = this.#encode(text)
    const found: Passage[] = []
    for (let start = 0, end = 0; start < codes.length; ) {
      const match = this.#search(codes, start)
      end = Math.max(end, start + match.length)
      if (match.length >= minimum) found.push(this.#passage(text, start, match))
      start = this.#firstReachingBeyond(codes, start + 1, end)
    }
    return found
  }

  /**
   * The first start from `from` on whose longest match ends after `end`. Where a match ends never
   * falls as its start moves right, so halving finds it.
   */
  #firstReachingBeyond(codes: Int32Array, from: number, end: number): number {
    let low = from
    let high = Math.max(from, end)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (middle + this.#search(codes, middle).length > end) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The longest match of `codes` from `start` on: a binary search that never compares again what both bounds share. */
  #search(codes: Int32Array, start: number): Match {
    let low = 0
    let high = this.#order.length
    let lowShared = 0
    let highShared = 0
    let best: Match = { length: 0, position: 0 }
    while (low < high) {
      const middle = (low + high) >>> 1
      const position = this.#order[middle] as number
      const length = this.#shared(codes, start, position, Math.min(lowShared, highShared))
      if (length > best.length) best = { length, position }
      if (start + length === codes.length) break
      if ((codes[start + length] as number) > (this.#text[position + length] as number)) {
        low = middle + 1
        lowShared = length
      } else {
        high = middle
        highShared = length
      }
    }
    return best
  }

  /** How many codes from `start` on equal the corpus from `position` on, of which the first `known` surely do. */
  #shared(codes: Int32Array, start: number, position: number, known: number): number {
    let length = known
    while (start + length < codes.length && codes[start + length] === this.#text[position + length]) length++
    return length
  }

  #encode(text: string): Int32Array {
    return Int32Array.from({ length: text.length }, (_, i) => this.#codes[text.charCodeAt(i)] || unknown)
  }

  #passage(text: string, start: number, { length, position }: Match): Passage {
    const document = lastAtMost(this.#starts, position)
    const offset = position - (this.#starts[document] ?? 0)
    return { start, length, text: text.slice(start, start + length), document, offset }
  }
}

interface Match {
  readonly length: number
  /** Where it begins in the coded corpus. */
  readonly position: number
}

interface CodedCorpus {
  /** Codes of characters from 2 on, 1 after each document, 0 at the end. */
  readonly text: Uint16Array
  /** The code of each UTF-16 unit, 0 for those that do not occur. */
  readonly codes: Uint16Array
  /** How many codes there are. */
  readonly alphabet: number
  /** Where each document begins in `text`. */
  readonly starts: readonly number[]
}

async function codeDocuments(documents: AsyncIterable<string> | Iterable<string>): Promise<CodedCorpus> {
  const codes = new Uint16Array(1 << 16)
  let alphabet = firstCode
  const starts: number[] = []
  let text = new Uint16Array(1 << 16)
  let length = 0
  for await (const document of documents) {
    const needed = length + document.length + 2
    if (needed > 2 ** 31 - 2) throw new DataError('index the corpus: it has over 2^31 characters; index a part of it')
    if (needed > text.length) text = grown(text, needed)
    starts.push(length)
    for (let i = 0; i < document.length; i++) {
      const unit = document.charCodeAt(i)
      if (codes[unit] === 0) codes[unit] = alphabet++
      text[length++] = codes[unit] as number
    }
    text[length++] = separator
  }
  return { text: text.slice(0, length + 1), codes, alphabet, starts }
}

function grown(text: Uint16Array, needed: number): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(Math.max(needed, Math.floor(text.length * 1.5)))
  larger.set(text)
  return larger
}

/** The index of the last number that is at most `value`; 0 if none is. */
function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) <= value) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

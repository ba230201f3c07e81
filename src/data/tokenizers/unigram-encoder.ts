import { DataError } from '../../errors.ts'
import { CachedWords } from './cached-words.ts'
import type { PlainEncoder } from './encoders.ts'
import type { IdBuffer } from './id-buffer.ts'
import { metaspace, metaspaceEnd } from './metaspace.ts'
import { PieceTrie } from './piece-trie.ts'

/** A Unigram model behind the Metaspace pre-tokenizer. */
export interface UnigramModel {
  /** Piece, its id, and the logarithm of its probability. */
  readonly pieces: readonly (readonly [piece: string, id: number, score: number])[]
  /** What a character costs that no piece spells; below all scores. */
  readonly unknownScore: number
  /** The token of a run of such characters, if there is one. */
  readonly unknown: number | undefined
  /** Ids of the 256 bytes, -1 for those that are missing; undefined without byte fallback. */
  readonly bytes: Int32Array | undefined
  /** Where a `▁` is put in front that the text lacks: of the text, of every part between special tokens, or nowhere. */
  readonly prepend: 'first' | 'always' | 'never'
  /** Whether each `▁` begins a word that no piece crosses. */
  readonly splits: boolean
}

const utf8 = new TextEncoder()
const space = 0x20
const metaspaceUnit = metaspace.charCodeAt(0)

/**
 * The most probable segmentation under a Unigram language model (Kudo 2018, section 3.2), by Viterbi's algorithm over
 * a trie of the pieces: linear in the length of a word. Of equals it takes what Hugging Face's `tokenizers` takes: at
 * each end the piece that begins first.
 */
export class UnigramEncoder implements PlainEncoder {
  readonly #model: UnigramModel
  readonly #trie: PieceTrie
  readonly #scores: Float64Array
  readonly #words = new CachedWords((text, start, end, ids) => this.#encodeWord(text, start, end, ids))
  /** For each end: the best score, where the last piece begins, its id (-1: no piece spells the character). */
  #best = new Float64Array(65)
  #from = new Int32Array(65)
  #ids = new Int32Array(65)

  constructor(model: UnigramModel) {
    this.#model = model
    this.#trie = new PieceTrie(model.pieces.map(([piece, id]) => [piece, id] as const))
    this.#scores = new Float64Array(model.pieces.reduce((most, [, id]) => Math.max(most, id), 0) + 1)
    for (const [, id, score] of model.pieces) this.#scores[id] = score
  }

  encode(text: string, ids: IdBuffer, isStart = true): void {
    let start = 0
    if (text !== '' && this.#lacksSpace(text, isStart)) {
      start = this.#wordEnd(text, 0)
      this.#words.append(metaspace + text.slice(0, start), 0, start + 1, ids)
    }
    while (start < text.length) {
      const end = this.#wordEnd(text, start)
      this.#words.append(text, start, end, ids)
      start = end
    }
  }

  #wordEnd(text: string, start: number): number {
    return this.#model.splits ? metaspaceEnd(text, start) : text.length
  }

  #lacksSpace(text: string, isStart: boolean): boolean {
    const { prepend } = this.#model
    const unit = text.charCodeAt(0)
    return (prepend === 'always' || (prepend === 'first' && isStart)) && unit !== space && unit !== metaspaceUnit
  }

  #encodeWord(text: string, start: number, end: number, ids: IdBuffer): void {
    const length = end - start
    this.#search(text, start, length)
    const reversed: number[] = []
    for (let at = length; at > 0; at = this.#from[at]!) {
      if (this.#ids[at]! >= 0) reversed.push(this.#ids[at]!)
      else at = this.#pushUnknown(text, start, at, reversed)
    }
    ids.reserve(reversed.length)
    for (let i = reversed.length - 1; i >= 0; i--) ids.data[ids.length++] = reversed[i]!
  }

  #search(text: string, start: number, length: number): void {
    this.#reserve(length + 1)
    const [trie, best, scores] = [this.#trie, this.#best, this.#scores]
    best.fill(Number.NEGATIVE_INFINITY, 1, length + 1)
    best[0] = 0
    for (let at = 0, width = 1; at < length; at += width) {
      width = widthAt(text, start + at, start + length)
      let isSpelled = false
      for (let node = 0, to = at; to < length; ) {
        const unit = text.charCodeAt(start + to)
        node = trie.child(node, unit === space ? metaspaceUnit : unit)
        if (node === 0) break
        to++
        const id = trie.ids[node]!
        if (id < 0) continue
        if (to - at === width) isSpelled = true
        this.#offer(at, to, id, scores[id]!)
      }
      if (!isSpelled) this.#offer(at, at + width, -1, this.#model.unknownScore)
    }
  }

  #offer(from: number, to: number, id: number, score: number): void {
    const total = this.#best[from]! + score
    if (total <= this.#best[to]!) return
    this.#best[to] = total
    this.#from[to] = from
    this.#ids[to] = id
  }

  #reserve(size: number): void {
    if (this.#best.length >= size) return
    this.#best = new Float64Array(size * 2)
    this.#from = new Int32Array(size * 2)
    this.#ids = new Int32Array(size * 2)
  }

  /** Spells the run of unknown characters that ends at `end`, backwards; gives the end of the first of them. */
  #pushUnknown(text: string, start: number, end: number, reversed: number[]): number {
    let first = end
    while (this.#from[first]! > 0 && this.#ids[this.#from[first]!]! < 0) first = this.#from[first]!
    const run = text.slice(start + this.#from[first]!, start + end).replaceAll(' ', metaspace)
    for (const id of this.#spellUnknown(run).reverse()) reversed.push(id)
    return first
  }

  /** The bytes of characters that no piece spells, or one token for all of them. */
  #spellUnknown(run: string): number[] {
    const { bytes, unknown } = this.#model
    const ids = bytes === undefined ? [-1] : Array.from(utf8.encode(run), (byte) => bytes[byte]!)
    if (!ids.includes(-1)) return ids
    if (unknown !== undefined) return [unknown]
    throw new DataError(
      `encode: no token spells ${JSON.stringify(run.slice(0, 20))}, and there is none for the unknown; leave it out`,
      { run },
    )
  }
}

/** UTF-16 units of the code point at `at`: 2 for a surrogate pair. */
function widthAt(text: string, at: number, end: number): number {
  const unit = text.charCodeAt(at)
  if (unit < 0xd800 || unit > 0xdbff || at + 1 >= end) return 1
  const next = text.charCodeAt(at + 1)
  return next >= 0xdc00 && next <= 0xdfff ? 2 : 1
}

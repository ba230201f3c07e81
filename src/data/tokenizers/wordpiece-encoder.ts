import { type BertNormalization, stretchEnd, wordsOfStretch } from './bert-words.ts'
import { CachedWords } from './cached-words.ts'
import type { PlainEncoder } from './encoders.ts'
import type { IdBuffer } from './id-buffer.ts'
import { PieceTrie } from './piece-trie.ts'

/** A WordPiece model. */
export interface WordPieceModel {
  /** Ids by piece; those that go on within a word begin with `continuing`. */
  readonly pieces: Iterable<readonly [piece: string, id: number]>
  /** `##` */
  readonly continuing: string
  readonly unknown: number
  /** Words of more code points are unknown. */
  readonly longestWord: number
  readonly normalization: BertNormalization
}

const space = 0x20

/**
 * WordPiece behind BERT's normalizer and pre-tokenizer (Devlin et al. 2019): of each word the longest piece that
 * begins it, then the longest that goes on, and so forth; a word that can't be spelled so is unknown as a whole.
 */
export class WordPieceEncoder implements PlainEncoder {
  readonly #model: WordPieceModel
  readonly #trie: PieceTrie
  /** Where pieces that go on begin; -1 if the vocabulary has none. */
  readonly #continuing: number
  readonly #words = new CachedWords((text, start, end, ids) => {
    for (const word of wordsOfStretch(text.slice(start, end), this.#model.normalization)) this.#encodeWord(word, ids)
  })

  constructor(model: WordPieceModel) {
    this.#model = model
    this.#trie = new PieceTrie(model.pieces)
    this.#continuing = this.#trie.nodeOf(model.continuing) || (model.continuing === '' ? 0 : -1)
  }

  encode(text: string, ids: IdBuffer): void {
    const { splitIdeographs } = this.#model.normalization
    for (let start = 0; start < text.length; ) {
      if (text.charCodeAt(start) === space) {
        start++
        continue
      }
      const end = stretchEnd(text, start, splitIdeographs)
      this.#words.append(text, start, end, ids)
      start = end
    }
  }

  #encodeWord(word: string, ids: IdBuffer): void {
    const { unknown, longestWord } = this.#model
    const before = ids.length
    let at = word.length > longestWord && [...word].length > longestWord ? -1 : 0
    while (at >= 0 && at < word.length) at = this.#longestPiece(word, at, ids)
    if (at >= 0) return
    ids.length = before
    ids.push(unknown)
  }

  /** Appends the longest piece at `start`, and gives where it ends; -1 if there is none. */
  #longestPiece(word: string, start: number, ids: IdBuffer): number {
    const trie = this.#trie
    let node = start === 0 ? 0 : this.#continuing
    let [end, id] = [-1, -1]
    if (node < 0) return -1
    for (let at = start; at < word.length; at++) {
      node = trie.child(node, word.charCodeAt(at))
      if (node === 0) break
      if (trie.ids[node]! < 0) continue
      id = trie.ids[node]!
      end = at + 1
    }
    if (end >= 0) ids.push(id)
    return end
  }
}

import { DataError } from '../../errors.ts'
import type { IdBuffer } from './id-buffer.ts'
import { type Merge, MergeTable } from './merge-table.ts'
import { pieceEnd } from './pre-tokenizer.ts'
import { longestCachedWord, WordCache } from './word-cache.ts'
import { WordMerger } from './word-merger.ts'

/** Appends the ids of plain text, without special tokens; `isStart` says that no other part of the text is before it. */
export interface PlainEncoder {
  encode(text: string, ids: IdBuffer, isStart?: boolean): void
}

const utf8 = new TextEncoder()

/** One id for each byte of UTF-8. */
export class ByteEncoder implements PlainEncoder {
  readonly #idOfByte: Int32Array

  /** `idOfByte`: 256 ids. */
  constructor(idOfByte: Int32Array) {
    this.#idOfByte = idOfByte
  }

  encode(text: string, ids: IdBuffer): void {
    const bytes = utf8.encode(text)
    ids.reserve(bytes.length)
    for (const byte of bytes) ids.data[ids.length++] = this.#idOfByte[byte]!
  }
}

/** One id for each Unicode code point. */
export class CharEncoder implements PlainEncoder {
  readonly #basic = new Int32Array(0x10000).fill(-1)
  readonly #astral = new Map<number, number>()
  readonly #unknown: number | undefined
  readonly #size: number

  /** `idOfChar` has single code points as keys. Without `unknown`, other characters are a DataError. */
  constructor(idOfChar: ReadonlyMap<string, number>, unknown: number | undefined) {
    for (const [char, id] of idOfChar) {
      const codePoint = char.codePointAt(0)!
      if (codePoint < 0x10000) this.#basic[codePoint] = id
      else this.#astral.set(codePoint, id)
    }
    this.#unknown = unknown
    this.#size = idOfChar.size
  }

  encode(text: string, ids: IdBuffer): void {
    ids.reserve(text.length)
    for (let at = 0; at < text.length; at++) {
      const codePoint = text.codePointAt(at)!
      const id = codePoint < 0x10000 ? this.#basic[codePoint]! : (this.#astral.get(codePoint) ?? -1)
      ids.data[ids.length++] = id >= 0 ? id : this.#missing(codePoint, at)
      if (codePoint > 0xffff) at++
    }
  }

  #missing(codePoint: number, position: number): number {
    if (this.#unknown !== undefined) return this.#unknown
    const character = String.fromCodePoint(codePoint)
    const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
    throw new DataError(
      `encode: character ${JSON.stringify(character)} (${name}) at position ${position} is not among the ` +
        `${this.#size} that this model knows; leave it out, or train with the byte or bpe tokenizer`,
      { character, codePoint, position },
    )
  }
}

/** Byte-level byte-pair encoding behind GPT-2's pre-tokenizer, with a cache of words. */
export class BpeEncoder implements PlainEncoder {
  readonly #idOfByte: Int32Array
  readonly #merger: WordMerger
  readonly #cache = new WordCache()
  #symbols = new Int32Array(256)

  /** `idOfByte`: 256 ids. `merges`: lowest rank first. */
  constructor(idOfByte: Int32Array, merges: readonly Merge[]) {
    this.#idOfByte = idOfByte
    this.#merger = new WordMerger(new MergeTable(merges))
  }

  encode(text: string, ids: IdBuffer): void {
    for (let start = 0; start < text.length; ) {
      const end = pieceEnd(text, start)
      const isCachable = end - start <= longestCachedWord
      if (!isCachable || !this.#cache.find(text, start, end, ids)) this.#encodeWord(text, start, end, ids, isCachable)
      start = end
    }
  }

  #encodeWord(text: string, start: number, end: number, ids: IdBuffer, isCachable: boolean): void {
    const bytes = utf8.encode(text.slice(start, end))
    if (this.#symbols.length < bytes.length) this.#symbols = new Int32Array(bytes.length)
    for (let i = 0; i < bytes.length; i++) this.#symbols[i] = this.#idOfByte[bytes[i]!]!
    const count = this.#merger.merge(this.#symbols, bytes.length)
    if (isCachable) this.#cache.add(text, start, end, this.#symbols, count)
    ids.append(this.#symbols, 0, count)
  }
}

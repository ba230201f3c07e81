import { IdBuffer } from './id-buffer.ts'
import { longestCachedWord, WordCache } from './word-cache.ts'

/** Appends the ids of the word `text[start … end - 1]`. */
export type WordEncoder = (text: string, start: number, end: number, ids: IdBuffer) => void

/** Encodes words, and remembers short ones by their characters in place. */
export class CachedWords {
  readonly #cache = new WordCache()
  readonly #encode: WordEncoder
  readonly #fresh = new IdBuffer(256)

  constructor(encode: WordEncoder) {
    this.#encode = encode
  }

  /** Appends the ids of the word `text[start … end - 1]`. */
  append(text: string, start: number, end: number, ids: IdBuffer): void {
    if (end - start > longestCachedWord) this.#encode(text, start, end, ids)
    else if (!this.#cache.find(text, start, end, ids)) this.#learn(text, start, end, ids)
  }

  #learn(text: string, start: number, end: number, ids: IdBuffer): void {
    const fresh = this.#fresh
    fresh.clear()
    this.#encode(text, start, end, fresh)
    if (fresh.length > 0) this.#cache.add(text, start, end, fresh.data, fresh.length)
    ids.append(fresh.data, 0, fresh.length)
  }
}

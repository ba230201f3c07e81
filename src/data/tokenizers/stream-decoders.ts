import type { StreamDecoder } from './tokenizer.ts'

/** Streams tokens that are bytes: whatever ends within a character waits for the rest of it. */
export class ByteStreamDecoder implements StreamDecoder {
  readonly #bytesOf: (id: number, isFirst: boolean) => Uint8Array | undefined
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  #isFirst = true

  /** `bytesOf`: undefined for tokens that are not shown; `isFirst` until one was. */
  constructor(bytesOf: (id: number, isFirst: boolean) => Uint8Array | undefined) {
    this.#bytesOf = bytesOf
  }

  push(id: number): string {
    const bytes = this.#bytesOf(id, this.#isFirst)
    if (bytes === undefined) return ''
    this.#isFirst = false
    return this.#utf8.decode(bytes, { stream: true })
  }

  flush(): string {
    this.#isFirst = true
    return this.#utf8.decode()
  }
}

const replacement = '\ufffd'

/**
 * Streams through any `decode` in which later tokens leave earlier text as it is: decodes the last few tokens with
 * and without the new one, and gives the difference once it doesn't end within a character.
 */
export class WindowStreamDecoder implements StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string
  #window: number[] = []
  /** Text that is out already, at the start of the window's. */
  #known = ''
  /** How many of the window's ids `#known` covers. */
  #knownIds = 0

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode
  }

  push(id: number): string {
    this.#window.push(id)
    const text = this.#decode(this.#window)
    if (text.length <= this.#known.length || text.endsWith(replacement)) return ''
    const fresh = text.slice(this.#known.length)
    this.#window = this.#window.slice(this.#knownIds)
    this.#known = this.#knownIds === 0 ? text : this.#decode(this.#window)
    this.#knownIds = this.#window.length
    return fresh
  }

  flush(): string {
    const rest = this.#window.length === 0 ? '' : this.#decode(this.#window).slice(this.#known.length)
    this.#window = []
    this.#known = ''
    this.#knownIds = 0
    return rest
  }
}

import { corrupt } from './tokenizer-json.ts'

const utf8 = new TextEncoder()

/** Bytes of a grapheme from which on only its characters are looked up, as in Hugging Face's. */
const longGrapheme = 6

/** Printable ASCII, of which each character is a grapheme, and whatever else stands beside it. */
const beyondAscii = /(?:[ -~]?[^ -~]+)+[ -~]?/g

const mostRemembered = 1 << 14

/**
 * The rules by which a SentencePiece model rewrites characters (Kudo & Richardson 2018, section 3.3), compiled: NFKC
 * and the like, as T5 and XLM-R have them. A double-array trie over UTF-8 (Aoe 1989; units as in Darts-clone) gives
 * for each sequence where in a table its replacement begins.
 *
 * As in Hugging Face's `tokenizers`, whole graphemes are looked up first, then their characters, and the shortest rule
 * that begins a grapheme replaces all of it.
 */
export class PrecompiledMap {
  readonly #units: Uint32Array
  readonly #replacements: Uint8Array
  readonly #known = new Map<string, string>()
  readonly #graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
  readonly #keepsAscii: boolean

  /** `base64`: the size of the trie in bytes, little-endian in four bytes; the trie; replacements that end in 0. */
  constructor(base64: string) {
    const bytes = decode(base64)
    const size = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : 0
    if (size === 0 || size % 4 !== 0 || size + 4 > bytes.length) throw corrupt('its precompiled_charsmap is cut short')
    const view = new DataView(bytes.buffer, 4, size)
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(i * 4, true))
    this.#replacements = bytes.subarray(4 + size)
    this.#keepsAscii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).every(
      (char) => (this.#find(char) ?? char) === char,
    )
  }

  /** The text with all rules applied. */
  apply(text: string): string {
    const rewrite = (part: string) => {
      let rewritten = ''
      for (const { segment } of this.#graphemes.segment(part)) rewritten += this.#rewriteGrapheme(segment)
      return rewritten
    }
    return this.#keepsAscii ? text.replace(beyondAscii, rewrite) : rewrite(text)
  }

  #rewriteGrapheme(grapheme: string): string {
    const known = this.#known.get(grapheme)
    if (known !== undefined) return known
    const isLong = utf8.encode(grapheme).length >= longGrapheme
    let rewritten = isLong ? undefined : this.#find(grapheme)
    if (rewritten === undefined) {
      rewritten = ''
      for (const char of grapheme) rewritten += this.#find(char) ?? char
    }
    if (this.#known.size < mostRemembered) this.#known.set(grapheme, rewritten)
    return rewritten
  }

  /** The replacement of the shortest rule that begins `text`; undefined if there is none. */
  #find(text: string): string | undefined {
    const units = this.#units
    let node = offsetOf(units[0]!)
    for (const byte of utf8.encode(text)) {
      node ^= byte
      const unit = units[node]
      if (byte === 0 || unit === undefined || (unit & 0x800000ff) !== byte) return undefined
      node ^= offsetOf(unit)
      if ((unit & 0x100) !== 0) return this.#replacementAt((units[node] ?? 0) & 0x7fffffff)
    }
    return undefined
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start)
    return new TextDecoder().decode(this.#replacements.subarray(start, end < 0 ? undefined : end))
  }
}

/** How far a unit's children are, by exclusive or. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  } catch (cause) {
    throw corrupt('its precompiled_charsmap is no base64', cause)
  }
}

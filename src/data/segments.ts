/**
 * A piece of a document on its way into a corpus. Long documents come in several pieces, so that a file
 * larger than memory passes through; a short one is a single piece with `last` set.
 */
export interface DocumentSegment {
  /** Text in NFC with `\n` line ends; joining the pieces gives the document. */
  readonly text: string
  /** The file's path, or `-` for standard input. */
  readonly source: string
  /** Place of the document within its source: 0 for plain text, the row for tables and JSON. */
  readonly index: number
  /** Whether the document ends with this piece. */
  readonly last: boolean
  /** There where a part of the document ends with this piece, such as the first text of a pair. */
  readonly endsPart?: true
}

const defaultSize = 1 << 18

/**
 * Cuts a stream of text into pieces of at most `size` UTF-16 units, at places that depend on the text alone.
 *
 * A cut goes after a single newline between two visible characters, else before a single space between two:
 * there GPT-2's pre-tokenizer cuts too, so the pieces encode to the ids of the whole. Text without such a place
 * is cut where NFC of the pieces equals NFC of the whole, and never inside a surrogate pair.
 */
export class Segmenter {
  private readonly size: number
  private rest = ''

  constructor(size: number = defaultSize) {
    this.size = size
  }

  /** Takes more text and gives the pieces that are complete. */
  push(text: string): string[] {
    this.rest += text
    const pieces: string[] = []
    let start = 0
    while (this.rest.length - start > this.size + 2) {
      const window = this.rest.slice(start, start + this.size + 2)
      const cut = lastCut(window, this.size)
      pieces.push(window.slice(0, cut))
      start += cut
    }
    this.rest = this.rest.slice(start)
    return pieces
  }

  /** Gives what remains (possibly empty) and starts afresh. */
  finish(): string {
    const rest = this.rest
    this.rest = ''
    return rest
  }
}

const space = /\s/
const joinsPrevious = /[\p{M}\u1160-\u11ff\u{16d60}-\u{16d7f}]/u

function lastCut(text: string, limit: number): number {
  return cutAfterNewline(text, limit) ?? cutBeforeSpace(text, limit) ?? cutBetweenCharacters(text, limit)
}

function cutAfterNewline(text: string, limit: number): number | undefined {
  for (let at = text.lastIndexOf('\n', limit - 1); at > limit / 2; at = text.lastIndexOf('\n', at - 1)) {
    if (isVisible(text, at - 1) && isVisible(text, at + 1)) return at + 1
  }
  return undefined
}

function cutBeforeSpace(text: string, limit: number): number | undefined {
  for (let at = text.lastIndexOf(' ', limit); at > limit / 2; at = text.lastIndexOf(' ', at - 1)) {
    if (isVisible(text, at - 1) && isVisible(text, at + 1)) return at
  }
  return undefined
}

function cutBetweenCharacters(text: string, limit: number): number {
  const whole = splitsPair(text, limit) ? limit - 1 : limit
  for (let at = whole; at > limit / 2; at--) {
    if (!splitsPair(text, at) && !joinsPrevious.test(String.fromCodePoint(text.codePointAt(at)!))) return at
  }
  return whole
}

function isVisible(text: string, at: number): boolean {
  return !space.test(text.charAt(at))
}

function splitsPair(text: string, at: number): boolean {
  return isBetween(text.charCodeAt(at - 1), 0xd800, 0xdbff) && isBetween(text.charCodeAt(at), 0xdc00, 0xdfff)
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high
}

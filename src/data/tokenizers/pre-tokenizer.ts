/**
 * GPT-2's pre-tokenizer (Radford et al. 2019): text is cut into these matches, and no token crosses a cut.
 * `\s` is JavaScript's, as in `@huggingface/tokenizers`; Python's differs for U+0085 and U+FEFF alone.
 */
export const gpt2Pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

const letter = 1
const number = 2
const space = 3
const other = 4

const space20 = 0x20
const apostrophe = 0x27

/** Class of each code point, found when first asked for; 0 is not asked yet. */
const classes = new Uint8Array(0x110000)

function classify(codePoint: number): number {
  const char = String.fromCodePoint(codePoint)
  const found = /\p{L}/u.test(char) ? letter : /\p{N}/u.test(char) ? number : /\s/.test(char) ? space : other
  classes[codePoint] = found
  return found
}

function classOf(codePoint: number): number {
  return classes[codePoint] || classify(codePoint)
}

/**
 * The end of the piece that starts at `start`, 0 ≤ start < text.length: what {@link gpt2Pattern} would match there,
 * found in one pass without creating strings. Positions are UTF-16 units.
 */
export function pieceEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === apostrophe) {
    const length = contractionLength(text, start)
    if (length > 0) return start + length
  }
  let at = start
  if (first === space20) {
    at++
    if (at === text.length) return at
  }
  const kind = classOf(text.codePointAt(at)!)
  return kind === space ? whitespaceEnd(text, start) : runEnd(text, at, kind)
}

/** Length of `'s 't 're 've 'm 'll 'd` at an apostrophe, or 0. */
function contractionLength(text: string, start: number): number {
  const second = text[start + 1]
  if (second === 's' || second === 't' || second === 'm' || second === 'd') return 2
  const third = text[start + 2]
  if ((second === 'r' || second === 'v') && third === 'e') return 3
  return second === 'l' && third === 'l' ? 3 : 0
}

/** The end of a run of one class. */
function runEnd(text: string, start: number, kind: number): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit < 0xd800 || unit > 0xdbff) {
      if (classOf(unit) !== kind) return at
      at++
    } else {
      const codePoint = text.codePointAt(at)!
      if (classOf(codePoint) !== kind) return at
      at += codePoint > 0xffff ? 2 : 1
    }
  }
  return at
}

/** `\s+(?!\S)|\s+`: a run of white space leaves its last character to the word that follows, unless it is alone. */
function whitespaceEnd(text: string, start: number): number {
  const end = runEnd(text, start, space)
  return end === text.length || end - start === 1 ? end : end - 1
}

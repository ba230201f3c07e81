/** SentencePiece's visible space, U+2581 (Kudo & Richardson 2018, section 3.1). */
export const metaspace = '▁'

const space = 0x20
const metaspaceUnit = metaspace.charCodeAt(0)

/** The end of the word that begins at `start`: the next space or `▁`, which begins another. */
export function metaspaceEnd(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== space && text.charCodeAt(at) !== metaspaceUnit) at++
  return at
}

const letter = 1
const number = 2
const blank = 3
const other = 4

/** Class of each code point, found when first asked for; 0 is not asked yet. */
const classes = new Uint8Array(0x110000)

function classOf(codePoint: number): number {
  classes[codePoint] ||= classify(String.fromCodePoint(codePoint))
  return classes[codePoint]!
}

function classify(char: string): number {
  if (/[\p{L}\p{M}]/u.test(char)) return letter
  if (/\p{N}/u.test(char)) return number
  return /\s/.test(char) ? blank : other
}

/** Longer runs are counted in parts. In UTF-16 units. */
const longestRun = 32

/**
 * Adds what Unigram pieces are learned from to `counts` and gives it back: runs of letters (with their marks), of
 * digits, of white space and of the rest, each with the `▁` before it; texts in NFC. No piece crosses the end of a
 * run, as none of SentencePiece's crosses from one script to another.
 * With `prefixSpace` a text that does not begin with a space is counted as if it did.
 */
export function countMetaspaceRuns(
  texts: Iterable<string>,
  { prefixSpace = false }: { readonly prefixSpace?: boolean } = {},
  counts: Map<string, number> = new Map(),
): Map<string, number> {
  for (const raw of texts) {
    const text = raw.normalize('NFC').replaceAll(' ', metaspace)
    countRuns(prefixSpace && text !== '' && !text.startsWith(metaspace) ? metaspace + text : text, counts)
  }
  return counts
}

function countRuns(text: string, counts: Map<string, number>): void {
  for (let start = 0; start < text.length; ) {
    const end = runEnd(text, start)
    const run = text.slice(start, end)
    counts.set(run, (counts.get(run) ?? 0) + 1)
    start = end
  }
}

function runEnd(text: string, start: number): number {
  let at = text.charCodeAt(start) === metaspaceUnit ? start + 1 : start
  const kind = at < text.length ? classOf(text.codePointAt(at)!) : other
  while (at < text.length && at - start < longestRun) {
    const codePoint = text.codePointAt(at)!
    if (codePoint === metaspaceUnit || classOf(codePoint) !== kind) return at
    at += codePoint > 0xffff ? 2 : 1
  }
  return at
}

/** What BERT's tokenizer makes of a character. */
export const bertClass = {
  /** Part of a word. */
  word: 1,
  /** A word of its own: ASCII symbols and Unicode's punctuation. */
  punctuation: 2,
  /** Between words. */
  space: 3,
  /** Chinese ideographs, as BERT counts them: words of their own if the normalizer says so. */
  ideograph: 4,
  /** Taken away: control, format and private characters, NUL, U+FFFD, halves of surrogate pairs. */
  dropped: 5,
} as const

const control = /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}\0\ufffd]$/u
const punctuation = /^[\p{P}$+<=>^`|~\u166d\u{111c9}]$/u

/** First and last code points in pairs, as Hugging Face's `is_chinese_char` has them: extension E begins late there. */
const ideographs = [
  ...[0x4e00, 0x9fff, 0x3400, 0x4dbf, 0x20000, 0x2a6df, 0x2a700, 0x2b73f, 0x2b740, 0x2b81f],
  ...[0x2b920, 0x2ceaf, 0xf900, 0xfaff, 0x2f800, 0x2fa1f],
]

/**
 * Hugging Face's Unicode tables for this are of 2015: characters that became punctuation or format controls
 * later, or did so then and no more, are parts of words. First and last code points in pairs.
 */
const newer = [
  ...[0x61d, 0x61d, 0x9fd, 0x9fd, 0xa76, 0xa76, 0xc77, 0xc77, 0xc84, 0xc84, 0x1b4e, 0x1b4f, 0x1b7d, 0x1b7f],
  ...[0x2e43, 0x2e4f, 0x2e52, 0x2e5d, 0x10d6e, 0x10d6e, 0x10ead, 0x10ead, 0x10ed0, 0x10ed0, 0x10f55, 0x10f59],
  ...[0x10f86, 0x10f89, 0x113d4, 0x113d8, 0x1144b, 0x1144f, 0x1145a, 0x1145d, 0x11660, 0x1166c, 0x116b9, 0x116b9],
  ...[0x1183b, 0x1183b, 0x11944, 0x11946, 0x119e2, 0x119e2, 0x11a3f, 0x11a46, 0x11a9a, 0x11aa2, 0x11b00, 0x11b09],
  ...[0x11be1, 0x11be1, 0x11c41, 0x11c45, 0x11c70, 0x11c71, 0x11ef7, 0x11ef8, 0x11f43, 0x11f4f, 0x11fff, 0x11fff],
  ...[0x12ff1, 0x12ff2, 0x16d6d, 0x16d6f, 0x16e97, 0x16e9a, 0x16fe2, 0x16fe2, 0x1e5ff, 0x1e5ff, 0x1e95e, 0x1e95f],
  ...[0x890, 0x891, 0x8e2, 0x8e2, 0x110cd, 0x110cd, 0x13430, 0x1343f],
]

function isWithin(ranges: readonly number[], codePoint: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (codePoint >= ranges[i]! && codePoint <= ranges[i + 1]!) return true
  }
  return false
}

/** Class of each code point, found when first asked for; 0 is not asked yet. */
const classes = new Uint8Array(0x110000)

function classify(codePoint: number): number {
  const char = String.fromCodePoint(codePoint)
  if (/[\t\n\r]/.test(char)) return bertClass.space
  if (isWithin(newer, codePoint)) return bertClass.word
  if (control.test(char)) return bertClass.dropped
  if (/\s/.test(char)) return bertClass.space
  if (isWithin(ideographs, codePoint)) return bertClass.ideograph
  return punctuation.test(char) ? bertClass.punctuation : bertClass.word
}

/**
 * The class of a code point, one of {@link bertClass}: what `clean_text` and `handle_chinese_chars` of Hugging Face's
 * `BertNormalizer` and its `BertPreTokenizer` make of it.
 */
export function bertClassOf(codePoint: number): number {
  classes[codePoint] ||= classify(codePoint)
  return classes[codePoint]!
}

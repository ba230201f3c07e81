import { bertClass, bertClassOf } from './bert-characters.ts'

/** How BERT's normalizer treats letters and ideographs. */
export interface BertNormalization {
  /** `É` becomes `é`; BERT's "uncased" models have it so. */
  readonly lowercase: boolean
  /** `é` becomes `e`. */
  readonly stripAccents: boolean
  /** Each Chinese ideograph is a word. */
  readonly splitIdeographs: boolean
}

/**
 * The end of the stretch of `text` that begins at `start`: a run of what is within words or is dropped, one mark of
 * punctuation, one ideograph, or one space. BERT cuts at both ends of a stretch; within one it may cut again only
 * where decomposing a letter gives punctuation.
 */
export function stretchEnd(text: string, start: number, splitIdeographs: boolean): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    const isPair = unit >= 0xd800 && unit <= 0xdbff
    const codePoint = isPair ? text.codePointAt(at)! : unit
    const width = codePoint > 0xffff ? 2 : 1
    if (standsAlone(bertClassOf(codePoint), splitIdeographs)) return at === start ? at + width : at
    at += width
  }
  return at
}

function standsAlone(kind: number, splitIdeographs: boolean): boolean {
  if (kind === bertClass.ideograph) return splitIdeographs
  return kind === bertClass.punctuation || kind === bertClass.space
}

/** The words of a stretch: normalized as Hugging Face's `BertNormalizer` does, cut as its `BertPreTokenizer` does. */
export function wordsOfStretch(stretch: string, normalization: BertNormalization): string[] {
  const words: string[] = []
  let open = ''
  for (const char of normalizeStretch(stretch, normalization)) {
    const kind = bertClassOf(char.codePointAt(0)!)
    if (kind !== bertClass.punctuation && kind !== bertClass.space) {
      open += char
      continue
    }
    if (open !== '') words.push(open)
    open = ''
    if (kind === bertClass.punctuation) words.push(char)
  }
  if (open !== '') words.push(open)
  return words
}

function normalizeStretch(stretch: string, { lowercase, stripAccents }: BertNormalization): string {
  let text = ''
  for (const char of stretch) if (bertClassOf(char.codePointAt(0)!) !== bertClass.dropped) text += char
  if (stripAccents) text = text.normalize('NFD').replace(/\p{Mn}/gu, '')
  if (!lowercase) return text
  // Letter by letter: a capital sigma that ends a word becomes σ, as in Hugging Face's, not ς.
  let lower = ''
  for (const char of text) lower += char.toLowerCase()
  return lower
}

/** Adds the words of some texts, as BERT's normalizer and pre-tokenizer find them, to `counts` and gives it back. */
export function countBertWords(
  texts: Iterable<string>,
  normalization: BertNormalization,
  counts: Map<string, number> = new Map(),
): Map<string, number> {
  const wordsOf = new Map<string, readonly string[]>()
  for (const text of texts) {
    for (let start = 0; start < text.length; ) {
      const end = stretchEnd(text, start, normalization.splitIdeographs)
      for (const word of remembered(wordsOf, text.slice(start, end), normalization)) {
        counts.set(word, (counts.get(word) ?? 0) + 1)
      }
      start = end
    }
  }
  return counts
}

const mostRemembered = 1 << 17

function remembered(known: Map<string, readonly string[]>, stretch: string, normalization: BertNormalization) {
  const found = known.get(stretch)
  if (found !== undefined) return found
  const words = wordsOfStretch(stretch, normalization)
  if (known.size < mostRemembered) known.set(stretch, words)
  return words
}

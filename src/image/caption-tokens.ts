import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'

/** Words as captions and prompts are compared: lower case, composed (NFC), blanks run together. */
export function plainCaption(text: string): string {
  return text.normalize('NFC').toLowerCase().replace(/\s+/gu, ' ').trim()
}

/**
 * The condition that words make: int32 [maxTokens], token ids + 1, filled up with 0 for "no token"; empty words are all
 * zeros, which asks for nothing. `cut` says whether words at the end did not fit.
 */
export function captionTokens(
  tokenizer: Tokenizer,
  text: string,
  maxTokens: number,
): { ids: Int32Array; cut: boolean } {
  const all = tokenizer.encode(plainCaption(text), { parseSpecial: false })
  const ids = new Int32Array(maxTokens)
  for (const [i, id] of all.subarray(0, maxTokens).entries()) ids[i] = id + 1
  return { ids, cut: all.length > maxTokens }
}

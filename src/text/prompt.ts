import type { Tokenizer } from '../data/tokenizers/index.ts'
import { DataError } from '../errors.ts'

/**
 * Ids that a text is continued from. Nothing at all is continued from the token that begins documents.
 * Throws {@link DataError} for characters that the tokenizer lacks, and for no text where it has no such token.
 */
export function promptIds(tokenizer: Tokenizer, prompt: string): number[] {
  const begin = tokenizer.bos ?? tokenizer.eos
  const ids = [...tokenizer.encode(prompt.normalize('NFC'), { bos: tokenizer.addBos })]
  if (ids.length > 0) return ids
  if (begin !== undefined) return [begin]
  throw new DataError('prompt: it is empty, and this model has no token that begins a text; give it a few characters')
}

/** How a gap is written whatever the tokenizer calls it. */
const gap = /\[mask\]/gi

/** Whether a prompt has a gap to fill. */
export function hasGap(tokenizer: Tokenizer, prompt: string): boolean {
  const { mask } = tokenizer
  return prompt.search(gap) >= 0 || (mask !== undefined && prompt.includes(tokenizer.tokenOf(mask) ?? '[MASK]'))
}

/**
 * Ids of a text with gaps, `[MASK]` in whatever case, framed as the tokenizer's model expects it; where it has none, `maxTokens` of them,
 * or as many as there is room for, follow it. Throws {@link DataError} for a text that leaves no room.
 */
export function gapIds(
  tokenizer: Tokenizer,
  prompt: string,
  { maxTokens, contextLength }: { readonly maxTokens: number; readonly contextLength: number },
): number[] {
  const mask = tokenizer.mask!
  const written = prompt.normalize('NFC').replaceAll(gap, () => tokenizer.tokenOf(mask) ?? '[MASK]')
  const ids = [...tokenizer.encode(written)]
  const room = contextLength - tokenizer.template.frame(ids).ids.length
  if (room < 0 || (room === 0 && !ids.includes(mask)))
    throw new DataError(
      `prompt: it has ${ids.length} tokens, the model sees ${contextLength} with those around it; shorten it`,
    )
  if (!ids.includes(mask)) for (let i = 0; i < Math.min(maxTokens, room); i++) ids.push(mask)
  return [...tokenizer.template.frame(ids).ids]
}

/**
 * The prompt from which texts like a corpus's documents begin: nothing, where an end-of-text token parts them; in a
 * single document a new line, or, if the vocabulary lacks it, what it has.
 */
export function openingOf(tokenizer: Tokenizer, documents: number): string {
  if (documents > 1 && tokenizer.eos !== undefined) return ''
  return ['\n', ' '].find((text) => canSpell(tokenizer, text)) ?? tokenizer.decode([0])
}

/** Whether a tokenizer has ids for a text. */
export function canSpell(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.decode(tokenizer.encode(text)) === text
  } catch {
    return false
  }
}

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

/**
 * The prompt from which texts like a corpus's documents begin: nothing, where an end-of-text token parts them; in a
 * single document a new line, or, if the vocabulary lacks it, what it has.
 */
export function openingOf(tokenizer: Tokenizer, documents: number): string {
  if (documents > 1 && tokenizer.eos !== undefined) return ''
  return ['\n', ' '].find((text) => canSpell(tokenizer, text)) ?? tokenizer.decode([0])
}

function canSpell(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.decode(tokenizer.encode(text)) === text
  } catch {
    return false
  }
}

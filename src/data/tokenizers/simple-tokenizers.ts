import { ConfigError, DataError } from '../../errors.ts'
import { byteToChar } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import { bpeModel, byteLevel, byteLevelDecoder, commonJson, specialToken } from './new-json.ts'
import { END_OF_TEXT, type Tokenizer } from './tokenizer.ts'

/** The byte tokenizer: ids 0 to 255 are the bytes of UTF-8, then come the special tokens (`<|endoftext|>` alone). */
export function byteTokenizer(specialTokens: readonly string[] = [END_OF_TEXT]): Tokenizer {
  return loadTokenizer({
    ...commonJson,
    added_tokens: specialTokens.map((content, i) => specialToken(content, 256 + i)),
    pre_tokenizer: byteLevel({ useRegex: false }),
    decoder: byteLevelDecoder,
    model: bpeModel([...byteToChar, ...specialTokens], []),
  })
}

/** The token that stands for characters that a character tokenizer doesn't know, if it is asked to have one. */
export const UNKNOWN = '<unk>'

export interface CharTokenizerOptions {
  /** Last in the vocabulary; default `<|endoftext|>` alone. */
  readonly specialTokens?: readonly string[]
  /**
   * What `encode` does with characters that are not in the vocabulary: `error` (the default) throws a DataError that
   * names the first and where it is; `token` gives `<unk>`, whose text is lost.
   */
  readonly unknown?: 'error' | 'token'
}

/** Adds the code points of some texts, in NFC, to `characters` and gives it back. */
export function collectCharacters(texts: Iterable<string>, characters = new Set<string>()): Set<string> {
  for (const text of texts) {
    for (const character of text.normalize('NFC')) characters.add(character)
  }
  return characters
}

/**
 * The character tokenizer of some characters, single code points in any order: ids by ascending code point, then the
 * special tokens. Throws DataError for lone surrogates and ConfigError for no characters.
 */
export function charTokenizer(characters: Iterable<string>, options: CharTokenizerOptions = {}): Tokenizer {
  const { specialTokens = [END_OF_TEXT], unknown = 'error' } = options
  const sorted = [...new Set(characters)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
  if (sorted.length === 0) throw new ConfigError('charTokenizer: got no characters, wanted at least one of a corpus')
  for (const character of sorted) {
    if (/^\p{Surrogate}$/u.test(character)) throw new DataError('charTokenizer: half a surrogate pair is no character')
  }
  const special = unknown === 'token' ? [...specialTokens, UNKNOWN] : specialTokens
  return loadTokenizer({
    ...commonJson,
    added_tokens: special.map((content, i) => specialToken(content, sorted.length + i)),
    pre_tokenizer: null,
    decoder: { type: 'Fuse' },
    model: bpeModel([...sorted, ...special], [], unknown === 'token' ? UNKNOWN : null),
  })
}

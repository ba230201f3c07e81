import { ConfigError, DataError } from '../../errors.ts'
import { byteToChar } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import { END_OF_TEXT, type Tokenizer } from './tokenizer.ts'
import { specialToken } from './tokenizer-json.ts'
import { bpeModel } from './train-bpe.ts'

/** The byte tokenizer: ids 0 to 255 are the bytes of UTF-8, then come the special tokens (`<|endoftext|>` alone). */
export function byteTokenizer(specialTokens: readonly string[] = [END_OF_TEXT]): Tokenizer {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  return loadTokenizer({
    version: '1.0',
    added_tokens: specialTokens.map((content, i) => specialToken(content, 256 + i)),
    normalizer: { type: 'NFC' },
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
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

/** Adds the code points of some texts, in NFC, to `characters` and gives it back. `<|endoftext|>` is not counted. */
export function collectCharacters(texts: Iterable<string>, characters = new Set<string>()): Set<string> {
  for (const text of texts) {
    for (const document of text.normalize('NFC').split(END_OF_TEXT)) {
      for (const character of document) characters.add(character)
    }
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
    version: '1.0',
    added_tokens: special.map((content, i) => specialToken(content, sorted.length + i)),
    normalizer: { type: 'NFC' },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: bpeModel([...sorted, ...special], [], unknown === 'token' ? UNKNOWN : null),
  })
}

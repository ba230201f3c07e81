import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts'
import { type TokenTrie, tokenTrie } from './token-trie.ts'

/** What a grammar needs to know of a tokenizer: the bytes of its tokens. */
export interface Vocabulary {
  /** The largest id, plus one. */
  readonly size: number
  /** Bytes by id of a token that begins a text, and of one that goes on; undefined for those that may never follow. */
  readonly first: readonly (Uint8Array | undefined)[]
  readonly later: readonly (Uint8Array | undefined)[]
  readonly firstTrie: TokenTrie
  readonly laterTrie: TokenTrie
}

const known = new WeakMap<Tokenizer, Vocabulary>()

/** The vocabulary of tokens that spell the same wherever they stand. */
export function vocabularyOf(tokens: readonly (Uint8Array | undefined)[]): Vocabulary {
  const trie = tokenTrie(tokens)
  return { size: tokens.length, first: tokens, later: tokens, firstTrie: trie, laterTrie: trie }
}

/** A tokenizer's vocabulary without its special tokens; made once for each. */
export function vocabularyOfTokenizer(tokenizer: Tokenizer): Vocabulary {
  let vocabulary = known.get(tokenizer)
  if (vocabulary === undefined) {
    vocabulary = readVocabulary(tokenizer)
    known.set(tokenizer, vocabulary)
  }
  return vocabulary
}

function readVocabulary(tokenizer: Tokenizer): Vocabulary {
  const never = new Set([...tokenizer.specialIds, tokenizer.unknown, tokenizer.bos, tokenizer.eos, tokenizer.pad])
  const bytesOf = (isFirst: boolean) =>
    Array.from({ length: tokenizer.vocabSize }, (_, id) => {
      return never.has(id) || tokenizer.tokenOf(id) === undefined ? undefined : tokenizer.bytesOf(id, isFirst)
    })
  const [first, later] = [bytesOf(true), bytesOf(false)]
  const isAlike = first.every((bytes, id) => Buffer.compare(bytes ?? none, later[id] ?? none) === 0)
  if (isAlike) return vocabularyOf(later)
  return { size: later.length, first, later, firstTrie: tokenTrie(first), laterTrie: tokenTrie(later) }
}

const none = new Uint8Array(0)

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

const utf8 = new TextEncoder()
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
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
  const plain = ids.map((id) =>
    never.has(id) || tokenizer.tokenOf(id) === undefined ? undefined : tokenizer.bytesOf(id),
  )
  if (spellsAlike(tokenizer)) return vocabularyOf(plain)
  const anchor = plain.findIndex((bytes) => bytes !== undefined && /^[a-z]$/.test(String.fromCharCode(...bytes)))
  const first = plain.map((bytes, id) => bytes && (shown(tokenizer, [], id) ?? bytes))
  const later = anchor < 0 ? plain : plain.map((bytes, id) => bytes && (shown(tokenizer, [anchor], id) ?? bytes))
  return { size: plain.length, first, later, firstTrie: tokenTrie(first), laterTrie: tokenTrie(later) }
}

/** Whether each token decodes to its own bytes, whatever stands before it. */
function spellsAlike(tokenizer: Tokenizer): boolean {
  return ['char', 'byte', 'bpe'].includes(tokenizer.kind) || tokenizer.toJSON().decoder?.type === 'ByteLevel'
}

/**
 * What a token adds to the text of those before it, for decoders that set or take away spaces between tokens;
 * undefined where it is a part of a character.
 */
function shown(tokenizer: Tokenizer, before: readonly number[], id: number): Uint8Array | undefined {
  const start = tokenizer.decode(before)
  const whole = tokenizer.decode([...before, id])
  return whole.startsWith(start) && !whole.includes('\ufffd') ? utf8.encode(whole.slice(start.length)) : undefined
}

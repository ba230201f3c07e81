import type { DocumentSpool } from '../../data/document-spool.ts'
import { piecesOf } from '../../data/encode-corpus.ts'
import type { Split } from '../../data/held-out.ts'
import {
  byteTokenizer,
  charTokenizer,
  collectCharacters,
  countWords,
  END_OF_TEXT,
  type Tokenizer,
  trainBpe,
  type WordCounts,
} from '../../data/tokenizers/index.ts'

/** What to train: characters and bytes have the vocabulary that they have, BPE what is asked (default 8,192). */
export type NewTokenizer =
  | { readonly kind: 'char' }
  | { readonly kind: 'byte' }
  | { readonly kind: 'bpe'; readonly vocabulary?: number | undefined }

const defaultVocabulary = 8192

/**
 * Makes a tokenizer for a corpus. BPE learns its merges from the training part alone; the characters are those of the
 * whole corpus, or held-out text could not be spelled. A character tokenizer has an end-of-text token only when there
 * are documents to part. Throws `ConfigError` for a vocabulary that is too small.
 */
export async function trainTokenizer(
  wanted: NewTokenizer,
  spool: DocumentSpool,
  split: Split,
  report: (merges: number, wanted: number) => void,
  signal?: AbortSignal,
): Promise<Tokenizer> {
  if (wanted.kind === 'byte') return byteTokenizer()
  const characters = new Set<string>()
  const counts: WordCounts = new Map()
  for await (const { text, heldOut } of piecesOf(spool, split)) {
    signal?.throwIfAborted()
    if (wanted.kind === 'char') collectCharacters([text], characters)
    else if (!heldOut) countWords([text], counts)
  }
  if (wanted.kind === 'char')
    return charTokenizer(characters, { specialTokens: split.wholeDocuments ? [END_OF_TEXT] : [] })
  const vocabSize = wanted.vocabulary ?? defaultVocabulary
  return trainBpe(counts, { vocabSize, onProgress: (progress) => report(progress.merges, progress.wanted) })
}

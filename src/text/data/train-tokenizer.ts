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

/** What to train: characters and bytes have the vocabulary that they have, BPE what is asked (default 4,096). */
export type NewTokenizer =
  | { readonly kind: 'char' }
  | { readonly kind: 'byte' }
  | { readonly kind: 'bpe'; readonly vocabulary?: number | undefined }

/** How to be told of progress, and how to stop. */
export interface TrainTokenizerOptions {
  /** Bytes of text counted, of all. */
  readonly onCount: (bytes: number, totalBytes: number) => void
  /** Merges made, of all wanted. */
  readonly onMerge: (merges: number, wanted: number) => void
  readonly signal: AbortSignal | undefined
}

/** Tokens of a BPE vocabulary where no number is asked for. */
const defaultVocabulary = 4096

/** What to train, said in full: BPE by default, of {@link defaultVocabulary} tokens. */
export function resolveTokenizer(wanted: NewTokenizer = { kind: 'bpe' }) {
  return wanted.kind === 'bpe' ? { ...wanted, vocabulary: wanted.vocabulary ?? defaultVocabulary } : wanted
}

/** Distinct words that are counted before counting ends: some 500 MB of memory, many gigabytes of one language. */
const mostWords = 1 << 22

/**
 * Makes a tokenizer for a corpus. BPE learns its merges from the training part alone; the characters are those of the
 * whole corpus, or held-out text could not be spelled. A character tokenizer has an end-of-text token only when there
 * are documents to part. Throws `ConfigError` for a vocabulary that is too small.
 */
export async function trainTokenizer(
  asked: NewTokenizer,
  spool: DocumentSpool,
  split: Split,
  options: TrainTokenizerOptions,
): Promise<Tokenizer> {
  const wanted = resolveTokenizer(asked)
  if (wanted.kind === 'byte') return byteTokenizer()
  if (wanted.kind === 'char') {
    const characters = await charactersOf(spool, split, options)
    return charTokenizer(characters, { specialTokens: split.wholeDocuments ? [END_OF_TEXT] : [] })
  }
  const counts = await wordsOf(spool, split, options)
  return trainBpe(counts, {
    vocabSize: wanted.vocabulary,
    onProgress: (progress) => options.onMerge(progress.merges, progress.wanted),
  })
}

async function charactersOf(spool: DocumentSpool, split: Split, options: TrainTokenizerOptions) {
  const characters = new Set<string>()
  for await (const { text } of countedPieces(spool, split, options)) collectCharacters([text], characters)
  return characters
}

async function wordsOf(spool: DocumentSpool, split: Split, options: TrainTokenizerOptions) {
  const counts: WordCounts = new Map()
  for await (const { text, heldOut } of countedPieces(spool, split, options)) {
    if (!heldOut) countWords([text], counts)
    if (counts.size >= mostWords) break
  }
  return counts
}

async function* countedPieces(spool: DocumentSpool, split: Split, { onCount, signal }: TrainTokenizerOptions) {
  let bytes = 0
  for await (const piece of piecesOf(spool, split)) {
    signal?.throwIfAborted()
    yield piece
    bytes += Buffer.byteLength(piece.text)
    onCount(bytes, spool.bytes)
  }
}

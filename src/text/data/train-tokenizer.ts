import type { DocumentSpool } from '../../data/document-spool.ts'
import { piecesOf } from '../../data/encode-corpus.ts'
import type { Split } from '../../data/held-out.ts'
import {
  bertCased,
  byteTokenizer,
  charTokenizer,
  collectCharacters,
  countBertWords,
  countMetaspaceRuns,
  countWords,
  END_OF_TEXT,
  type Tokenizer,
  trainBpe,
  trainUnigram,
  trainWordPiece,
  type UnigramProgress,
  type WordCounts,
} from '../../data/tokenizers/index.ts'

/** The tokenizers that can be trained. */
export const tokenizerKinds = ['char', 'byte', 'bpe', 'wordpiece', 'unigram'] as const

/** A kind whose vocabulary has the size that is asked. */
type SizedTokenizer = Exclude<(typeof tokenizerKinds)[number], 'char' | 'byte'>

/** What to train: characters and bytes have the vocabulary that they have, the others what is asked (default 4,096). */
export type NewTokenizer =
  | { readonly kind: 'char' }
  | { readonly kind: 'byte' }
  | { readonly kind: SizedTokenizer; readonly vocabulary?: number | undefined }

/** How to be told of progress, and how to stop. */
export interface TrainTokenizerOptions {
  /** Bytes of text counted, of all. */
  readonly onCount: (bytes: number, totalBytes: number) => void
  /** Steps towards the vocabulary, of all: merges, or for Unigram pieces dropped. */
  readonly onMerge: (done: number, wanted: number) => void
  readonly signal: AbortSignal | undefined
}

/** Tokens of a vocabulary where no number is asked for. */
const defaultVocabulary = 4096

/** What to train, said in full: BPE by default, and {@link defaultVocabulary} tokens. */
export function resolveTokenizer(wanted: NewTokenizer = { kind: 'bpe' }) {
  if (wanted.kind === 'char' || wanted.kind === 'byte') return wanted
  return { ...wanted, vocabulary: wanted.vocabulary ?? defaultVocabulary }
}

/** Distinct words that are counted before counting ends: some 500 MB of memory, many gigabytes of one language. */
const mostWords = 1 << 22

/**
 * Makes a tokenizer for a corpus. Vocabularies are learned from the training part alone; the characters are those of the
 * whole corpus, or held-out text could not be spelled. A character tokenizer has an end-of-text token only when there
 * are documents to part. WordPiece loses blanks and line ends, as BERT's does.
 * Throws `ConfigError` for a vocabulary that is too small.
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
  const counts = await wordsOf(countersOf[wanted.kind], spool, split, options)
  const { vocabulary: vocabSize } = wanted
  const onProgress = (progress: { merges: number; wanted: number }) => options.onMerge(progress.merges, progress.wanted)
  if (wanted.kind === 'bpe') return trainBpe(counts, { vocabSize, onProgress })
  if (wanted.kind === 'wordpiece') return trainWordPiece(counts, { vocabSize, onProgress })
  return trainUnigram(counts, { vocabSize, onProgress: pruningProgress(options.onMerge) })
}

type CountWords = (texts: readonly string[], counts: WordCounts) => unknown

/** What each kind learns from. */
const countersOf: Record<SizedTokenizer, CountWords> = {
  bpe: countWords,
  wordpiece: (texts, counts) => countBertWords(texts, bertCased, counts),
  unigram: (texts, counts) => countMetaspaceRuns(texts, {}, counts),
}

/** Pieces dropped, of all that are to be: none where the corpus gives too few. */
function pruningProgress(tell: (done: number, wanted: number) => void): (progress: UnigramProgress) => void {
  let most = 0
  return ({ pieces, wanted }) => {
    most = Math.max(most, pieces)
    tell(most - pieces, Math.max(most - pieces, most - wanted))
  }
}

async function charactersOf(spool: DocumentSpool, split: Split, options: TrainTokenizerOptions) {
  const characters = new Set<string>()
  for await (const { text } of countedPieces(spool, split, options)) collectCharacters([text], characters)
  return characters
}

async function wordsOf(
  count: CountWords,
  spool: DocumentSpool,
  split: Split,
  options: TrainTokenizerOptions,
): Promise<WordCounts> {
  const counts: WordCounts = new Map()
  for await (const { text, heldOut } of countedPieces(spool, split, options)) {
    if (!heldOut) count([text], counts)
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

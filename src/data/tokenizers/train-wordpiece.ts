import { ConfigError } from '../../errors.ts'
import type { BertNormalization } from './bert-words.ts'
import { loadTokenizer } from './load.ts'
import { type CountedWord, MergeTrainer } from './merge-trainer.ts'
import { commonJson, specialToken, templateProcessing } from './new-json.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'

export interface TrainWordPieceOptions {
  /** Tokens in all: special tokens, characters (alone and within words), merges. The corpus may give fewer. */
  readonly vocabSize: number
  /** How the words were counted; default {@link bertCased}. */
  readonly normalization?: BertNormalization
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number
  /** Of the characters only so many, the most frequent, are in the vocabulary; default 1,000. */
  readonly mostCharacters?: number
  /** Called every 64 merges and at the end. */
  readonly onProgress?: (progress: { readonly merges: number; readonly wanted: number }) => void
}

/** Case and accents are kept: in French they are spelling. */
export const bertCased: BertNormalization = { lowercase: false, stripAccents: false, splitIdeographs: true }

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const
const continuing = '##'

/** Longer words are unknown: as many code points as in BERT. */
const longestWord = 100

/**
 * Trains a WordPiece vocabulary (Schuster & Nakajima 2012; Devlin et al. 2019) on words that {@link countBertWords}
 * counted with the same normalization.
 *
 * The pair merged next is the most frequent, as in Hugging Face's `WordPieceTrainer`, and the tokens are the same.
 * Schuster & Nakajima take the pair that raises the likelihood of the corpus most; their trainer, and BERT's, was not
 * published, and what is often given for it, count(ab) ÷ (count(a) · count(b)), prefers pairs of rare characters.
 * Departures from Hugging Face's: ids do not change from run to run (characters within words are in order), and words
 * with a character that the vocabulary lacks, or too long, are not learned from: they encode to `[UNK]` anyway.
 * Throws ConfigError for a vocabulary too small for the characters and special tokens.
 */
export function trainWordPiece(wordCounts: ReadonlyMap<string, number>, options: TrainWordPieceOptions): Tokenizer {
  const { vocabSize, normalization = bertCased, minFrequency = 2, mostCharacters = 1000, onProgress } = options
  const characters = commonestCharacters(wordCounts, mostCharacters)
  const words = [...wordCounts].map(([text, count]) => ({ letters: [...text], count }))
  const known = words.filter(
    ({ letters }) => letters.length <= longestWord && letters.every((one) => characters.has(one)),
  )
  const pieces = [...special, ...[...characters].sort(byCodePoint), ...continuations(known)]
  if (!Number.isInteger(vocabSize) || vocabSize < pieces.length) {
    const remedy = `wanted ${pieces.length} (special tokens and characters) or more, or fewer mostCharacters`
    throw new ConfigError(`trainWordPiece: vocabulary of ${vocabSize}, ${remedy}`, { vocabSize })
  }
  const trainer = new MergeTrainer(pieces, idsOf(known, pieces), (left, right) => left + right.slice(continuing.length))
  const wanted = vocabSize - pieces.length
  while (trainer.pieces.length < vocabSize && trainer.mergeNext(minFrequency)) {
    if (trainer.merges.length % 64 === 0) onProgress?.({ merges: trainer.pieces.length - pieces.length, wanted })
  }
  onProgress?.({ merges: trainer.pieces.length - pieces.length, wanted })
  return loadTokenizer(wordPieceJson(trainer.pieces, normalization), wordPieceConfig)
}

interface SpelledWord {
  readonly letters: readonly string[]
  readonly count: number
}

/** The most frequent characters; of equally frequent ones those of lower code points. */
function commonestCharacters(wordCounts: ReadonlyMap<string, number>, most: number): Set<string> {
  const counts = new Map<string, number>()
  for (const [word, count] of wordCounts) for (const char of word) counts.set(char, (counts.get(char) ?? 0) + count)
  const sorted = [...counts].sort(([a, countA], [b, countB]) => countB - countA || byCodePoint(a, b))
  return new Set(sorted.slice(0, most).map(([char]) => char))
}

/** The characters that occur within words, as pieces that go on. */
function continuations(words: readonly SpelledWord[]): string[] {
  const found = new Set(words.flatMap(({ letters }) => letters.slice(1)))
  return [...found].sort(byCodePoint).map((char) => continuing + char)
}

function* idsOf(words: readonly SpelledWord[], pieces: readonly string[]): Generator<CountedWord> {
  const ids = new Map(pieces.map((piece, id) => [piece, id]))
  for (const { letters, count } of words) {
    yield { ids: Int32Array.from(letters, (char, i) => ids.get(i === 0 ? char : continuing + char)!), count }
  }
}

function byCodePoint(a: string, b: string): number {
  return a.codePointAt(0)! - b.codePointAt(0)!
}

function wordPieceJson(pieces: readonly string[], normalization: BertNormalization): TokenizerJson {
  const { lowercase, stripAccents, splitIdeographs } = normalization
  return {
    ...commonJson,
    added_tokens: special.map(specialToken),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: splitIdeographs,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: templateProcessing('[CLS] A [SEP]', '[CLS] A [SEP] B [SEP]', (token) => pieces.indexOf(token)),
    decoder: { type: 'WordPiece', prefix: continuing, cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: continuing,
      max_input_chars_per_word: longestWord,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  }
}

const wordPieceConfig: TokenizerConfigJson = {
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  mask_token: '[MASK]',
}

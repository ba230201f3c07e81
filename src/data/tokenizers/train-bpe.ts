import { ConfigError } from '../../errors.ts'
import { byteToChar, gpt2ByteOrder } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import { type CountedWord, MergeTrainer } from './merge-trainer.ts'
import { bpeModel, byteLevel, byteLevelDecoder, commonJson, specialToken } from './new-json.ts'
import { END_OF_TEXT, type Tokenizer } from './tokenizer.ts'
import type { TokenizerJson } from './tokenizer-json.ts'

export interface TrainBpeOptions {
  /** Tokens in all: 256 bytes, merges and special tokens. The corpus may give fewer. */
  readonly vocabSize: number
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number
  /** Last in the vocabulary; default `<|endoftext|>` alone. */
  readonly specialTokens?: readonly string[]
  /** Called every 64 merges and at the end. */
  readonly onProgress?: (progress: { readonly merges: number; readonly wanted: number }) => void
}

/**
 * Trains byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019) on the words that
 * {@link countWords} counted: again and again the most frequent pair of neighbouring tokens becomes a token.
 *
 * The vocabulary is laid out as GPT-2's: bytes, merges, special tokens. Ties go to the lower left id, then the lower
 * right id, as in Hugging Face's `BpeTrainer`, so that the merges are the same. The result depends on the counts
 * alone, not on their order. Throws ConfigError for a vocabulary too small for the bytes and special tokens.
 */
export function trainBpe(wordCounts: ReadonlyMap<string, number>, options: TrainBpeOptions): Tokenizer {
  const { vocabSize, minFrequency = 2, specialTokens = [END_OF_TEXT], onProgress } = options
  const least = 256 + specialTokens.length
  if (!Number.isInteger(vocabSize) || vocabSize < least) {
    throw new ConfigError(`trainBpe: vocabulary of ${vocabSize}, wanted ${least} (bytes and special tokens) or more`, {
      vocabSize,
    })
  }
  const bytes = gpt2ByteOrder.map((byte) => byteToChar[byte]!)
  const trainer = new MergeTrainer(bytes, bytesOfWords(wordCounts))
  const wanted = vocabSize - least
  while (trainer.pieces.length < 256 + wanted && trainer.mergeNext(minFrequency)) {
    if (trainer.merges.length % 64 === 0) onProgress?.({ merges: trainer.merges.length, wanted })
  }
  onProgress?.({ merges: trainer.merges.length, wanted })
  return loadTokenizer(bpeJson(trainer.pieces, trainer.merges, specialTokens))
}

const utf8 = new TextEncoder()

function* bytesOfWords(wordCounts: ReadonlyMap<string, number>): Generator<CountedWord> {
  const idOfByte = new Int32Array(256)
  for (const [id, byte] of gpt2ByteOrder.entries()) idOfByte[byte] = id
  for (const [text, count] of wordCounts)
    yield { ids: Int32Array.from(utf8.encode(text), (byte) => idOfByte[byte]!), count }
}

function bpeJson(pieces: readonly string[], merges: [string, string][], special: readonly string[]): TokenizerJson {
  return {
    ...commonJson,
    added_tokens: special.map((content, i) => specialToken(content, pieces.length + i)),
    pre_tokenizer: byteLevel({ useRegex: true }),
    decoder: byteLevelDecoder,
    model: bpeModel([...pieces, ...special], merges),
  }
}

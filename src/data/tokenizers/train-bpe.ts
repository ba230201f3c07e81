import { ConfigError } from '../../errors.ts'
import { byteToChar, gpt2ByteOrder } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import { bpeModel, byteLevel, byteLevelDecoder, commonJson, specialToken } from './new-json.ts'
import { PairCounts, PairQueue } from './pair-counts.ts'
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
  const trainer = new BpeTrainer(wordCounts)
  const wanted = vocabSize - least
  while (trainer.pieces.length < 256 + wanted && trainer.mergeNext(minFrequency)) {
    if (trainer.merges.length % 64 === 0) onProgress?.({ merges: trainer.merges.length, wanted })
  }
  onProgress?.({ merges: trainer.merges.length, wanted })
  return loadTokenizer(bpeJson(trainer.pieces, trainer.merges, specialTokens))
}

const utf8 = new TextEncoder()

class BpeTrainer {
  /** Tokens by id, spelled as in `tokenizer.json`. */
  readonly pieces: string[] = gpt2ByteOrder.map((byte) => byteToChar[byte]!)
  readonly merges: [string, string][] = []
  readonly #ids = new Map(this.pieces.map((piece, id) => [piece, id]))
  readonly #words: Int32Array[] = []
  readonly #counts: number[] = []
  readonly #pairs = new PairCounts()
  readonly #queue = new PairQueue(this.#pairs)

  constructor(wordCounts: ReadonlyMap<string, number>) {
    for (const [text, count] of wordCounts) {
      const word = Int32Array.from(utf8.encode(text), (byte) => this.#ids.get(byteToChar[byte]!)!)
      const index = this.#words.push(word) - 1
      this.#counts.push(count)
      for (let i = 0; i + 1 < word.length; i++) this.#pairs.add(word[i]!, word[i + 1]!, count, index)
    }
    for (let pair = 0; pair < this.#pairs.counts.length; pair++) this.#queue.push(pair)
  }

  /** Merges the most frequent pair; false if none occurs `minFrequency` times. */
  mergeNext(minFrequency: number): boolean {
    const pair = this.#queue.pop()
    if (pair === undefined || this.#pairs.counts[pair]! < minFrequency) return false
    const [left, right] = [this.#pairs.left[pair]!, this.#pairs.right[pair]!]
    const merged = this.#tokenFor(this.pieces[left]! + this.pieces[right]!)
    this.merges.push([this.pieces[left]!, this.pieces[right]!])
    const fresh = new Set<number>()
    for (const word of this.#pairs.takeWords(pair)) this.#mergeInWord(word, left, right, merged, fresh)
    this.#pairs.counts[pair] = 0
    for (const one of fresh) if (one !== pair) this.#queue.push(one)
    return true
  }

  #tokenFor(piece: string): number {
    const known = this.#ids.get(piece)
    if (known !== undefined) return known
    const id = this.pieces.push(piece) - 1
    this.#ids.set(piece, id)
    return id
  }

  /** Rewrites one word from left to right and keeps the counts of its pairs; pairs that gain go to `fresh`. */
  #mergeInWord(index: number, left: number, right: number, merged: number, fresh: Set<number>): void {
    const word = this.#words[index]!
    const count = this.#counts[index]!
    let kept = 0
    for (let at = 0; at < word.length; at++) {
      if (word[at] !== left || word[at + 1] !== right) {
        word[kept++] = word[at]!
        continue
      }
      if (kept > 0) {
        this.#pairs.add(word[kept - 1]!, left, -count, index)
        fresh.add(this.#pairs.add(word[kept - 1]!, merged, count, index))
      }
      if (at + 2 < word.length) {
        this.#pairs.add(right, word[at + 2]!, -count, index)
        fresh.add(this.#pairs.add(merged, word[at + 2]!, count, index))
      }
      word[kept++] = merged
      at++
    }
    if (kept < word.length) this.#words[index] = word.subarray(0, kept)
  }
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

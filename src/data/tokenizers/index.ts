export { IdBuffer } from './id-buffer.ts'
export { loadTokenizer } from './load.ts'
export { gpt2Pattern, pieceEnd } from './pre-tokenizer.ts'
export {
  byteTokenizer,
  type CharTokenizerOptions,
  charTokenizer,
  collectCharacters,
  UNKNOWN,
} from './simple-tokenizers.ts'
export {
  type DecodeOptions,
  END_OF_TEXT,
  type EncodeOptions,
  type StreamDecoder,
  type Tokenizer,
  type TokenizerKind,
} from './tokenizer.ts'
export type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts'
export { countWords, mergeWordCounts, type WordCounts } from './word-counts.ts'

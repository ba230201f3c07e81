export { type BertNormalization, countBertWords } from './bert-words.ts'
export { IdBuffer } from './id-buffer.ts'
export { loadTokenizer } from './load.ts'
export { countMetaspaceRuns } from './metaspace.ts'
export { gpt2Pattern, pieceEnd } from './pre-tokenizer.ts'
export {
  byteTokenizer,
  type CharTokenizerOptions,
  charTokenizer,
  collectCharacters,
  UNKNOWN,
} from './simple-tokenizers.ts'
export type { Framed, Template } from './template.ts'
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
export { type TrainUnigramOptions, trainUnigram, type UnigramProgress } from './train-unigram.ts'
export { bertCased, type TrainWordPieceOptions, trainWordPiece } from './train-wordpiece.ts'
export { countWords, mergeWordCounts, type WordCounts } from './word-counts.ts'

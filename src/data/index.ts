export * from './catalog.ts'
export type { EncodeProgress } from './encode-corpus.ts'
export { type CorpusStatistics, readShardIndex, type ShardIndex } from './shards.ts'
export { TokenDataset, type TokenSource, tokensInMemory } from './token-dataset.ts'
export { readTokenizer, writeTokenizer } from './tokenizers/folder.ts'
export * from './tokenizers/index.ts'
export {
  countSequentialBatches,
  type EpochSampler,
  epochWindows,
  type MaskedBatch,
  randomWindows,
  sequentialWindows,
  type WindowSampler,
  type WindowShape,
} from './windows.ts'

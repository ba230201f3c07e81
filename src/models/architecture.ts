import type { Tensor } from '../graph/tensor.ts'
import type { Scope } from '../nn/parameters.ts'
import type { RandomKey } from '../nn/random-bits.ts'
import type { RopeScaling } from '../nn/rotary-tables.ts'

/** Sizes that whoever trains, samples or counts a causal model needs. */
export interface CausalDimensions {
  readonly vocabSize: number
  /** The most positions that it sees at once. */
  readonly contextLength: number
  readonly dModel: number
  readonly nLayers: number
  readonly nHeads: number
  /** Key/value heads; as many as heads, or a divisor of them. */
  readonly nKvHeads: number
  readonly dHead: number
}

/** Keys and values that one layer holds from before: [B, nKvHeads, capacity, dHead] each. */
export interface LayerCache {
  readonly keys: Tensor
  readonly values: Tensor
}

/** New ids and where they stand. */
export interface DecodeInput {
  /** int32 [B, T]. */
  readonly ids: Tensor
  /** int32 [B, T]: the position of each id. */
  readonly positions: Tensor
  /** int32 [B]: the position of each sequence's last id. */
  readonly lastPosition: Tensor
  /** int32 scalar: the largest last position plus one. */
  readonly total: Tensor
  /** int32 [K]: after which of the B·T new ids, row by row, logits are wanted; after each row's last where absent. */
  readonly places?: Tensor
  /** Added to the scores, [B, 1, T, total]: hides the padding of a batch; nothing where absent. */
  readonly bias?: Tensor
  readonly caches: readonly LayerCache[]
}

/** What follows each row's last id, or those at `places`, and the caches with the new positions in them. */
export interface DecodeOutput {
  /** [B, 1, vocabSize], or [K, vocabSize] where there are `places`. */
  readonly logits: Tensor
  readonly caches: readonly LayerCache[]
}

/** A model that predicts the next id from the ids before it: one file an architecture. */
export interface CausalArchitecture {
  /** Its parameters, under the names that Hugging Face's checkpoints give them. */
  readonly scope: Scope
  readonly dimensions: CausalDimensions
  /** `config.json` as Hugging Face transformers reads it. */
  readonly config: Readonly<Record<string, unknown>>
  /** int32 ids [B, T] → logits [B, T, vocabSize]; `key` is what dropout draws from; without one nothing is dropped. */
  logits(ids: Tensor, key?: RandomKey): Tensor
  /** Continues sequences over their caches. Inference only. */
  decode(input: DecodeInput): DecodeOutput
}

/** Settings of a model, in the flat names of `--set`. */
export interface CausalConfig {
  readonly vocabSize: number
  /** Positions that it sees at once. */
  readonly contextLength: number
  /** Width of the residual stream. */
  readonly dModel: number
  readonly nLayers: number
  readonly nHeads: number
  readonly nKvHeads: number
  /** Width inside the feed-forward layers. */
  readonly dFf: number
  /** Share of activations that training drops, 0 up to 1. */
  readonly dropout: number
  /** Whether the output layer is the embedding table. */
  readonly tieEmbeddings: boolean
  /** Base of the rotary angles, where there are any. */
  readonly ropeTheta: number
  /** How rotary angles are slowed, where they are. */
  readonly ropeScaling?: RopeScaling
  readonly normEpsilon: number
  /** Width of a head where it is not dModel / nHeads. */
  readonly dHead?: number
  /** Whether queries, keys and values have biases. */
  readonly qkvBias?: boolean
  /** Whether queries and keys are normalized, head by head, before they are rotated. */
  readonly queryKeyNorm?: boolean
  /** Positions that attention sees, its own included; all where absent. */
  readonly slidingWindow?: number
  readonly bosTokenId?: number
  readonly eosTokenId?: number
}

/**
 * Whether a parameter, by its name in the checkpoint, belongs to a layer: not to embeddings, of words or of distances,
 * last norm or output.
 */
export function isInLayer(name: string): boolean {
  return /\.(layers?|h|block)\.\d+\./.test(name) && !name.includes('relative_attention_bias')
}

/** Whether a parameter, by its name in the checkpoint, belongs to the attention of a layer. */
export function isInAttention(name: string): boolean {
  return isInLayer(name) && /att(n|ention)\b/i.test(name)
}

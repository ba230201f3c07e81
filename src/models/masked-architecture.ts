import type { Tensor } from '../graph/tensor.ts'
import type { Scope } from '../nn/parameters.ts'
import type { RandomKey } from '../nn/random-bits.ts'

/** Sizes that whoever trains, asks or counts a masked model needs. */
export interface MaskedDimensions {
  readonly vocabSize: number
  /** The most positions that it sees at once. */
  readonly contextLength: number
  readonly dModel: number
  readonly nLayers: number
  readonly nHeads: number
  readonly dHead: number
  /** Kinds of segment that a position may be of; 0 where the model does not tell them apart. */
  readonly tokenTypes: number
}

/** Texts with gaps. */
export interface MaskedInput {
  /** int32 [B, T]; T must be known, B need not be. */
  readonly ids: Tensor
  /** int32 [B, T]: 1 where there is a token, 0 where there is padding, which nothing sees. */
  readonly mask: Tensor
  /** int32 [B, T]: the segment of each position; all 0 where absent. */
  readonly tokenTypes?: Tensor
  /** int32 [N]: b · T + t of the places whose logits are wanted; all where absent. */
  readonly places?: Tensor
}

/** A model that sees a whole text and predicts what stands at each of its positions: one file an architecture. */
export interface MaskedArchitecture {
  /** Its parameters, under the names that Hugging Face's checkpoints give them. */
  readonly scope: Scope
  readonly dimensions: MaskedDimensions
  /** `config.json` as Hugging Face transformers reads it. */
  readonly config: Readonly<Record<string, unknown>>
  /** Name of the parameter [vocabSize] that is added to every place's logits. */
  readonly outputBias: string
  /** The last layer, [B, T, dModel]: for what is built on top; `key` is what dropout draws from. */
  states(input: MaskedInput, key?: RandomKey): Tensor
  /**
   * What stands at each position, masked or not, [B, T, vocabSize], or at `places`, [N, vocabSize]; without `key`
   * nothing is dropped.
   */
  logits(input: MaskedInput, key?: RandomKey): Tensor
}

/** Settings of a masked model. */
export interface MaskedConfig {
  readonly vocabSize: number
  /** Positions that it sees at once. */
  readonly contextLength: number
  readonly dModel: number
  readonly nLayers: number
  readonly nHeads: number
  /** Width inside the feed-forward layers. */
  readonly dFf: number
  /** Share of activations that training drops, 0 up to 1. */
  readonly dropout: number
  /** Whether the output layer is the embedding table. */
  readonly tieEmbeddings: boolean
  readonly normEpsilon: number
  /** Kinds of segment; 0 for none. */
  readonly tokenTypes: number
  readonly padTokenId: number
  readonly bosTokenId?: number
  readonly eosTokenId?: number
}

import type { Tensor } from '../graph/tensor.ts'
import type { Scope } from '../nn/parameters.ts'
import type { RandomKey } from '../nn/random-bits.ts'
import type { CausalDimensions, DecodeInput, DecodeOutput, LayerCache } from './architecture.ts'

/** Sizes of a sequence-to-sequence model; those of {@link CausalDimensions} are its decoder's. */
export interface SequenceDimensions extends CausalDimensions {
  readonly nEncoderLayers: number
}

/** Texts to read. */
export interface SourceInput {
  /** int32 [B, S]. */
  readonly ids: Tensor
  /** int32 [B, S]: 1 where there is a token, 0 where there is padding, which nothing sees. */
  readonly mask: Tensor
  /** int32 [S]: 0, 1, …; needed where S is known only when the graph runs. */
  readonly positions?: Tensor
}

/** What the decoder looks at while it writes, computed once a source. */
export interface SourceCaches {
  /** Keys and values of each decoder layer, [B or 1, H, S, dHead] each; one source serves a whole batch. */
  readonly layers: readonly LayerCache[]
  /** int32 [B or 1, S], the source's own. */
  readonly mask: Tensor
}

/** A model that reads one text and writes another: one file an architecture. */
export interface SequenceToSequenceArchitecture {
  /** Its parameters, under the names that Hugging Face's checkpoints give them. */
  readonly scope: Scope
  readonly dimensions: SequenceDimensions
  /** `config.json` as Hugging Face transformers reads it. */
  readonly config: Readonly<Record<string, unknown>>
  /** The encoder's last layer, [B, S, dModel]; `key` is what dropout draws from. */
  encode(source: SourceInput, key?: RandomKey): Tensor
  /**
   * For training: source and int32 ids [B, T] that the decoder has written so far, its start first → what follows
   * each, [B, T, vocabSize]. T must be known.
   */
  logits(source: SourceInput, ids: Tensor, key?: RandomKey): Tensor
  /** Keys and values of the encoder's states [B, S, dModel] for each decoder layer. */
  sourceLayers(states: Tensor): LayerCache[]
  /** Continues what the decoder has written over its caches, looking at the source's. Inference only. */
  decode(input: DecodeInput, source: SourceCaches): DecodeOutput
}

/** Settings of a sequence-to-sequence model. */
export interface SequenceConfig {
  readonly vocabSize: number
  /** Positions that the decoder writes at most. */
  readonly contextLength: number
  readonly dModel: number
  readonly nEncoderLayers: number
  /** Of the decoder. */
  readonly nLayers: number
  readonly nHeads: number
  readonly dHead: number
  /** Width inside the feed-forward layers. */
  readonly dFf: number
  /** Whether feed-forward layers are gated, W(gelu(W x) ∘ W x); else W(relu(W x)). */
  readonly gated: boolean
  /** Share of activations that training drops, 0 up to 1. */
  readonly dropout: number
  /** Whether the output layer is the embedding table; what it is multiplied with is then scaled by 1/√dModel. */
  readonly tieEmbeddings: boolean
  readonly normEpsilon: number
  readonly buckets: number
  readonly maxDistance: number
  readonly padTokenId: number
  readonly eosTokenId: number
  /** What the decoder begins with. */
  readonly startTokenId: number
}

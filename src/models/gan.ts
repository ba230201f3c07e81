import type { Tensor } from '../graph/tensor.ts'
import type { Scope } from '../nn/parameters.ts'

/** What pictures are asked for by: nothing, one of some classes, or words. */
export type Conditioning =
  | { readonly kind: 'none' }
  | { readonly kind: 'class'; readonly nClasses: number }
  | { readonly kind: 'text'; readonly vocabSize: number; readonly maxTokens: number }

/** Settings of a pair of networks, in the flat names of `--set`. */
export interface GanConfig {
  /** Side of the square pictures, in pixels: a power of two, 16 or more. */
  readonly imageSize: number
  /** Colour planes: grey, RGB, RGBA. */
  readonly channels: 1 | 3 | 4
  /** Side of the square of pixels that the networks treat as one place (Shi et al. 2016): 1, 2 or 4. */
  readonly patch: number
  readonly latentSize: number
  /** Channels of the generator at its largest grid, imageSize / patch; they double with every halving, up to `maxWidth`. */
  readonly generatorWidth: number
  /** The same of the discriminator. */
  readonly discriminatorWidth: number
  readonly maxWidth: number
  /** Residual blocks at every size, where the architecture has them. */
  readonly blocks: number
  /** Width of embedded classes and words. */
  readonly conditionWidth: number
  /** Layers of the text encoders. */
  readonly textLayers: number
  readonly conditioning: Conditioning
}

/** Next values of layers' statistics by parameter name, filled while a training graph is built. */
export type StatisticUpdates = Map<string, Tensor>

/** How a graph of the generator is built. */
export interface GenerateOptions {
  /** Present in training: batch normalization takes the batch's statistics and puts its running ones here. */
  readonly updates?: StatisticUpdates
  /** Scalar: how far the condition is pushed away from no condition; 1, as trained, by default. */
  readonly guidance?: Tensor
}

/**
 * A generator and a discriminator (Goodfellow et al. 2014): one file an architecture.
 *
 * A condition is int32 [B] class indices, `nClasses` meaning none; or int32 [B, maxTokens] token ids + 1, 0 meaning
 * no token, so that a row of zeros means no words; or absent where pictures are unconditional.
 */
export interface Gan {
  readonly config: GanConfig
  /** The generator's parameters; their names begin with `generator.`. */
  readonly generator: Scope
  /** The discriminator's; `discriminator.`. */
  readonly discriminator: Scope
  /** latents [B, latentSize], standard normal → pictures [B, channels, S, S], about −1 to 1. */
  generate(latents: Tensor, condition?: Tensor, options?: GenerateOptions): Tensor
  /** pictures [B, channels, S, S] → logits [B], larger where they look more real and more like what was asked for. */
  discriminate(pictures: Tensor, condition?: Tensor): Tensor
}

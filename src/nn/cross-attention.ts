import { ConfigError } from '../errors.ts'
import { rmsNorm } from '../graph/operations/normalization.ts'
import { reshape, transpose } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { Linear } from './layers.ts'
import { joinHeads, maskedAttention, splitHeads } from './masked-attention.ts'
import type { Scope } from './parameters.ts'
import type { EncodedText } from './text-encoder.ts'

/** Under the root of queries' and keys' mean squares, so that features of zeros have finite gradients of any order. */
const epsilon = 1e-3

/** Sizes of a {@link CrossAttention}. */
export interface CrossAttentionOptions {
  /** C: of the picture's features. */
  readonly channels: number
  /** W: of the words. */
  readonly wordWidth: number
  /** Of queries, keys and values over all heads, a multiple of nHeads. */
  readonly width: number
  readonly nHeads: number
}

/**
 * Every position of a picture's features looks at the words: O · softmax(norm(Q x) norm(K w)ᵀ / √D + mask) V w.
 *
 * Queries and keys are normalized head by head (Henry et al. 2020), for features of a network without normalization
 * may grow at will. O begins at zero, so that a network begins as if there were no words; the caller adds the residual.
 */
export class CrossAttention {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly nHeads: number

  /** Throws {@link ConfigError} where heads do not divide the width. */
  constructor(scope: Scope, { channels, wordWidth, width, nHeads }: CrossAttentionOptions) {
    if (width % nHeads !== 0)
      throw new ConfigError(`cross attention: width ${width} is not a multiple of ${nHeads} heads; change one`, {
        width,
        nHeads,
      })
    this.q = new Linear(scope.child('q_proj'), channels, width, { deviation: 1 / Math.sqrt(channels) })
    this.k = new Linear(scope.child('k_proj'), wordWidth, width, { deviation: 1 / Math.sqrt(wordWidth) })
    this.v = new Linear(scope.child('v_proj'), wordWidth, width, { deviation: 1 / Math.sqrt(wordWidth) })
    this.o = new Linear(scope.child('o_proj'), width, channels, { deviation: 0 })
    this.nHeads = nHeads
  }

  /** Features [B, C, H, W] and words → what to add to the features, [B, C, H, W]. */
  forward(x: Tensor, { words, mask }: Pick<EncodedText, 'words' | 'mask'>): Tensor {
    const [B, C, H, W] = x.shape as [Dim, number, number, number]
    const positions = transpose(reshape(x, [B, C, H * W]), [0, 2, 1])
    const heads = (y: Tensor) => splitHeads(y, this.nHeads)
    const q = rmsNorm(heads(this.q.forward(positions)), undefined, epsilon)
    const k = rmsNorm(heads(this.k.forward(words)), undefined, epsilon)
    const seen = this.o.forward(joinHeads(maskedAttention(q, k, heads(this.v.forward(words)), mask)))
    return reshape(transpose(seen, [0, 2, 1]), x.shape)
  }
}

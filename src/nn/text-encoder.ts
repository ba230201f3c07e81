import { ConfigError, ShapeError } from '../errors.ts'
import { greater, logicalOr, where } from '../graph/operations/compare.ts'
import { add, cast, div, gelu, mul } from '../graph/operations/elementwise.ts'
import { sum } from '../graph/operations/reduce.ts'
import { reshape } from '../graph/operations/shape.ts'
import { constant, type Dim, formatShape, type Tensor } from '../graph/tensor.ts'
import { Embedding, LayerNorm, Linear } from './layers.ts'
import { joinHeads, maskedAttention, splitHeads } from './masked-attention.ts'
import type { Scope } from './parameters.ts'

/** Standard deviation of initial weights; projections into the residual stream get it over √(2 · nLayers). */
const deviation = 0.02
const epsilon = 1e-5

/** Sizes of a {@link TextEncoder}. */
export interface TextEncoderOptions {
  /** Tokens, without the padding. */
  readonly vocabSize: number
  /** L: positions, of words and padding together. */
  readonly maxTokens: number
  /** W: width of a word, a multiple of nHeads. */
  readonly width: number
  readonly nLayers: number
  readonly nHeads: number
}

/** Words as a picture's networks take them. */
export interface EncodedText {
  /** [B, L, W], normalized. */
  readonly words: Tensor
  /** [B, W]: the mean of the words that may be seen. */
  readonly pooled: Tensor
  /** [B, 1, 1, L], added to attention's scores: 0 where there is a word, −10⁴ where there is padding. */
  readonly mask: Tensor
}

/** x + attention(norm(x)), then x + feedForward(norm(x)), every word seeing all words (pre-norm: Xiong et al. 2020). */
class EncoderBlock {
  readonly attentionNorm: LayerNorm
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly feedForwardNorm: LayerNorm
  readonly up: Linear
  readonly down: Linear
  readonly nHeads: number

  constructor(scope: Scope, { width, nHeads, nLayers }: TextEncoderOptions) {
    const into = { deviation: deviation / Math.sqrt(2 * nLayers), bias: true }
    const plain = { deviation, bias: true }
    this.attentionNorm = new LayerNorm(scope.child('attention_norm'), width, epsilon)
    this.q = new Linear(scope.child('q_proj'), width, width, plain)
    this.k = new Linear(scope.child('k_proj'), width, width, plain)
    this.v = new Linear(scope.child('v_proj'), width, width, plain)
    this.o = new Linear(scope.child('o_proj'), width, width, into)
    this.feedForwardNorm = new LayerNorm(scope.child('feed_forward_norm'), width, epsilon)
    this.up = new Linear(scope.child('up_proj'), width, 4 * width, plain)
    this.down = new Linear(scope.child('down_proj'), 4 * width, width, into)
    this.nHeads = nHeads
  }

  /** [B, L, W] → [B, L, W]. */
  forward(x: Tensor, mask: Tensor): Tensor {
    const y = this.attentionNorm.forward(x)
    const [q, k, v] = [this.q, this.k, this.v].map((layer) => splitHeads(layer.forward(y), this.nHeads))
    const mixed = add(x, this.o.forward(joinHeads(maskedAttention(q!, k!, v!, mask))))
    return add(mixed, this.down.forward(gelu(this.up.forward(this.feedForwardNorm.forward(mixed)))))
  }
}

/**
 * A small bidirectional Transformer that reads what a picture shall show (Vaswani et al. 2017; Devlin et al. 2019):
 * learned positions, pre-norm blocks, GELU, a last norm. Trained jointly with the network that it serves.
 *
 * Ids are token ids + 1, and 0 is padding. Position 0 may always be seen: in a row of zeros it holds the embedding of
 * 0, which so learns to mean "no words", and nothing is ever an average over nothing.
 */
export class TextEncoder {
  readonly options: TextEncoderOptions
  readonly embedding: Embedding
  /** [L, W]. */
  readonly positions: Tensor
  readonly blocks: readonly EncoderBlock[]
  readonly norm: LayerNorm

  /** Throws {@link ConfigError} where heads do not divide the width. */
  constructor(scope: Scope, options: TextEncoderOptions) {
    const { vocabSize, maxTokens, width, nLayers, nHeads } = options
    if (width % nHeads !== 0)
      throw new ConfigError(`text encoder: width ${width} is not a multiple of ${nHeads} heads; change one`, {
        width,
        nHeads,
      })
    this.options = options
    this.embedding = new Embedding(scope.child('words'), vocabSize + 1, width, { deviation })
    this.positions = scope.parameter('positions', [maxTokens, width], { kind: 'normal', deviation })
    this.blocks = Array.from({ length: nLayers }, (_, i) => new EncoderBlock(scope.child('layers').child(i), options))
    this.norm = new LayerNorm(scope.child('norm'), width, epsilon)
  }

  /** int32 [B, L], token ids + 1 and 0 for padding → words, their mean, and which may be seen. */
  forward(ids: Tensor): EncodedText {
    const [B, L] = ids.shape as [Dim, Dim]
    if (ids.rank !== 2 || L !== this.options.maxTokens)
      throw new ShapeError(`text encoder: ids are ${formatShape(ids.shape)}, wanted [B, ${this.options.maxTokens}]`)
    const visible = logicalOr(greater(ids, 0), firstPosition(L))
    const mask = reshape(where(visible, 0, -1e4), [B, 1, 1, L])
    let x = add(this.embedding.forward(ids), this.positions)
    for (const block of this.blocks) x = block.forward(x, mask)
    const words = this.norm.forward(x)
    return { words, pooled: meanOver(words, cast(visible, 'float32')), mask }
  }
}

/** Σ words · weight / Σ weight over positions: [B, L, W] by [B, L] → [B, W]. */
function meanOver(words: Tensor, weight: Tensor): Tensor {
  const share = div(weight, sum(weight, { axes: [1], keepDims: true }))
  return sum(mul(words, reshape(share, [...share.shape, 1])), { axes: [1] })
}

/** True, false, false, …: bool [1, L]. */
function firstPosition(length: number): Tensor {
  const data = new Uint8Array(length)
  data[0] = 1
  return constant({ dtype: 'bool', shape: [1, length], data })
}

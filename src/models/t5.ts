import { ConfigError } from '../errors.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { add, gelu, mul, relu } from '../graph/operations/elementwise.ts'
import { iota } from '../graph/operations/indexing.ts'
import { linear } from '../graph/operations/matmul.ts'
import { reshape } from '../graph/operations/shape.ts'
import { constant, type Dim, staticShape, type Tensor } from '../graph/tensor.ts'
import { Embedding, Linear, RmsNorm } from '../nn/layers.ts'
import { joinHeads, maskedAttention, paddingMask, splitHeads } from '../nn/masked-attention.ts'
import { Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import { RelativeBias } from '../nn/relative-bias.ts'
import type { DecodeInput, DecodeOutput, LayerCache } from './architecture.ts'
import { checkHeads } from './check.ts'
import { initialDeviation } from './decoder-forms.ts'
import type {
  SequenceConfig,
  SequenceDimensions,
  SequenceToSequenceArchitecture,
  SourceCaches,
  SourceInput,
} from './sequence-architecture.ts'
import { type T5Form, t5Forms } from './t5-forms.ts'
import { wantedStates } from './wanted-places.ts'

/** Drops parts of what a layer adds, by the layer's name. */
type Drop = (y: Tensor, what: string) => Tensor

/** Attention without biases and without a scale: the initial weights make up for it. */
class Attention {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly nHeads: number

  constructor(scope: Scope, { dModel, nHeads, dHead }: SequenceConfig) {
    const width = nHeads * dHead
    const into = (name: string, deviation: number) => new Linear(scope.child(name), dModel, width, { deviation })
    this.q = into('q', (dModel * dHead) ** -0.5)
    this.k = into('k', dModel ** -0.5)
    this.v = into('v', dModel ** -0.5)
    this.o = new Linear(scope.child('o'), width, dModel, { deviation: width ** -0.5 })
    this.nHeads = nHeads
  }

  /** States [B, S, C] → keys and values [B, H, S, D]. */
  project(states: Tensor): LayerCache {
    return {
      keys: splitHeads(this.k.forward(states), this.nHeads),
      values: splitHeads(this.v.forward(states), this.nHeads),
    }
  }

  /** x [B, T, C] over keys and values [B or 1, H, S, D], a bias added to the scores → [B, T, C]. */
  forward(x: Tensor, { keys, values }: LayerCache, bias: Tensor): Tensor {
    const q = splitHeads(this.q.forward(x), this.nHeads)
    return this.o.forward(joinHeads(maskedAttention(q, keys, values, bias, 1)))
  }

  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x: Tensor, cache: LayerCache, { lastPosition, total }: DecodeInput, bias: Tensor): [Tensor, LayerCache] {
    const [q, k, v] = [this.q.forward(x), this.k.forward(x), this.v.forward(x)]
    const [mixed, keys, values] = cachedAttention(
      { q, k, v, pastKeys: cache.keys, pastValues: cache.values, lastPosition, total, bias },
      { nHeads: this.nHeads, nKvHeads: this.nHeads, scale: 1 },
    )
    return [this.o.forward(mixed), { keys, values }]
  }
}

/** W(relu(W x)), or gated, W(gelu(W x) ∘ W x) with GELU by tanh (Shazeer 2020). */
class FeedForward {
  readonly up: Linear
  readonly gate: Linear | undefined
  readonly down: Linear

  constructor(scope: Scope, { dModel, dFf, gated }: SequenceConfig) {
    const up = (name: string) => new Linear(scope.child(name), dModel, dFf, { deviation: dModel ** -0.5 })
    this.gate = gated ? up('wi_0') : undefined
    this.up = up(gated ? 'wi_1' : 'wi')
    this.down = new Linear(scope.child('wo'), dFf, dModel, { deviation: dFf ** -0.5 })
  }

  /** [B, T, C] → [B, T, C]. */
  forward(x: Tensor): Tensor {
    const hidden = this.up.forward(x)
    return this.down.forward(this.gate ? mul(gelu(this.gate.forward(x), true), hidden) : relu(hidden))
  }
}

/** x + part(norm(x)) for each part in turn: attention to itself, in the decoder attention to the source, feed-forward. */
class Block {
  readonly attentionNorm: RmsNorm
  readonly attention: Attention
  readonly sourceNorm: RmsNorm | undefined
  readonly sourceAttention: Attention | undefined
  readonly feedForwardNorm: RmsNorm
  readonly feedForward: FeedForward

  constructor(scope: Scope, config: SequenceConfig, { looksAtSource }: { readonly looksAtSource: boolean }) {
    const part = (index: number) => scope.child('layer').child(index)
    const norm = (index: number) => new RmsNorm(part(index).child('layer_norm'), config.dModel, config.normEpsilon)
    this.attention = new Attention(part(0).child('SelfAttention'), config)
    this.attentionNorm = norm(0)
    this.sourceAttention = looksAtSource ? new Attention(part(1).child('EncDecAttention'), config) : undefined
    this.sourceNorm = looksAtSource ? norm(1) : undefined
    const end = looksAtSource ? 2 : 1
    this.feedForward = new FeedForward(part(end).child('DenseReluDense'), config)
    this.feedForwardNorm = norm(end)
  }

  /** x [B, T, C] → [B, T, C]; `bias` is of attention to itself, `source` what the decoder looks at. */
  forward(x: Tensor, bias: Tensor, source: SourceLayer | undefined, drop: Drop): Tensor {
    const y = this.attentionNorm.forward(x)
    return this.#rest(add(x, drop(this.attention.forward(y, this.attention.project(y), bias), 'attn')), source, drop)
  }

  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x: Tensor, cache: LayerCache, input: DecodeInput, bias: Tensor, source: SourceLayer): [Tensor, LayerCache] {
    const [y, next] = this.attention.decode(this.attentionNorm.forward(x), cache, input, bias)
    return [this.#rest(add(x, y), source, (z) => z), next]
  }

  /** What follows attention to itself. */
  #rest(x: Tensor, source: SourceLayer | undefined, drop: Drop): Tensor {
    const seen = source && this.sourceAttention?.forward(this.sourceNorm!.forward(x), source.cache, source.mask)
    const mixed = seen ? add(x, drop(seen, 'src')) : x
    return add(mixed, drop(this.feedForward.forward(this.feedForwardNorm.forward(mixed)), 'mlp'))
  }
}

/** A layer's keys and values of the source, and what hides its padding, [B or 1, 1, 1, S]. */
interface SourceLayer {
  readonly cache: LayerCache
  readonly mask: Tensor
}

interface StackOptions {
  /** Whether it looks at a source: a decoder. */
  readonly looksAtSource: boolean
  /** What the last norm multiplies by at first. */
  readonly gain: number
}

/** Blocks that share one table of relative biases, which the first holds, and a last norm. */
class Stack {
  readonly bias: RelativeBias
  readonly blocks: readonly Block[]
  readonly norm: RmsNorm

  constructor(scope: Scope, config: SequenceConfig, layers: number, options: StackOptions) {
    const { nHeads, buckets, maxDistance, dModel, normEpsilon } = config
    const place = scope.child('block.0.layer.0.SelfAttention.relative_attention_bias')
    const sizes = { nHeads, buckets, maxDistance, deviation: dModel ** -0.5 }
    this.bias = new RelativeBias(place, { ...sizes, bidirectional: !options.looksAtSource })
    this.blocks = Array.from({ length: layers }, (_, i) => new Block(scope.child('block').child(i), config, options))
    this.norm = new RmsNorm(scope.child('final_layer_norm'), dModel, normEpsilon, options.gain)
  }
}

/**
 * T5 (Raffel et al. 2020): an encoder and a decoder with relative position biases, RMS norms before each part, no
 * biases, unscaled attention. Version 1.0 has ReLU and a tied output layer fed with states over √dModel; 1.1, Flan-T5
 * (Chung et al. 2022) and mT5 (Xue et al. 2021) have gated GELU and an output layer of their own. Published checkpoints
 * load unchanged; new ones begin with a smaller table and with heads that look near, for AdamW's sake. Dropout applies to
 * embeddings, to what each part adds and to the last states, not inside of parts.
 */
export class T5 implements SequenceToSequenceArchitecture {
  readonly scope = new Scope()
  readonly dimensions: SequenceDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly #settings: SequenceConfig
  readonly #embedding: Embedding
  readonly #encoder: Stack
  readonly #decoder: Stack
  readonly #output: Tensor

  /** Throws ConfigError for sizes that are no sizes and for an odd number of buckets. */
  constructor(settings: SequenceConfig, form: T5Form = t5Forms.t5) {
    const { vocabSize, dModel, nEncoderLayers, nLayers, nHeads, buckets, maxDistance } = settings
    if (!(Number.isInteger(buckets / 2) && buckets >= 4 && maxDistance > buckets / 2))
      throw new ConfigError(
        `t5: ${buckets} buckets up to distance ${maxDistance}, wanted an even number from 4 and more than half of it as distance`,
        { buckets, maxDistance },
      )
    checkHeads({ ...settings, nLayers: nEncoderLayers, nKvHeads: nHeads }, { even: false })
    this.dimensions = { ...checkHeads({ ...settings, nKvHeads: nHeads }, { even: false }), nEncoderLayers }
    this.config = form.write(settings)
    this.#settings = settings
    const deviation = initialDeviation
    this.#embedding = new Embedding(this.scope.child('shared'), vocabSize, dModel, { deviation })
    this.#encoder = new Stack(this.scope.child('encoder'), settings, nEncoderLayers, { looksAtSource: false, gain: 1 })
    // States over √dModel meet a tied table, which AdamW moves no faster for that: logits would learn √dModel times as slowly.
    const gain = settings.tieEmbeddings ? Math.sqrt(dModel) : 1
    this.#decoder = new Stack(this.scope.child('decoder'), settings, nLayers, { looksAtSource: true, gain })
    this.#output = settings.tieEmbeddings
      ? this.#embedding.weight
      : new Linear(this.scope.child('lm_head'), dModel, vocabSize, { deviation }).weight
  }

  encode(source: SourceInput, key?: RandomKey): Tensor {
    const { bias, blocks, norm } = this.#encoder
    const positions = source.positions ?? iota(staticShape('t5 encoder', [source.ids.shape[1]!])[0]!)
    const seen = add(bias.forward(oneRow(positions), positions), paddingMask(source.mask))
    let x = this.#dropper('e', key)(this.#embedding.forward(source.ids), 'embed')
    for (const [i, block] of blocks.entries()) x = block.forward(x, seen, undefined, this.#dropper(`e${i}`, key))
    return this.#dropper('e', key)(norm.forward(x), 'last')
  }

  logits(source: SourceInput, ids: Tensor, key?: RandomKey): Tensor {
    const layers = this.sourceLayers(this.encode(source, key))
    const mask = paddingMask(source.mask)
    const T = staticShape('t5 decoder', [ids.shape[1]!])[0]!
    const { bias, blocks, norm } = this.#decoder
    const seen = add(bias.forward(oneRow(iota(T)), iota(T)), causalMask(T))
    let x = this.#dropper('d', key)(this.#embedding.forward(ids), 'embed')
    for (const [i, block] of blocks.entries())
      x = block.forward(x, seen, { cache: layers[i]!, mask }, this.#dropper(`d${i}`, key))
    return this.#logitsOf(this.#dropper('d', key)(norm.forward(x), 'last'))
  }

  sourceLayers(states: Tensor): LayerCache[] {
    return this.#decoder.blocks.map((block) => block.sourceAttention!.project(states))
  }

  decode(input: DecodeInput, source: SourceCaches): DecodeOutput {
    const { bias, blocks, norm } = this.#decoder
    const mask = paddingMask(source.mask)
    const seen = bias.forward(input.positions, iota(this.#settings.contextLength))
    let x = this.#embedding.forward(input.ids)
    const caches = blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input.caches[i]!, input, seen, { cache: source.layers[i]!, mask })
      x = y
      return cache
    })
    return { logits: this.#logitsOf(wantedStates(norm.forward(x), input)), caches }
  }

  #logitsOf(x: Tensor): Tensor {
    const { tieEmbeddings, dModel } = this.#settings
    return linear(tieEmbeddings ? mul(x, dModel ** -0.5) : x, this.#output)
  }

  #dropper(place: string, key: RandomKey | undefined): Drop {
    return (y, what) => (key ? dropout(y, this.#settings.dropout, key.split(`${what}${place}`)) : y)
  }
}

/** [S] → [1, S]. */
function oneRow(x: Tensor): Tensor {
  return reshape(x, [1, x.shape[0] as Dim])
}

/** 0 where position t may see position s ≤ t, −10⁹ elsewhere: [T, T]. */
function causalMask(T: number): Tensor {
  const data = new Float32Array(T * T)
  for (let t = 0; t < T; t++) data.fill(-1e9, t * T + t + 1, (t + 1) * T)
  return constant({ dtype: 'float32', shape: [T, T], data })
}

import { attention } from '../graph/operations/attention.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { add, mul, silu } from '../graph/operations/elementwise.ts'
import { linear } from '../graph/operations/matmul.ts'
import { rotary } from '../graph/operations/rotary.ts'
import { reshape } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { Embedding, Linear, RmsNorm } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import { rotaryTables } from '../nn/rotary-tables.ts'
import type {
  CausalArchitecture,
  CausalConfig,
  CausalDimensions,
  DecodeInput,
  DecodeOutput,
  LayerCache,
} from './architecture.ts'
import { checkHeads } from './check.ts'
import { type DecoderForm, decoderForms, initialDeviation as deviation } from './decoder-forms.ts'
import { wantedStates } from './wanted-places.ts'

interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Norms of queries and keys over each head (Henry et al. 2020), where a model has them. */
interface HeadNorms {
  readonly q: RmsNorm
  readonly k: RmsNorm
}

/** Grouped-query attention with rotary positions (Ainslie et al. 2023; Su et al. 2021). */
class SelfAttention {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly norms: HeadNorms | undefined
  readonly dimensions: CausalDimensions
  /** Positions that a query sees; undefined where that is the whole context. */
  readonly window: number | undefined

  constructor(scope: Scope, settings: CausalConfig, dimensions: CausalDimensions) {
    const { dModel, nHeads, nKvHeads, dHead, nLayers, contextLength } = dimensions
    const { qkvBias = false, queryKeyNorm = false, slidingWindow = contextLength, normEpsilon } = settings
    const options = { deviation, bias: qkvBias }
    this.q = new Linear(scope.child('q_proj'), dModel, nHeads * dHead, options)
    this.k = new Linear(scope.child('k_proj'), dModel, nKvHeads * dHead, options)
    this.v = new Linear(scope.child('v_proj'), dModel, nKvHeads * dHead, options)
    this.o = new Linear(scope.child('o_proj'), nHeads * dHead, dModel, {
      deviation: deviation / Math.sqrt(2 * nLayers),
    })
    const norm = (name: string) => new RmsNorm(scope.child(name), dHead, normEpsilon)
    this.norms = queryKeyNorm ? { q: norm('q_norm'), k: norm('k_norm') } : undefined
    this.dimensions = dimensions
    this.window = slidingWindow < contextLength ? slidingWindow : undefined
  }

  /** x [B, T, C] → queries [B, T, H·D], keys and values [B, T, Hkv·D], not yet rotated. */
  #projections(x: Tensor): [Tensor, Tensor, Tensor] {
    const [q, k, v] = [this.q.forward(x), this.k.forward(x), this.v.forward(x)]
    if (!this.norms) return [q, k, v]
    const normed = (norm: RmsNorm, y: Tensor) => reshape(norm.forward(this.#heads(y)), y.shape)
    return [normed(this.norms.q, q), normed(this.norms.k, k), v]
  }

  /** [B, T, n·D] → [B, T, n, D]. */
  #heads(x: Tensor): Tensor {
    const { dHead } = this.dimensions
    const [B, T, width] = x.shape as [Dim, Dim, number]
    return reshape(x, [B, T, width / dHead, dHead])
  }

  /** x [B, T, C] → [B, T, C]; position t sees positions up to t. */
  forward(x: Tensor, { cos, sin }: RotaryTables): Tensor {
    const { nHeads, dHead } = this.dimensions
    const [B, T] = x.shape as [Dim, Dim]
    const [q, k, v] = this.#projections(x).map((y) => this.#heads(y)) as [Tensor, Tensor, Tensor]
    const mixed = attention(rotary(q, cos, sin), rotary(k, cos, sin), v, { causal: true, window: this.window })
    return this.o.forward(reshape(mixed, [B, T, nHeads * dHead]))
  }

  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(
    x: Tensor,
    cache: LayerCache,
    { positions, lastPosition, total, bias }: DecodeInput,
    tables: RotaryTables,
  ): [Tensor, LayerCache] {
    const { nHeads, nKvHeads, dHead } = this.dimensions
    const [q, k, v] = this.#projections(x)
    const [mixed, keys, values] = cachedAttention(
      {
        ...{ q, k, v },
        pastKeys: cache.keys,
        pastValues: cache.values,
        lastPosition,
        total,
        rotary: { ...tables, positions },
        bias,
      },
      { nHeads, nKvHeads, scale: 1 / Math.sqrt(dHead), window: this.window },
    )
    return [this.o.forward(mixed), { keys, values }]
  }
}

/** SwiGLU: W_down(silu(W_gate x) ∘ W_up x) (Shazeer 2020). */
class FeedForward {
  readonly gate: Linear
  readonly up: Linear
  readonly down: Linear

  constructor(scope: Scope, { dModel, dFf, nLayers }: CausalConfig) {
    this.gate = new Linear(scope.child('gate_proj'), dModel, dFf, { deviation })
    this.up = new Linear(scope.child('up_proj'), dModel, dFf, { deviation })
    this.down = new Linear(scope.child('down_proj'), dFf, dModel, { deviation: deviation / Math.sqrt(2 * nLayers) })
  }

  /** [B, T, C] → [B, T, C]. */
  forward(x: Tensor): Tensor {
    return this.down.forward(mul(silu(this.gate.forward(x)), this.up.forward(x)))
  }
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
class Block {
  readonly attentionNorm: RmsNorm
  readonly attention: SelfAttention
  readonly feedForwardNorm: RmsNorm
  readonly feedForward: FeedForward
  readonly dropout: number
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  readonly index: string

  constructor(scope: Scope, config: CausalConfig, dimensions: CausalDimensions) {
    this.attentionNorm = new RmsNorm(scope.child('input_layernorm'), config.dModel, config.normEpsilon)
    this.attention = new SelfAttention(scope.child('self_attn'), config, dimensions)
    this.feedForwardNorm = new RmsNorm(scope.child('post_attention_layernorm'), config.dModel, config.normEpsilon)
    this.feedForward = new FeedForward(scope.child('mlp'), config)
    this.dropout = config.dropout
    this.index = scope.path.slice(scope.path.lastIndexOf('.') + 1)
  }

  forward(x: Tensor, tables: RotaryTables, key?: RandomKey): Tensor {
    const drop = (y: Tensor, what: string) => (key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y)
    const mixed = add(x, drop(this.attention.forward(this.attentionNorm.forward(x), tables), 'attn'))
    return add(mixed, drop(this.feedForward.forward(this.feedForwardNorm.forward(mixed)), 'mlp'))
  }

  decode(x: Tensor, cache: LayerCache, input: DecodeInput, tables: RotaryTables): [Tensor, LayerCache] {
    const [y, next] = this.attention.decode(this.attentionNorm.forward(x), cache, input, tables)
    const mixed = add(x, y)
    return [add(mixed, this.feedForward.forward(this.feedForwardNorm.forward(mixed))), next]
  }
}

/**
 * The Llama architecture (Touvron et al. 2023): RMSNorm, rotary positions, grouped-query attention,
 * SwiGLU, tied embeddings if asked. Settings make it one of its near kin: a sliding window (Mistral: Jiang et al.
 * 2023), biases of queries, keys and values (Qwen2: Yang et al. 2024), norms of queries and keys (Qwen3: Yang et al.
 * 2025), slowed angles (Llama 3.1). Checkpoints load unchanged in Hugging Face transformers, described in `form`.
 */
export class Decoder implements CausalArchitecture {
  readonly scope = new Scope()
  readonly dimensions: CausalDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly #settings: CausalConfig
  readonly #embedding: Embedding
  readonly #blocks: readonly Block[]
  readonly #norm: RmsNorm
  readonly #head: Tensor

  /** Throws ConfigError where heads do not divide what they must. */
  constructor(settings: CausalConfig, form: DecoderForm = decoderForms.llama) {
    this.dimensions = checkHeads(settings, { even: true })
    this.config = form.write(settings, this.dimensions)
    this.#settings = settings
    const { vocabSize, dModel, nLayers, normEpsilon, tieEmbeddings } = settings
    const model = this.scope.child('model')
    this.#embedding = new Embedding(model.child('embed_tokens'), vocabSize, dModel, { deviation })
    this.#blocks = Array.from(
      { length: nLayers },
      (_, i) => new Block(model.child('layers').child(i), settings, this.dimensions),
    )
    this.#norm = new RmsNorm(model.child('norm'), dModel, normEpsilon)
    this.#head = tieEmbeddings
      ? this.#embedding.weight
      : new Linear(this.scope.child('lm_head'), dModel, vocabSize, { deviation }).weight
  }

  logits(ids: Tensor, key?: RandomKey): Tensor {
    const { dropout: rate } = this.#settings
    const tables = this.#tables(Number(ids.shape[1]))
    const embedded = this.#embedding.forward(ids)
    let x = key ? dropout(embedded, rate, key.split('embed')) : embedded
    for (const block of this.#blocks) x = block.forward(x, tables, key)
    return linear(this.#norm.forward(x), this.#head)
  }

  decode(input: DecodeInput): DecodeOutput {
    const tables = this.#tables(this.#settings.contextLength)
    let x = this.#embedding.forward(input.ids)
    const caches = this.#blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input.caches[i]!, input, tables)
      x = y
      return cache
    })
    return { logits: linear(wantedStates(this.#norm.forward(x), input), this.#head), caches }
  }

  /** Angles of the positions 0 to length − 1. */
  #tables(length: number): RotaryTables {
    const { ropeTheta, ropeScaling } = this.#settings
    return rotaryTables(length, this.dimensions.dHead, ropeTheta, ropeScaling)
  }
}

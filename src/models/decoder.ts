import { attention } from '../graph/operations/attention.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { add, mul, silu } from '../graph/operations/elementwise.ts'
import { linear } from '../graph/operations/matmul.ts'
import { rotary } from '../graph/operations/rotary.ts'
import { last, reshape } from '../graph/operations/shape.ts'
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

/** Standard deviation of initial weights; projections into the residual stream get it over √(2 · nLayers). */
const deviation = 0.02

interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Grouped-query attention with rotary positions (Ainslie et al. 2023; Su et al. 2021), without biases. */
class SelfAttention {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly dimensions: CausalDimensions

  constructor(scope: Scope, dimensions: CausalDimensions) {
    const { dModel, nHeads, nKvHeads, dHead, nLayers } = dimensions
    this.q = new Linear(scope.child('q_proj'), dModel, nHeads * dHead, { deviation })
    this.k = new Linear(scope.child('k_proj'), dModel, nKvHeads * dHead, { deviation })
    this.v = new Linear(scope.child('v_proj'), dModel, nKvHeads * dHead, { deviation })
    this.o = new Linear(scope.child('o_proj'), nHeads * dHead, dModel, {
      deviation: deviation / Math.sqrt(2 * nLayers),
    })
    this.dimensions = dimensions
  }

  /** x [B, T, C] → [B, T, C]; position t sees positions up to t. */
  forward(x: Tensor, { cos, sin }: RotaryTables): Tensor {
    const { nHeads, nKvHeads, dHead } = this.dimensions
    const [B, T] = x.shape as [Dim, Dim]
    const heads = (y: Tensor, n: number) => reshape(y, [B, T, n, dHead])
    const q = rotary(heads(this.q.forward(x), nHeads), cos, sin)
    const k = rotary(heads(this.k.forward(x), nKvHeads), cos, sin)
    const mixed = attention(q, k, heads(this.v.forward(x), nKvHeads), { causal: true })
    return this.o.forward(reshape(mixed, [B, T, nHeads * dHead]))
  }

  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(
    x: Tensor,
    cache: LayerCache,
    { positions, lastPosition, total }: DecodeInput,
    tables: RotaryTables,
  ): [Tensor, LayerCache] {
    const { nHeads, nKvHeads, dHead } = this.dimensions
    const [mixed, keys, values] = cachedAttention(
      {
        q: this.q.forward(x),
        k: this.k.forward(x),
        v: this.v.forward(x),
        pastKeys: cache.keys,
        pastValues: cache.values,
        lastPosition,
        total,
        rotary: { ...tables, positions },
      },
      { nHeads, nKvHeads, scale: 1 / Math.sqrt(dHead) },
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
    this.attention = new SelfAttention(scope.child('self_attn'), dimensions)
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
 * SwiGLU, no biases, tied embeddings if asked. Checkpoints load unchanged in Hugging Face transformers.
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
  constructor(settings: CausalConfig) {
    this.dimensions = checkHeads(settings, { even: true })
    this.config = llamaConfig(settings)
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
    const { dropout: rate, ropeTheta } = this.#settings
    const tables = rotaryTables(Number(ids.shape[1]), this.dimensions.dHead, ropeTheta)
    const embedded = this.#embedding.forward(ids)
    let x = key ? dropout(embedded, rate, key.split('embed')) : embedded
    for (const block of this.#blocks) x = block.forward(x, tables, key)
    return linear(this.#norm.forward(x), this.#head)
  }

  decode(input: DecodeInput): DecodeOutput {
    const tables = rotaryTables(this.#settings.contextLength, this.dimensions.dHead, this.#settings.ropeTheta)
    let x = this.#embedding.forward(input.ids)
    const caches = this.#blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input.caches[i]!, input, tables)
      x = y
      return cache
    })
    return { logits: linear(last(this.#norm.forward(x), 1), this.#head), caches }
  }
}

function llamaConfig(settings: CausalConfig): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    hidden_size: settings.dModel,
    intermediate_size: settings.dFf,
    num_hidden_layers: settings.nLayers,
    num_attention_heads: settings.nHeads,
    num_key_value_heads: settings.nKvHeads,
    head_dim: settings.dModel / settings.nHeads,
    hidden_act: 'silu',
    rms_norm_eps: settings.normEpsilon,
    rope_theta: settings.ropeTheta,
    rope_scaling: null,
    attention_bias: false,
    attention_dropout: 0,
    mlp_bias: false,
    initializer_range: deviation,
    tie_word_embeddings: settings.tieEmbeddings,
    use_cache: true,
    torch_dtype: 'float32',
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null,
  }
}

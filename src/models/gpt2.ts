import { attention } from '../graph/operations/attention.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { add, gelu } from '../graph/operations/elementwise.ts'
import { gather } from '../graph/operations/indexing.ts'
import { linear, matmul } from '../graph/operations/matmul.ts'
import { reshape, slice, split } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { Embedding, LayerNorm, Linear } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import type {
  CausalArchitecture,
  CausalConfig,
  CausalDimensions,
  DecodeInput,
  DecodeOutput,
  LayerCache,
} from './architecture.ts'
import { checkHeads } from './check.ts'
import { wantedStates } from './wanted-places.ts'

/** Standard deviation of initial weights; projections into the residual stream get it over √(2 · nLayers). */
const deviation = 0.02

/** y = x · W + b with W [in, out]: GPT-2's checkpoints hold their matrices this way round. */
class Projection {
  readonly weight: Tensor
  readonly bias: Tensor

  constructor(scope: Scope, inputs: number, outputs: number, spread = deviation) {
    this.weight = scope.parameter('weight', [inputs, outputs], { kind: 'normal', deviation: spread })
    this.bias = scope.parameter('bias', [outputs], { kind: 'zeros' })
  }

  /** [..., in] → [..., out]. */
  forward(x: Tensor): Tensor {
    return add(matmul(x, this.weight), this.bias)
  }
}

/** x + attention(norm(x)), then x + W(gelu(W(norm(x)))), with biases everywhere. */
class Block {
  readonly attentionNorm: LayerNorm
  readonly qkv: Projection
  readonly attentionOut: Projection
  readonly feedForwardNorm: LayerNorm
  readonly up: Projection
  readonly down: Projection
  readonly dimensions: CausalDimensions
  readonly dropout: number
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  readonly index: string

  constructor(scope: Scope, config: CausalConfig, dimensions: CausalDimensions) {
    const { dModel, dFf, nLayers, normEpsilon } = config
    const residual = deviation / Math.sqrt(2 * nLayers)
    this.attentionNorm = new LayerNorm(scope.child('ln_1'), dModel, normEpsilon)
    this.qkv = new Projection(scope.child('attn.c_attn'), dModel, 3 * dModel)
    this.attentionOut = new Projection(scope.child('attn.c_proj'), dModel, dModel, residual)
    this.feedForwardNorm = new LayerNorm(scope.child('ln_2'), dModel, normEpsilon)
    this.up = new Projection(scope.child('mlp.c_fc'), dModel, dFf)
    this.down = new Projection(scope.child('mlp.c_proj'), dFf, dModel, residual)
    this.dimensions = dimensions
    this.dropout = config.dropout
    this.index = scope.path.slice(scope.path.lastIndexOf('.') + 1)
  }

  /** x [B, T, C] → [B, T, C]; position t sees positions up to t. */
  forward(x: Tensor, key?: RandomKey): Tensor {
    const { nHeads, dHead } = this.dimensions
    const [B, T, C] = x.shape as [Dim, Dim, number]
    const drop = (y: Tensor, what: string) => (key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y)
    const parts = split(this.qkv.forward(this.attentionNorm.forward(x)), 2, [C, C, C])
    const [q, k, v] = parts.map((part) => reshape(part, [B, T, nHeads, dHead]))
    const mixed = reshape(attention(q!, k!, v!, { causal: true }), [B, T, C])
    return this.#feedForward(add(x, drop(this.attentionOut.forward(mixed), 'attn')), (y) => drop(y, 'mlp'))
  }

  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x: Tensor, cache: LayerCache, { lastPosition, total, bias }: DecodeInput): [Tensor, LayerCache] {
    const { nHeads, dHead, dModel: C } = this.dimensions
    const [q, k, v] = split(this.qkv.forward(this.attentionNorm.forward(x)), 2, [C, C, C])
    const [mixed, keys, values] = cachedAttention(
      { q: q!, k: k!, v: v!, pastKeys: cache.keys, pastValues: cache.values, lastPosition, total, bias },
      { nHeads, nKvHeads: nHeads, scale: 1 / Math.sqrt(dHead) },
    )
    return [this.#feedForward(add(x, this.attentionOut.forward(mixed)), (y) => y), { keys, values }]
  }

  #feedForward(x: Tensor, drop: (y: Tensor) => Tensor): Tensor {
    const hidden = gelu(this.up.forward(this.feedForwardNorm.forward(x)), true)
    return add(x, drop(this.down.forward(hidden)))
  }
}

/**
 * GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each part, GELU by tanh, biases,
 * tied embeddings. Its published checkpoints load unchanged.
 */
export class Gpt2 implements CausalArchitecture {
  readonly scope = new Scope()
  readonly dimensions: CausalDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly #tokens: Embedding
  readonly #positions: Embedding
  readonly #blocks: readonly Block[]
  readonly #norm: LayerNorm
  readonly #head: Tensor
  readonly #dropout: number

  /** Throws ConfigError where heads do not divide what they must; there are as many key heads as heads. */
  constructor(settings: CausalConfig) {
    const { vocabSize, contextLength, dModel, nLayers, normEpsilon, tieEmbeddings } = settings
    this.dimensions = checkHeads({ ...settings, nKvHeads: settings.nHeads }, { even: false })
    this.config = gpt2Config(settings)
    const model = this.scope.child('transformer')
    this.#tokens = new Embedding(model.child('wte'), vocabSize, dModel, { deviation })
    this.#positions = new Embedding(model.child('wpe'), contextLength, dModel, { deviation: deviation / 2 })
    this.#blocks = Array.from(
      { length: nLayers },
      (_, i) => new Block(model.child('h').child(i), settings, this.dimensions),
    )
    this.#norm = new LayerNorm(model.child('ln_f'), dModel, normEpsilon)
    this.#head = tieEmbeddings
      ? this.#tokens.weight
      : new Linear(this.scope.child('lm_head'), dModel, vocabSize, { deviation }).weight
    this.#dropout = settings.dropout
  }

  logits(ids: Tensor, key?: RandomKey): Tensor {
    const positions = slice(this.#positions.weight, 0, 0, Number(ids.shape[1]))
    const embedded = add(this.#tokens.forward(ids), positions)
    let x = key ? dropout(embedded, this.#dropout, key.split('embed')) : embedded
    for (const block of this.#blocks) x = block.forward(x, key)
    return linear(this.#norm.forward(x), this.#head)
  }

  decode(input: DecodeInput): DecodeOutput {
    let x = add(this.#tokens.forward(input.ids), gather(this.#positions.weight, input.positions))
    const caches = this.#blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input.caches[i]!, input)
      x = y
      return cache
    })
    return { logits: linear(wantedStates(this.#norm.forward(x), input), this.#head), caches }
  }
}

function gpt2Config(settings: CausalConfig): Record<string, unknown> {
  return {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: settings.vocabSize,
    n_positions: settings.contextLength,
    n_ctx: settings.contextLength,
    n_embd: settings.dModel,
    n_inner: settings.dFf,
    n_layer: settings.nLayers,
    n_head: settings.nHeads,
    activation_function: 'gelu_new',
    layer_norm_epsilon: settings.normEpsilon,
    embd_pdrop: settings.dropout,
    resid_pdrop: settings.dropout,
    attn_pdrop: 0,
    initializer_range: deviation,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: 'float32',
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null,
  }
}

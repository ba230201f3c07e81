import { ShapeError } from '../errors.ts'
import { equal, where } from '../graph/operations/compare.ts'
import { add, cast, gelu } from '../graph/operations/elementwise.ts'
import { gather } from '../graph/operations/indexing.ts'
import { linear, matmul } from '../graph/operations/matmul.ts'
import { reshape, slice } from '../graph/operations/shape.ts'
import { constant, formatShape, type Tensor } from '../graph/tensor.ts'
import { Embedding, LayerNorm, Linear } from '../nn/layers.ts'
import { joinHeads, maskedAttention, paddingMask, splitHeads } from '../nn/masked-attention.ts'
import { nearHeads } from '../nn/near-heads.ts'
import { type Matrix, Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import { type BertForm, bertForms, type LayerNames } from './bert-forms.ts'
import { checkHeads } from './check.ts'
import type { MaskedArchitecture, MaskedConfig, MaskedDimensions, MaskedInput } from './masked-architecture.ts'

const deviation = 0.02
const biased = { deviation, bias: true }

/** norm(x + attention(x)), then norm(x + W(gelu(W x))), every position seeing all (post-norm: Vaswani et al. 2017). */
class Block {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly o: Linear
  readonly attentionNorm: LayerNorm
  readonly up: Linear
  readonly down: Linear
  readonly norm: LayerNorm
  readonly nHeads: number
  readonly dropout: number
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  readonly index: string

  constructor(scope: Scope, names: LayerNames, config: MaskedConfig) {
    const { dModel, dFf, normEpsilon } = config
    const { queries, keys } = nearHeads({ dModel, dHead: dModel / config.nHeads, deviation })
    const square = (name: string, mean?: Matrix) =>
      new Linear(scope.child(name), dModel, dModel, { ...biased, ...(mean ? { mean } : {}) })
    this.q = square(names.q, queries)
    this.k = square(names.k, keys)
    this.v = square(names.v)
    this.o = square(names.o)
    this.attentionNorm = new LayerNorm(scope.child(names.attentionNorm), dModel, normEpsilon)
    this.up = new Linear(scope.child(names.up), dModel, dFf, biased)
    this.down = new Linear(scope.child(names.down), dFf, dModel, biased)
    this.norm = new LayerNorm(scope.child(names.norm), dModel, normEpsilon)
    this.nHeads = config.nHeads
    this.dropout = config.dropout
    this.index = scope.path.slice(scope.path.lastIndexOf('.') + 1)
  }

  /** x [B, T, C] → [B, T, C]; `mask` [B, 1, 1, T] hides padding. */
  forward(x: Tensor, mask: Tensor, key?: RandomKey): Tensor {
    const drop = (y: Tensor, what: string) => (key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y)
    const [q, k, v] = [this.q, this.k, this.v].map((layer) => splitHeads(layer.forward(x), this.nHeads))
    const seen = this.o.forward(joinHeads(maskedAttention(q!, k!, v!, mask)))
    const mixed = this.attentionNorm.forward(add(x, drop(seen, 'attn')))
    const hidden = this.down.forward(gelu(this.up.forward(mixed)))
    return this.norm.forward(add(mixed, drop(hidden, 'mlp')))
  }
}

/**
 * BERT (Devlin et al. 2019) with its head for masked language modelling: learned positions, segments, post-norm blocks,
 * GELU by erf, then logits = W · norm(gelu(W x + b)) + b with W the table of words if tied. `form` makes it one of its
 * near kin: DistilBERT (Sanh et al. 2019), without segments; RoBERTa (Liu et al. 2019), whose positions count tokens and
 * begin after the padding's id. Published checkpoints load unchanged; the pooled output and the next-sentence head,
 * which masked modelling has no use for, are left out, and attention's probabilities are never dropped. A new model's
 * heads begin by {@link nearHeads}, which is ours.
 */
export class Bert implements MaskedArchitecture {
  readonly scope = new Scope()
  readonly dimensions: MaskedDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly outputBias: string
  readonly #settings: MaskedConfig
  readonly #form: BertForm
  readonly #words: Embedding
  readonly #positions: Embedding
  readonly #types: Embedding | undefined
  readonly #embeddingNorm: LayerNorm
  readonly #blocks: readonly Block[]
  readonly #transform: Linear
  readonly #transformNorm: LayerNorm
  readonly #output: Tensor
  readonly #bias: Tensor

  /** Throws ConfigError where heads do not divide the width. */
  constructor(settings: MaskedConfig, form: BertForm = bertForms.bert) {
    const { vocabSize, contextLength, dModel, nLayers, nHeads, normEpsilon, tokenTypes } = settings
    const { dHead } = checkHeads({ ...settings, nKvHeads: nHeads }, { even: false })
    this.dimensions = { vocabSize, contextLength, dModel, nLayers, nHeads, dHead, tokenTypes }
    this.config = form.write(settings)
    this.#settings = settings
    this.#form = form
    const { names } = form
    const model = this.scope.child(names.model)
    const embeddings = model.child('embeddings')
    const table = (name: string, rows: number, mean?: Matrix) =>
      new Embedding(embeddings.child(name), rows, dModel, { deviation, ...(mean ? { mean } : {}) })
    const { positions } = nearHeads({ dModel, dHead, deviation })
    this.#words = table('word_embeddings', vocabSize)
    this.#positions = table('position_embeddings', contextLength + form.firstPosition(settings), positions)
    this.#types = tokenTypes > 0 ? table('token_type_embeddings', tokenTypes) : undefined
    this.#embeddingNorm = new LayerNorm(embeddings.child('LayerNorm'), dModel, normEpsilon)
    const layers = model.child(names.layers)
    this.#blocks = Array.from({ length: nLayers }, (_, i) => new Block(layers.child(i), names.layer, settings))
    this.#transform = new Linear(this.scope.child(names.transform), dModel, dModel, biased)
    this.#transformNorm = new LayerNorm(this.scope.child(names.transformNorm), dModel, normEpsilon)
    this.#output = settings.tieEmbeddings
      ? this.#words.weight
      : new Linear(this.scope.child(names.output), dModel, vocabSize, { deviation }).weight
    this.outputBias = `${names.outputBias}.bias`
    this.#bias = this.scope.parameter(this.outputBias, [vocabSize], { kind: 'zeros' })
  }

  states(input: MaskedInput, key?: RandomKey): Tensor {
    const drop = (y: Tensor) => (key ? dropout(y, this.#settings.dropout, key.split('embed')) : y)
    const mask = paddingMask(input.mask)
    let x = drop(this.#embeddingNorm.forward(this.#embedded(input)))
    for (const block of this.#blocks) x = block.forward(x, mask, key)
    return x
  }

  logits(input: MaskedInput, key?: RandomKey): Tensor {
    const states = this.states(input, key)
    const wanted = input.places ? gather(reshape(states, [-1, this.dimensions.dModel]), input.places) : states
    const x = this.#transformNorm.forward(gelu(this.#transform.forward(wanted)))
    return linear(x, this.#output, this.#bias)
  }

  /** Words, positions and segments added up: [B, T, C]. */
  #embedded({ ids, tokenTypes }: MaskedInput): Tensor {
    const { contextLength } = this.dimensions
    const T = ids.shape[1]
    if (ids.rank !== 2 || typeof T !== 'number' || T > contextLength)
      throw new ShapeError(
        `bert: ids are ${formatShape(ids.shape)}, wanted [B, T] with T known and up to ${contextLength}; cut the text into parts`,
      )
    const x = add(this.#words.forward(ids), this.#positionsOf(ids, T))
    if (!this.#types) return x
    return add(x, tokenTypes ? this.#types.forward(tokenTypes) : slice(this.#types.weight, 0, 0, 1))
  }

  /** Vectors of the positions of ids [B, T]: [T, C], or [B, T, C] where they count tokens. */
  #positionsOf(ids: Tensor, T: number): Tensor {
    if (!this.#form.countsTokens) return slice(this.#positions.weight, 0, 0, T)
    const { padTokenId } = this.#settings
    const padding = equal(ids, padTokenId)
    const counted = matmul(where(padding, 0, 1), upperTriangle(T))
    return gather(this.#positions.weight, cast(add(where(padding, 0, counted), padTokenId), 'int32'))
  }
}

/** 1 where row ≤ column: a row of 0 and 1 times this counts the ones so far. */
function upperTriangle(size: number): Tensor {
  const data = new Float32Array(size * size)
  for (let row = 0; row < size; row++) data.fill(1, row * size + row, (row + 1) * size)
  return constant({ dtype: 'float32', shape: [size, size], data })
}

import { attention } from '../../src/graph/operations/attention.ts'
import { cachedAttention } from '../../src/graph/operations/cached-attention.ts'
import { add, reluSquared } from '../../src/graph/operations/elementwise.ts'
import { gather } from '../../src/graph/operations/indexing.ts'
import { rmsNorm } from '../../src/graph/operations/normalization.ts'
import { reshape, slice } from '../../src/graph/operations/shape.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { Embedding, Linear } from '../../src/nn/layers.ts'
import { Scope } from '../../src/nn/parameters.ts'

/** Sizes of the peers' model. */
export interface PeerGptOptions {
  readonly vocabulary: number
  readonly context: number
  readonly width: number
  readonly layers: number
  readonly heads: number
}

const deviation = 0.02

class Block {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly out: Linear
  readonly up: Linear
  readonly down: Linear
  readonly heads: number
  readonly width: number

  constructor(scope: Scope, { width, heads }: PeerGptOptions) {
    this.q = new Linear(scope.child('q'), width, width, { deviation })
    this.k = new Linear(scope.child('k'), width, width, { deviation })
    this.v = new Linear(scope.child('v'), width, width, { deviation })
    this.out = new Linear(scope.child('out'), width, width, { deviation })
    this.up = new Linear(scope.child('up'), width, 4 * width, { deviation })
    this.down = new Linear(scope.child('down'), 4 * width, width, { deviation })
    this.heads = heads
    this.width = width
  }

  /** x [B, T, C] → [B, T, C]. */
  forward(x: Tensor): Tensor {
    const [B, T, C] = x.shape as [number, number, number]
    const normed = rmsNorm(x)
    const [q, k, v] = [this.q, this.k, this.v].map((part) =>
      reshape(part.forward(normed), [B, T, this.heads, C / this.heads]),
    )
    const mixed = reshape(attention(q!, k!, v!, { causal: true }), [B, T, C])
    return this.#mlp(add(x, this.out.forward(mixed)))
  }

  /** x [1, 1, C] with the caches of this block → the same, with the caches extended. */
  decode(x: Tensor, keys: Tensor, values: Tensor, lastPosition: Tensor, total: Tensor): [Tensor, Tensor, Tensor] {
    const C = this.width
    const normed = rmsNorm(x)
    const [q, k, v] = [this.q, this.k, this.v].map((part) => part.forward(normed))
    const [mixed, presentKeys, presentValues] = cachedAttention(
      { q: q!, k: k!, v: v!, pastKeys: keys, pastValues: values, lastPosition, total },
      { nHeads: this.heads, nKvHeads: this.heads, scale: 1 / Math.sqrt(C / this.heads) },
    )
    return [this.#mlp(add(x, this.out.forward(mixed))), presentKeys, presentValues]
  }

  #mlp(x: Tensor): Tensor {
    return add(x, this.down.forward(reluSquared(this.up.forward(rmsNorm(x)))))
  }
}

/** The peers' GPT (bench/peers/torch_peers.py): learned positions, squared ReLU, RMSNorm without weights, untied. */
export class PeerGpt {
  readonly scope = new Scope()
  readonly options: PeerGptOptions
  readonly #tokens: Embedding
  readonly #positions: Embedding
  readonly #blocks: readonly Block[]
  readonly #head: Linear

  constructor(options: PeerGptOptions) {
    this.options = options
    this.#tokens = new Embedding(this.scope.child('tokens'), options.vocabulary, options.width, { deviation })
    this.#positions = new Embedding(this.scope.child('positions'), options.context, options.width, { deviation })
    this.#blocks = Array.from({ length: options.layers }, (_, i) => new Block(this.scope.child(`blocks.${i}`), options))
    this.#head = new Linear(this.scope.child('head'), options.width, options.vocabulary, { deviation })
  }

  /** int32 ids [B, T] → logits [B, T, V]. */
  logits(ids: Tensor): Tensor {
    let x = add(this.#tokens.forward(ids), slice(this.#positions.weight, 0, 0, ids.shape[1] as number))
    for (const block of this.#blocks) x = block.forward(x)
    return this.#head.forward(rmsNorm(x))
  }

  /** One id and its position → logits and the caches, all by name. */
  decodeStep(): Record<string, Tensor> {
    const { context, width, heads } = this.options
    const position = input('position', 'int32', [1])
    const total = input('total', 'int32', [])
    let x = add(
      this.#tokens.forward(input('id', 'int32', [1, 1])),
      gather(this.#positions.weight, reshape(position, [1, 1])),
    )
    const outputs: Record<string, Tensor> = {}
    for (const [i, block] of this.#blocks.entries()) {
      const cache = (name: string) => input(`${name}.${i}`, 'float32', [1, heads, context, width / heads])
      const [y, keys, values] = block.decode(x, cache('keys'), cache('values'), position, total)
      outputs[`next.keys.${i}`] = keys
      outputs[`next.values.${i}`] = values
      x = y
    }
    outputs.logits = this.#head.forward(rmsNorm(x))
    return outputs
  }
}

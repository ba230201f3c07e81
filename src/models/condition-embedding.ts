import { add, mul, sub } from '../graph/operations/elementwise.ts'
import { constant, type Tensor } from '../graph/tensor.ts'
import { Embedding } from '../nn/layers.ts'
import type { Scope } from '../nn/parameters.ts'
import { type EncodedText, TextEncoder } from '../nn/text-encoder.ts'
import type { GanConfig } from './gan.ts'

const heads = 4

/** What a picture is asked for by, embedded: a vector, and the words where there are any. */
export interface Wish {
  /** [B, conditionWidth]. */
  readonly vector: Tensor
  readonly text?: EncodedText
}

/** Turns a condition (a class, or words) into a {@link Wish}; each network has its own, trained with it. */
export class ConditionEmbedding {
  /** Elements of the vector; 0 where pictures are unconditional. */
  readonly width: number
  readonly #config: GanConfig
  readonly #classes: Embedding | undefined
  readonly #text: TextEncoder | undefined

  constructor(scope: Scope, config: GanConfig) {
    const { conditioning, conditionWidth: width, textLayers: nLayers } = config
    this.#config = config
    this.width = conditioning.kind === 'none' ? 0 : width
    if (conditioning.kind === 'class')
      this.#classes = new Embedding(scope.child('classes'), conditioning.nClasses + 1, width, { deviation: 1 })
    if (conditioning.kind === 'text') {
      const { vocabSize, maxTokens } = conditioning
      this.#text = new TextEncoder(scope.child('text'), { vocabSize, maxTokens, width, nLayers, nHeads: heads })
    }
  }

  /**
   * int32 [B], or [B, maxTokens] of words → its vector e, or with `guidance` e₀ + guidance · (e − e₀) where e₀ stands for
   * no condition (after Ho & Salimans 2022, on embeddings). Undefined without a condition.
   */
  forward(condition: Tensor | undefined, guidance?: Tensor): Wish | undefined {
    if (!condition || this.width === 0) return undefined
    const wish = this.#embed(condition)
    if (!guidance) return wish
    const { vector: nothing } = this.#embed(this.#noCondition())
    return { ...wish, vector: add(nothing, mul(guidance, sub(wish.vector, nothing))) }
  }

  #embed(condition: Tensor): Wish {
    if (this.#classes) return { vector: this.#classes.forward(condition) }
    const text = this.#text!.forward(condition)
    return { vector: text.pooled, text }
  }

  /** One row that asks for nothing. */
  #noCondition(): Tensor {
    const { conditioning } = this.#config
    if (conditioning.kind === 'text') {
      const { maxTokens } = conditioning
      return constant({ dtype: 'int32', shape: [1, maxTokens], data: new Int32Array(maxTokens) })
    }
    const data = Int32Array.of(conditioning.kind === 'class' ? conditioning.nClasses : 0)
    return constant({ dtype: 'int32', shape: [1], data })
  }
}

import { add, mul } from '../graph/operations/elementwise.ts'
import { sum } from '../graph/operations/reduce.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Linear } from '../nn/layers.ts'
import type { Scope } from '../nn/parameters.ts'

/**
 * realness + ⟨V φ, e⟩ / √width: how well features [B, C] of a picture fit what was asked for, e [B, width], added to
 * its logit [B] (Miyato & Koyama 2018, equation 3), scaled as a dot product of attention is.
 */
export class Projection {
  readonly #fitting: Linear
  readonly #scale: number

  constructor(scope: Scope, features: number, width: number) {
    this.#fitting = new Linear(scope, features, width, { deviation: 1 / Math.sqrt(features) })
    this.#scale = 1 / Math.sqrt(width)
  }

  /** realness [B], features [B, C], wish [B, width] → logits [B]. */
  forward(realness: Tensor, features: Tensor, wish: Tensor): Tensor {
    return add(realness, mul(sum(mul(this.#fitting.forward(features), wish), { axes: [1] }), this.#scale))
  }
}

import { gather } from '../graph/operations/indexing.ts'
import { linear } from '../graph/operations/matmul.ts'
import { layerNorm, rmsNorm } from '../graph/operations/normalization.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Matrix, Scope } from './parameters.ts'

/** y = x · Wᵀ + b, with W [out, in] as Hugging Face's checkpoints hold it. */
export class Linear {
  /** [out, in]. */
  readonly weight: Tensor
  /** [out], where the layer has one. */
  readonly bias: Tensor | undefined

  constructor(
    scope: Scope,
    inputs: number,
    outputs: number,
    { bias, ...normal }: { deviation: number; mean?: Matrix; bias?: boolean },
  ) {
    this.weight = scope.parameter('weight', [outputs, inputs], { kind: 'normal', ...normal })
    this.bias = bias ? scope.parameter('bias', [outputs], { kind: 'zeros' }) : undefined
  }

  /** [..., in] → [..., out]. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias)
  }
}

/** A table of vectors, one a symbol. */
export class Embedding {
  /** [symbols, width]. */
  readonly weight: Tensor

  constructor(scope: Scope, symbols: number, width: number, options: { deviation: number; mean?: Matrix }) {
    this.weight = scope.parameter('weight', [symbols, width], { kind: 'normal', ...options })
  }

  /** int ids [...] → [..., width]. */
  forward(ids: Tensor): Tensor {
    return gather(this.weight, ids)
  }
}

/** y = x / √(mean(x²) + ε) · w over the last axis (Zhang & Sennrich 2019). */
export class RmsNorm {
  /** [width], `gain` at first. */
  readonly weight: Tensor
  readonly epsilon: number

  constructor(scope: Scope, width: number, epsilon: number, gain = 1) {
    this.weight = scope.parameter('weight', [width], { kind: 'constant', value: gain })
    this.epsilon = epsilon
  }

  /** [..., width] → the same. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, this.epsilon)
  }
}

/** y = (x − μ) / √(σ² + ε) · w + b over the last axis (Ba et al. 2016). */
export class LayerNorm {
  /** [width], ones at first. */
  readonly weight: Tensor
  /** [width], zeros at first. */
  readonly bias: Tensor
  readonly epsilon: number

  constructor(scope: Scope, width: number, epsilon: number) {
    this.weight = scope.parameter('weight', [width], { kind: 'ones' })
    this.bias = scope.parameter('bias', [width], { kind: 'zeros' })
    this.epsilon = epsilon
  }

  /** [..., width] → the same. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.epsilon)
  }
}

import { add, div, mul, sqrt, sub } from '../graph/operations/elementwise.ts'
import { mean } from '../graph/operations/reduce.ts'
import { reshape } from '../graph/operations/shape.ts'
import { inputName, type Tensor } from '../graph/tensor.ts'
import type { Scope } from './parameters.ts'

/** How a {@link BatchNorm} is made. */
export interface BatchNormOptions {
  readonly epsilon?: number
  /** How far a batch moves the running statistics, 0 to 1; 0.1 by default. */
  readonly momentum?: number
  /** Whether it keeps running statistics; without them it always takes the batch's. True by default. */
  readonly tracked?: boolean
}

/** Running mean and variance [C], for when there is no batch to speak of. */
interface RunningStatistics {
  readonly mean: Tensor
  readonly variance: Tensor
}

/**
 * y = (x − μ) / √(σ² + ε) · w + b by channel over batch and places (Ioffe & Szegedy 2015, algorithm 1), in operations
 * that differentiate to any order.
 *
 * In training μ and σ² are the batch's; at inference they are running averages, μ ← μ + momentum · (μ_batch − μ), the
 * variance by its unbiased estimate, as in PyTorch.
 */
export class BatchNorm {
  /** [C], ones at first. */
  readonly weight: Tensor
  /** [C], zeros at first. */
  readonly bias: Tensor
  readonly running: RunningStatistics | undefined
  readonly epsilon: number
  readonly momentum: number

  constructor(scope: Scope, channels: number, options: BatchNormOptions = {}) {
    const { epsilon = 1e-5, momentum = 0.1, tracked = true } = options
    this.weight = scope.parameter('weight', [channels], { kind: 'ones' })
    this.bias = scope.parameter('bias', [channels], { kind: 'zeros' })
    this.running = tracked
      ? {
          mean: scope.statistic('running_mean', [channels], { kind: 'zeros' }),
          variance: scope.statistic('running_var', [channels], { kind: 'ones' }),
        }
      : undefined
    this.epsilon = epsilon
    this.momentum = momentum
  }

  /**
   * [B, C, H, W] → the same, by the batch's statistics where `updates` is there to take the next running ones by name,
   * or none are kept; else by the running ones.
   */
  forward(x: Tensor, updates?: Map<string, Tensor>): Tensor {
    if (this.running && !updates) return this.#scaled(sub(x, planes(this.running.mean)), planes(this.running.variance))
    const mu = mean(x, batchAndPlaces)
    const centred = sub(x, mu)
    const variance = mean(mul(centred, centred), batchAndPlaces)
    if (this.running && updates) this.#track(x, mu, variance, this.running, updates)
    return this.#scaled(centred, variance)
  }

  /** centred · w / √(σ² + ε) + b. */
  #scaled(centred: Tensor, variance: Tensor): Tensor {
    const scale = div(planes(this.weight), sqrt(add(variance, this.epsilon)))
    return add(mul(centred, scale), planes(this.bias))
  }

  #track(x: Tensor, mu: Tensor, variance: Tensor, running: RunningStatistics, updates: Map<string, Tensor>): void {
    const [B, C, H, W] = x.shape as [number, number, number, number]
    const n = B * H * W
    const moved = (from: Tensor, to: Tensor) => add(from, mul(sub(reshape(to, [C]), from), this.momentum))
    updates.set(inputName(running.mean)!, moved(running.mean, mu))
    updates.set(inputName(running.variance)!, moved(running.variance, mul(variance, n / Math.max(1, n - 1))))
  }
}

const batchAndPlaces = { axes: [0, 2, 3], keepDims: true } as const

/** [C] → [C, 1, 1]. */
function planes(x: Tensor): Tensor {
  return reshape(x, [x.shape[0]!, 1, 1])
}

import { add, div, mul, sqrt, sub } from '../graph/operations/elementwise.ts'
import type { Parameter } from '../nn/parameters.ts'
import type { Optimizer, UpdateInput, UpdateOutput } from './optimizer.ts'

/** Settings of {@link adamW}. */
export interface AdamWOptions {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** λ, applied to tensors of two or more dimensions; gains and biases are left alone. */
  readonly weightDecay: number
}

/**
 * AdamW (Loshchilov & Hutter 2019, algorithm 2):
 *
 *     m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
 *     p ← p − η λ p − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * The moments are kept as m / (1 − β₁) and v / (1 − β₂): it saves two passes over every parameter,
 * and the missing factors go into scalars of the step.
 */
export function adamW({ beta1, beta2, epsilon, weightDecay }: AdamWOptions): Optimizer {
  return {
    name: 'adamw',
    slots: () => ['moment1', 'moment2'],
    scalars(step, learningRate) {
      const root = Math.sqrt((1 - beta2) / (1 - beta2 ** step))
      return {
        adamRate: (learningRate * (1 - beta1)) / (1 - beta1 ** step) / root,
        adamEpsilon: epsilon / root,
        adamKeep: 1 - learningRate * weightDecay,
      }
    },
    update({ parameter, gradient, gradientScale, state, scalars }: UpdateInput): UpdateOutput {
      const g = mul(gradient, gradientScale)
      const moment1 = add(mul(state.moment1!, beta1), g)
      const moment2 = add(mul(state.moment2!, beta2), mul(g, g))
      const move = mul(div(moment1, add(sqrt(moment2), scalars.adamEpsilon!)), scalars.adamRate!)
      const kept = decays(parameter) && weightDecay > 0 ? mul(parameter.tensor, scalars.adamKeep!) : parameter.tensor
      return { parameter: sub(kept, move), state: { moment1, moment2 } }
    },
  }
}

/** Whether weight decay applies: to matrices, not to gains and biases. */
export function decays({ shape }: Parameter): boolean {
  return shape.length >= 2
}

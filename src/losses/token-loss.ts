import { equal } from '../graph/operations/compare.ts'
import { cast, div, mul } from '../graph/operations/elementwise.ts'
import { crossEntropy } from '../graph/operations/loss.ts'
import { argMax, sum } from '../graph/operations/reduce.ts'
import type { Tensor } from '../graph/tensor.ts'

/** Targets int32 [N] of logits [N, V], and float32 weights [N]: 1 counts, 0 does not. */
export interface Targets {
  readonly targets: Tensor
  readonly weights: Tensor
}

/** Mean cross-entropy in nats of the predictions that count: Σ w · loss / Σ w. */
export function tokenLoss(
  logits: Tensor,
  { targets, weights }: Targets,
  options: { readonly smoothing?: number } = {},
): Tensor {
  return div(sum(mul(crossEntropy(logits, targets, options.smoothing ?? 0), weights)), sum(weights))
}

/** Sums over the predictions that count: cross-entropy in nats, and how many times the target has the largest logit. */
export function tokenSums(logits: Tensor, { targets, weights }: Targets): { loss: Tensor; correct: Tensor } {
  const hits = cast(equal(cast(argMax(logits), 'int32'), targets), 'float32')
  return { loss: sum(mul(crossEntropy(logits, targets), weights)), correct: sum(mul(hits, weights)) }
}

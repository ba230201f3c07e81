import { add, div, minimum, mul, sqrt } from '../graph/operations/elementwise.ts'
import { sum } from '../graph/operations/reduce.ts'
import type { Operand, Tensor } from '../graph/tensor.ts'

/** ‖g‖ over all gradients together, a scalar. */
export function globalNorm(gradients: readonly Tensor[]): Tensor {
  return sqrt(gradients.map((g) => sum(mul(g, g))).reduce((total, part) => add(total, part)))
}

/** min(1, limit / ‖g‖): what every gradient is multiplied by to clip the global norm (Pascanu et al. 2013). */
export function clipScale(norm: Tensor, limit: Operand): Tensor {
  return minimum(div(limit, add(norm, 1e-6)), 1)
}

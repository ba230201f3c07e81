import { add, div, mul, sqrt, sub } from '../graph/operations/elementwise.ts'
import { matmul } from '../graph/operations/matmul.ts'
import { sum } from '../graph/operations/reduce.ts'
import { transpose } from '../graph/operations/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Parameter } from '../nn/parameters.ts'
import { type AdamWOptions, adamW } from './adamw.ts'
import type { Optimizer, UpdateInput, UpdateOutput } from './optimizer.ts'

/** Settings of {@link muon}. */
export interface MuonOptions extends AdamWOptions {
  /** Momentum of the matrices' gradients. */
  readonly momentum: number
  /** Learning rate of the matrices as a multiple of the schedule's, which the other parameters take. */
  readonly matrixRate: number
  /** Which parameters are hidden matrices; embeddings, the head, gains and biases go to AdamW. */
  readonly isHiddenMatrix: (parameter: Parameter) => boolean
}

/**
 * Muon (Jordan et al. 2024): momentum, then the nearest semi-orthogonal matrix to it.
 *
 *     m ← μ m + g,  u = g + μ m (Nesterov),  p ← p − η λ p − η √max(1, rows/columns) · orthogonalize(u)
 */
export function muon(options: MuonOptions): Optimizer {
  const fallback = adamW(options)
  const { momentum, matrixRate, weightDecay, isHiddenMatrix } = options
  return {
    name: 'muon',
    slots: (parameter) => (isHiddenMatrix(parameter) ? ['momentum'] : fallback.slots(parameter)),
    scalars: (step, learningRate) => ({
      ...fallback.scalars(step, learningRate),
      muonRate: learningRate * matrixRate,
      muonKeep: 1 - learningRate * matrixRate * weightDecay,
    }),
    update(input: UpdateInput): UpdateOutput {
      const { parameter, gradient, gradientScale, state, scalars } = input
      if (!isHiddenMatrix(parameter)) return fallback.update(input)
      const g = mul(gradient, gradientScale)
      const buffer = add(mul(state.momentum!, momentum), g)
      const direction = orthogonalize(add(g, mul(buffer, momentum)))
      const [rows, columns] = parameter.shape as [number, number]
      const move = mul(mul(direction, Math.sqrt(Math.max(1, rows / columns))), scalars.muonRate!)
      return { parameter: sub(mul(parameter.tensor, scalars.muonKeep!), move), state: { momentum: buffer } }
    },
  }
}

/** Coefficients of the quintic whose five iterates bring every singular value near 1 (Jordan et al. 2024). */
const [a, b, c] = [3.4445, -4.775, 2.0315]

/** U Vᵀ of x = U Σ Vᵀ, to within a factor of about 0.7 to 1.2 on the singular values: Newton–Schulz, [R, C] → [R, C]. */
export function orthogonalize(x: Tensor, iterations = 5): Tensor {
  const tall = Number(x.shape[0]) > Number(x.shape[1])
  let y = tall ? transpose(x) : x
  y = div(y, add(sqrt(sum(mul(y, y))), 1e-7))
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(y, y, { transposeB: true })
    const odd = add(mul(gram, b), matmul(gram, gram, { alpha: c }))
    y = add(mul(y, a), matmul(odd, y))
  }
  return tall ? transpose(y) : y
}

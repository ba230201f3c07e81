import { ShapeError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { requireRank } from '../shape-rules.ts'
import { applyOne, formatShape, type Tensor } from '../tensor.ts'
import { add, mul, neg, sub } from './elementwise.ts'
import { concat, reshape, split } from './shape.ts'

/** (a, b) → (a c − b s, b c + a s) for the halves a and b of the last axis of x [B, T, H, D]. */
export function rotate(x: Tensor, c: Tensor, s: Tensor): Tensor {
  const D = x.shape[3] as number
  const [a, b] = split(x, 3, [D / 2, D / 2]) as [Tensor, Tensor]
  return concat([sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s))], 3)
}

interface RotaryAttributes {
  /** Rotate by −θ: the gradient of rotating by θ. */
  readonly inverse: boolean
}

/**
 * Rotary positions (Su et al. 2021): pairs (x_d, x_{d+D/2}) rotate by the angle of their position,
 * the halves of a head paired as in Llama. x [B, T, H, D], cos and sin [T, D/2].
 */
const rotaryRow: Operation<RotaryAttributes> = {
  name: 'rotary',
  infer: ([x, cos, sin]) => {
    const [, T, , D] = requireRank('rotary', 'x', x!, 4)
    for (const table of [cos!, sin!])
      if (table.shape[0] !== T || table.shape[1] !== Number(D) / 2)
        throw new ShapeError(
          `rotary: x ${formatShape(x!.shape)} needs cos and sin [${T}, ${Number(D) / 2}], got ${formatShape(table.shape)}`,
        )
    return [x!]
  },
  decompose: ([x, cos, sin], { inverse }) => {
    const [c, s] = [cos!, inverse ? neg(sin!) : sin!].map((t) => reshape(t, [t.shape[0]!, 1, t.shape[1]!]))
    return [rotate(x!, c!, s!)]
  },
  lower: (emit, [x, cos, sin], { inverse }, node) => {
    if (emit.provider !== 'cpu') return undefined
    const [B, T, H, D] = node.inputs[0]!.shape as number[]
    const flat = emit.node('Reshape', [x!, emit.ints([B!, T!, H! * D!])])
    const angles = inverse ? emit.node('Neg', [sin!])[0]! : sin!
    const attributes = { num_heads: { int: H! }, rotary_embedding_dim: { int: 0 }, interleaved: { int: 0 } }
    const first = emit.ints([0])
    const y = emit.node('RotaryEmbedding', [flat[0]!, first, cos!, angles], attributes, { domain: 'com.microsoft' })
    return emit.node('Reshape', [y[0]!, emit.ints([B!, T!, H!, D!])])
  },
  gradient: ({ inputs: [, cos, sin], attributes }, [g]) => [
    applyOne(rotaryRow, [g!, cos!, sin!], { inverse: !attributes.inverse }),
    undefined,
    undefined,
  ],
}

/** x [B, T, H, D] with its positions rotated in: cos and sin [T, D/2] are constants to every gradient. */
export function rotary(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  return applyOne(rotaryRow, [x, cos, sin], { inverse: false })
}

/** Rows of this file. */
export const rotaryRows = [rotaryRow]

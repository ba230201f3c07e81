import { greater, where } from '../graph/operations/compare.ts'
import { add } from '../graph/operations/elementwise.ts'
import { matmul } from '../graph/operations/matmul.ts'
import { softmax } from '../graph/operations/normalization.ts'
import { reshape, transpose } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'

/** [B, T, H·D] → [B, H, T, D]. */
export function splitHeads(x: Tensor, nHeads: number): Tensor {
  const [B, T, width] = x.shape as [Dim, Dim, number]
  return transpose(reshape(x, [B, T, nHeads, width / nHeads]), [0, 2, 1, 3])
}

/** [B, H, T, D] → [B, T, H·D]. */
export function joinHeads(x: Tensor): Tensor {
  const [B, H, T, D] = x.shape as [Dim, number, Dim, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * D])
}

/**
 * softmax(scale · Q Kᵀ + mask) V (Vaswani et al. 2017, section 3.2.1) with a mask that data decides: q [B, H, T, D], k
 * and v [B, H, S, D], what is added to the scores [B, H, T, S] or broadcast to them (0 where a key may be seen, a large
 * negative number elsewhere), scale 1/√D by default → [B, H, T, D].
 *
 * Written in operations whose gradients are operations, so that a penalty on gradients can be differentiated through it.
 */
export function maskedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor,
  alpha = 1 / Math.sqrt(Number(q.shape[3])),
): Tensor {
  return matmul(softmax(add(matmul(q, k, { transposeB: true, alpha }), mask)), v)
}

/** What to add to scores so that padding is not seen: int32 [B, S], 1 where there is a token → [B, 1, 1, S], 0 or −10⁹. */
export function paddingMask(mask: Tensor): Tensor {
  const [B, S] = mask.shape as [Dim, Dim]
  return reshape(where(greater(mask, 0), 0, -1e9), [B, 1, 1, S])
}

import { gather } from '../graph/operations/indexing.ts'
import { last, reshape } from '../graph/operations/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { DecodeInput } from './architecture.ts'

/** Of states x [B, T, C] those that logits are wanted of: each row's last [B, 1, C], or those at `places` [K, C]. */
export function wantedStates(x: Tensor, { places }: DecodeInput): Tensor {
  return places ? gather(reshape(x, ['positions of all rows', x.shape[2]!]), places) : last(x, 1)
}

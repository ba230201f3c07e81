import { add, cast, maximum, minimum, sub } from '../graph/operations/elementwise.ts'
import { gather } from '../graph/operations/indexing.ts'
import { reshape, transpose } from '../graph/operations/shape.ts'
import { constant, type Dim, type Tensor } from '../graph/tensor.ts'
import type { Matrix, Scope } from './parameters.ts'

/** Sizes of a {@link RelativeBias}. */
export interface RelativeBiasOptions {
  readonly nHeads: number
  readonly buckets: number
  /** Distances from here on share the last bucket. */
  readonly maxDistance: number
  /** Whether keys after a query have buckets of their own, half of all; else they share the bucket of distance 0. */
  readonly bidirectional: boolean
  readonly deviation: number
}

/**
 * What T5 adds to attention's scores: a number a head for the bucket of the distance from query to key
 * (Raffel et al. 2020, section 2.1). Half of the buckets hold one distance each, the rest grow logarithmically.
 */
export class RelativeBias {
  /** [buckets, H]. */
  readonly weight: Tensor
  readonly options: RelativeBiasOptions

  constructor(scope: Scope, options: RelativeBiasOptions) {
    const { buckets, nHeads, deviation } = options
    this.weight = scope.parameter('weight', [buckets, nHeads], { kind: 'normal', deviation, mean: nearFirst(options) })
    this.options = options
  }

  /** int32 positions of queries [B or 1, T] and of keys [S] → [B or 1, H, T, S], of known or unknown sizes. */
  forward(queries: Tensor, keys: Tensor): Tensor {
    const { maxDistance } = this.options
    const [B, T] = queries.shape as [Dim, Dim]
    const distance = sub(cast(keys, 'float32'), reshape(cast(queries, 'float32'), [B, T, 1]))
    const clipped = minimum(maximum(distance, -maxDistance), maxDistance)
    const bucket = gather(this.#table(), cast(add(clipped, maxDistance), 'int32'))
    return transpose(gather(this.weight, bucket), [0, 3, 1, 2])
  }

  /** The bucket of each distance from −maxDistance to maxDistance: int32 [2 · maxDistance + 1]. */
  #table(): Tensor {
    const { maxDistance } = this.options
    const data = Int32Array.from({ length: 2 * maxDistance + 1 }, (_, i) => bucketOf(i - maxDistance, this.options))
    return constant({ dtype: 'int32', shape: [data.length], data })
  }
}

/** What a head that looks at one distance adds to its scores there; others take no more off than this. */
const most = 6

/** Distances that heads look at, each one of them, as long as there are twice as many heads. */
const looks = { bidirectional: [-1, 1, -2, 2], causal: [-1, -2, -3] }

/**
 * Where heads look before they have learned to: the first at one distance each, head j of the others at what is near, by
 * −min(6, distance / 2ʲ), the slopes of ALiBi (Press et al. 2022). Raffel et al. begin flat; but a table moves by the learning
 * rate a step at most, and until it is steep no head can tell what stands beside a token: docs/log.md has the curves.
 */
function nearFirst(options: RelativeBiasOptions): Matrix {
  const { bidirectional, nHeads } = options
  const shifts = (bidirectional ? looks.bidirectional : looks.causal).slice(0, Math.floor(nHeads / 2))
  return (bucket, head) => {
    const shift = shifts[head]
    if (shift !== undefined) return bucketOf(shift, options) === bucket ? most : 0
    return -Math.min(most, distanceIn(bucket, options) / 2 ** (head - shifts.length))
  }
}

/** About how far off what falls into a bucket is. */
function distanceIn(bucket: number, { buckets, maxDistance, bidirectional }: RelativeBiasOptions): number {
  const count = bidirectional ? buckets / 2 : buckets
  const [n, exact] = [bucket % count, Math.floor(count / 2)]
  return n < exact ? n : exact * (maxDistance / exact) ** ((n - exact) / (count - exact))
}

/** The bucket of `key − query` = `distance`, in float32 where the reference computes in float32. */
export function bucketOf(
  distance: number,
  { buckets, maxDistance, bidirectional }: Pick<RelativeBiasOptions, 'buckets' | 'maxDistance' | 'bidirectional'>,
): number {
  const count = bidirectional ? buckets / 2 : buckets
  const first = bidirectional && distance > 0 ? count : 0
  const n = bidirectional ? Math.abs(distance) : Math.max(0, -distance)
  const exact = Math.floor(count / 2)
  if (n < exact) return first + n
  const share = Math.fround(Math.fround(Math.log(n / exact)) / Math.fround(Math.log(maxDistance / exact)))
  return first + Math.min(count - 1, exact + Math.floor(Math.fround(share * (count - exact))))
}

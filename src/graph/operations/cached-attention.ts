import { ShapeError } from '../../errors.ts'
import { type Emitter, type Operation, onnxType } from '../operation.ts'
import { requireRank } from '../shape-rules.ts'
import { apply, type Dim, formatShape, type Shape, type Tensor, type TensorType } from '../tensor.ts'
import { gather } from './indexing.ts'
import { rotate } from './rotary.ts'
import { reshape } from './shape.ts'

interface CachedAttentionAttributes {
  readonly nHeads: number
  readonly nKvHeads: number
  readonly scale: number
  /** How many positions a query sees, its own and those before it; all where absent. */
  readonly window?: number | undefined
}

/**
 * Attention of new positions over a cache that holds the old ones, which it extends in place where
 * past and present are bound to one buffer. Inference only.
 *
 * q [B, T, H·D], k and v [B, T, Hkv·D], caches [B, Hkv, capacity, D], `lastPosition` int32 [B] (the
 * index of each sequence's last position, new ones included), `total` int32 scalar (the largest of
 * those plus one); with cos and sin [contextLength, D/2], q and k are rotated on the way; with a bias
 * [B or 1, H, T, contextLength] instead, its first `total` columns are added to the scores.
 */
const cachedAttentionRow: Operation<CachedAttentionAttributes> = {
  name: 'cachedAttention',
  infer: (inputs, attributes) => {
    checkCached(inputs, attributes)
    return [inputs[0]!, inputs[3]!, inputs[4]!]
  },
  lower: (emit, [q, k, v, pastK, pastV, lastPosition, total, ...rest], { nHeads, nKvHeads, scale, window }) => {
    const [cos, sin] = rest.length === 2 ? rest : ['', '']
    const bias = rest.length === 1 ? ['', upTo(emit, rest[0]!, total!)] : []
    return emit.node(
      'GroupQueryAttention',
      [q!, k!, v!, pastK!, pastV!, lastPosition!, total!, cos!, sin!, ...bias],
      {
        num_heads: { int: nHeads },
        kv_num_heads: { int: nKvHeads },
        scale: { float: scale },
        do_rotary: { int: cos ? 1 : 0 },
        ...(window === undefined ? {} : { local_window_size: { int: window } }),
      },
      { domain: 'com.microsoft', outputs: 3 },
    )
  },
}

/** The first `total` columns of a bias: what the kernel wants, which a graph's shapes cannot say. */
function upTo(emit: Emitter, bias: string, total: string): string {
  const [end] = emit.node('Cast', emit.node('Reshape', [total, emit.ints([1])]), { to: { int: onnxType.int64 } })
  return emit.node('Slice', [bias, emit.ints([0]), end!, emit.ints([3])])[0]!
}

/** Throws {@link ShapeError} unless everything fits the caches and the heads are of a size that the kernel takes. */
function checkCached(inputs: readonly TensorType[], { nHeads, nKvHeads }: CachedAttentionAttributes): void {
  const [q, k, v, keys, values, lastPosition, total] = inputs as TensorType[]
  const [B, T] = requireRank('cachedAttention', 'q', q!, 3)
  const [, , , D] = requireRank('cachedAttention', 'the cache', keys!, 4)
  if (Number(D) % kernelMultiple !== 0)
    throw new ShapeError(`cachedAttention: heads are ${D} wide, wanted a multiple of ${kernelMultiple}; change nHeads`)
  const wanted = [
    [q, [B, T, nHeads * Number(D)]],
    [k, [B, T, nKvHeads * Number(D)]],
    [v, [B, T, nKvHeads * Number(D)]],
    [keys, [B, nKvHeads, keys!.shape[2], D]],
    [values, keys!.shape],
    [lastPosition, [B]],
    [total, []],
  ] as [TensorType, Shape][]
  const wrong = wanted.find(([got, shape]) => formatShape(got.shape) !== formatShape(shape))
  if (wrong)
    throw new ShapeError(
      `cachedAttention: got ${formatShape(wrong[0].shape)}, wanted ${formatShape(wrong[1])}; q, k and v are ` +
        '[B, T, heads · D], caches [B, Hkv, capacity, D], lastPosition [B], total []',
    )
}

/** {@link cachedAttention}'s kernel takes heads whose size is a multiple of this. */
export const kernelMultiple = 8

/** What {@link cachedAttention} takes. */
export interface CachedAttentionInputs {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
  readonly pastKeys: Tensor
  readonly pastValues: Tensor
  readonly lastPosition: Tensor
  readonly total: Tensor
  /** Tables [contextLength, D/2], and int32 positions [B, T] of the new ids. */
  readonly rotary?: { readonly cos: Tensor; readonly sin: Tensor; readonly positions: Tensor }
  /** Added to the scores, [B or 1, H or 1, T, contextLength]; what rotates then does so before the kernel. */
  readonly bias?: Tensor | undefined
}

/** The kernel rotates heads whose size is a multiple of this. */
const rotaryKernelMultiple = 16

/** Attention over a key/value cache: the output [B, T, H·D] and the caches with the new positions in. */
export function cachedAttention(
  x: CachedAttentionInputs,
  attributes: CachedAttentionAttributes,
): [Tensor, Tensor, Tensor] {
  const dHead = Number(x.q.shape.at(-1)) / attributes.nHeads
  const inKernel = dHead % rotaryKernelMultiple === 0 && !x.bias
  const tables = x.rotary && inKernel ? [x.rotary.cos, x.rotary.sin] : []
  const [q, k] = x.rotary && !inKernel ? [rotaryAt(x.q, dHead, x.rotary), rotaryAt(x.k, dHead, x.rotary)] : [x.q, x.k]
  const bias = x.bias ? [x.bias] : []
  const inputs = [q, k, x.v, x.pastKeys, x.pastValues, x.lastPosition, x.total, ...tables, ...bias]
  return apply(cachedAttentionRow, inputs, attributes) as [Tensor, Tensor, Tensor]
}

/** x [B, T, H·D] rotated by the angles of its own positions. */
function rotaryAt(
  x: Tensor,
  dHead: number,
  { cos, sin, positions }: NonNullable<CachedAttentionInputs['rotary']>,
): Tensor {
  const [B, T, width] = x.shape as [Dim, Dim, number]
  const heads = reshape(x, [B, T, width / dHead, dHead])
  const [c, s] = [cos, sin].map((table) => reshape(gather(table, positions), [B, T, 1, dHead / 2]))
  return reshape(rotate(heads, c!, s!), x.shape)
}

/** Rows of this file. */
export const cachedAttentionRows = [cachedAttentionRow]

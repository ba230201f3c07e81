import { ShapeError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { floats, requireRank, requireSameDtype } from '../shape-rules.ts'
import {
  apply,
  applyOne,
  constant,
  type Dim,
  formatShape,
  type Shape,
  type Tensor,
  type TensorType,
} from '../tensor.ts'
import { add, mul, neg, sub } from './elementwise.ts'
import { gather } from './indexing.ts'
import { matmul } from './matmul.ts'
import { softmax } from './normalization.ts'
import { sum } from './reduce.ts'
import { concat, pad, reshape, slice, split, transpose } from './shape.ts'

interface AttentionAttributes {
  readonly causal: boolean
  /** What the scores are multiplied by, 1/√D as a rule. */
  readonly scale: number
}

interface HeadSizes {
  B: number
  T: number
  S: number
  H: number
  kvHeads: number
  D: number
}

function headSizes(q: TensorType, k: TensorType): HeadSizes {
  const [B, T, H, D] = q.shape as readonly number[]
  const [, S, kvHeads] = k.shape as readonly number[]
  return { B: B!, T: T!, S: S!, H: H!, kvHeads: kvHeads!, D: D! }
}

/**
 * O = softmax(scale · Q Kᵀ + mask) V (Vaswani et al. 2017), q and o [B, T, H, D], k and v
 * [B, S, Hkv, D]; H/Hkv queries share a key head (Ainslie et al. 2023). Causal: position t sees
 * positions up to t, and T = S.
 *
 * Causal attention goes by blocks of queries, so that most of what the mask would hide is never
 * computed; the backward pass computes the probabilities again instead of keeping them, and takes
 * Σ P ∘ dP as Σ O ∘ dO (Dao et al. 2022, section 3.1).
 */
const attentionRow: Operation<AttentionAttributes> = {
  name: 'attention',
  infer: ([q, k, v], { causal }) => {
    requireSameDtype('attention', [q!, k!, v!], floats)
    for (const x of [q!, k!, v!]) requireRank('attention', 'q, k and v', x, 4)
    const { T, S, H, kvHeads, D } = headSizes(q!, k!)
    const fits = k!.shape[3] === D && H % kvHeads === 0 && formatShape(k!.shape) === formatShape(v!.shape)
    if (!fits || (causal && T !== S))
      throw new ShapeError(
        `attention: q ${formatShape(q!.shape)}, k ${formatShape(k!.shape)} and v ${formatShape(v!.shape)} do not fit; ` +
          'wanted [B, T, H, D], [B, S, Hkv, D] twice, Hkv dividing H, and T = S where causal',
      )
    return [q!]
  },
  decompose: ([q, k, v], attributes) => {
    const sizes = headSizes(q!, k!)
    const [Q, K, V] = [groupHeads(q!, sizes), headsFirst(k!), headsFirst(v!)]
    const parts = queryBlocks(sizes, attributes.causal).map(([begin, end]) => {
      const P = probabilities(Q, K, begin, end, sizes, attributes)
      return matmul(P, keysUpTo(V, end, sizes, attributes))
    })
    return [ungroupHeads(joinBlocks(parts, sizes), sizes)]
  },
  gradient: ({ inputs: [q, k, v], outputs: [o], attributes }, [g]) => {
    const sizes = headSizes(q!, k!)
    const [Q, K, V] = [groupHeads(q!, sizes), headsFirst(k!), headsFirst(v!)]
    const G = groupHeads(g!, sizes)
    const delta = groupHeads(sum(mul(g!, o!), { axes: [-1], keepDims: true }), { ...sizes, D: 1 })
    const blocks = queryBlocks(sizes, attributes.causal).map(([begin, end]) => {
      const part = (x: Tensor) => queries(x, begin, end, sizes)
      const P = probabilities(Q, K, begin, end, sizes, attributes)
      const dP = matmul(part(G), keysUpTo(V, end, sizes, attributes), { transposeB: true })
      const dS = mul(P, sub(dP, part(delta)))
      const alpha = attributes.scale
      return {
        dQ: matmul(dS, keysUpTo(K, end, sizes, attributes), { alpha }),
        // Transposed, [B, Hkv, D, s]: a wide product runs up to a third faster than a tall one.
        dK: padKeys(matmul(part(Q), dS, { transposeA: true, alpha }), sizes),
        dV: padKeys(matmul(part(G), P, { transposeA: true }), sizes),
      }
    })
    const total = (parts: Tensor[]) => parts.reduce((a, b) => add(a, b))
    return [
      ungroupHeads(
        joinBlocks(
          blocks.map((b) => b.dQ),
          sizes,
        ),
        sizes,
      ),
      keysLast(total(blocks.map((b) => b.dK))),
      keysLast(total(blocks.map((b) => b.dV))),
    ]
  },
}

/** Queries a block holds at most; blocks shorter than this cost more in slices than they save in scores. */
const blockLength = 128

/** [begin, end) of each block of queries; one block where nothing is masked. */
function queryBlocks({ T }: HeadSizes, causal: boolean): [number, number][] {
  const count = causal ? Math.max(1, Math.floor(T / blockLength)) : 1
  const edge = (i: number) => Math.round((T * i) / count)
  return Array.from({ length: count }, (_, i) => [edge(i), edge(i + 1)])
}

/** [B, T, H, D] ↔ [B, H, T, D]. */
function headsFirst(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1, 3])
}

/** [B, T, H, D] → [B, Hkv, G, T, D]: the G = H/Hkv queries of one key head lie together. */
function groupHeads(x: Tensor, { B, T, H, kvHeads, D }: HeadSizes): Tensor {
  return reshape(headsFirst(x), [B, kvHeads, H / kvHeads, T, D])
}

/** The inverse of {@link groupHeads}. */
function ungroupHeads(x: Tensor, { B, T, H, D }: HeadSizes): Tensor {
  return headsFirst(reshape(x, [B, H, T, D]))
}

/** Queries begin to end of [B, Hkv, G, T, D], as [B, Hkv, G·t, D]: one product a key head. */
function queries(x: Tensor, begin: number, end: number, { B, kvHeads }: HeadSizes): Tensor {
  return reshape(slice(x, 3, begin, end), [B, kvHeads, -1, x.shape[4] as number])
}

/** [[B, Hkv, G·t, D], …] → [B, Hkv, G, T, D]. */
function joinBlocks(parts: readonly Tensor[], { B, H, kvHeads, D }: HeadSizes): Tensor {
  return concat(
    parts.map((part) => reshape(part, [B, kvHeads, H / kvHeads, -1, D])),
    3,
  )
}

/** The keys [B, Hkv, S, D] that queries before `end` see. */
function keysUpTo(x: Tensor, end: number, { S }: HeadSizes, { causal }: AttentionAttributes): Tensor {
  return slice(x, 2, 0, causal ? end : S)
}

/** Zeros for the keys that a block did not see: [B, Hkv, D, s] → [B, Hkv, D, S]. */
function padKeys(x: Tensor, { S }: HeadSizes): Tensor {
  return pad(x, 3, 0, S - (x.shape[3] as number))
}

/** [B, Hkv, D, S] → [B, S, Hkv, D]. */
function keysLast(x: Tensor): Tensor {
  return transpose(x, [0, 3, 1, 2])
}

/** softmax(scale · Q Kᵀ + mask) of one block of queries: [B, Hkv, G·t, s]. */
function probabilities(
  Q: Tensor,
  K: Tensor,
  begin: number,
  end: number,
  sizes: HeadSizes,
  attributes: AttentionAttributes,
): Tensor {
  const scores = matmul(queries(Q, begin, end, sizes), keysUpTo(K, end, sizes, attributes), {
    transposeB: true,
    alpha: attributes.scale,
  })
  if (!attributes.causal) return softmax(scores)
  const grouped: Shape = [sizes.B, sizes.kvHeads, sizes.H / sizes.kvHeads, end - begin, end]
  return softmax(reshape(add(reshape(scores, grouped), causalMask(begin, end)), scores.shape))
}

/** 0 where query begin + i may see key j ≤ begin + i, −10⁹ elsewhere: [end − begin, end]. */
function causalMask(begin: number, end: number): Tensor {
  const data = new Float32Array((end - begin) * end)
  for (let i = 0; i < end - begin; i++) data.fill(-1e9, i * end + begin + i + 1, (i + 1) * end)
  return constant({ dtype: 'float32', shape: [end - begin, end], data })
}

/** (a, b) → (a c − b s, b c + a s) for the halves a and b of the last axis of x [B, T, H, D]. */
function rotate(x: Tensor, c: Tensor, s: Tensor): Tensor {
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

/** softmax(scale · q kᵀ) v with q [B, T, H, D], k and v [B, S, Hkv, D] → [B, T, H, D]; scale 1/√D by default. */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: { causal: boolean; scale?: number }): Tensor {
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)))
  return applyOne(attentionRow, [q, k, v], { causal: options.causal, scale })
}

/** x [B, T, H, D] with its positions rotated in: cos and sin [T, D/2] are constants to every gradient. */
export function rotary(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  return applyOne(rotaryRow, [x, cos, sin], { inverse: false })
}

interface CachedAttentionAttributes {
  readonly nHeads: number
  readonly nKvHeads: number
  readonly scale: number
}

/**
 * Attention of new positions over a cache that holds the old ones, which it extends in place where
 * past and present are bound to one buffer. Inference only.
 *
 * q [B, T, H·D], k and v [B, T, Hkv·D], caches [B, Hkv, capacity, D], `lastPosition` int32 [B] (the
 * index of each sequence's last position, new ones included), `total` int32 scalar (the largest of
 * those plus one); with cos and sin [capacity, D/2], q and k are rotated on the way.
 */
const cachedAttentionRow: Operation<CachedAttentionAttributes> = {
  name: 'cachedAttention',
  infer: (inputs, attributes) => {
    checkCached(inputs, attributes)
    return [inputs[0]!, inputs[3]!, inputs[4]!]
  },
  lower: (emit, [q, k, v, pastK, pastV, lastPosition, total, cos = '', sin = ''], { nHeads, nKvHeads, scale }) =>
    emit.node(
      'GroupQueryAttention',
      [q!, k!, v!, pastK!, pastV!, lastPosition!, total!, cos, sin],
      {
        num_heads: { int: nHeads },
        kv_num_heads: { int: nKvHeads },
        scale: { float: scale },
        do_rotary: { int: cos ? 1 : 0 },
      },
      { domain: 'com.microsoft', outputs: 3 },
    ),
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

/** The kernel takes heads whose size is a multiple of this. */
const kernelMultiple = 8

/** What {@link cachedAttention} takes. */
export interface CachedAttentionInputs {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
  readonly pastKeys: Tensor
  readonly pastValues: Tensor
  readonly lastPosition: Tensor
  readonly total: Tensor
  /** Tables [capacity, D/2], and int32 positions [B, T] of the new ids. */
  readonly rotary?: { readonly cos: Tensor; readonly sin: Tensor; readonly positions: Tensor }
}

/** The kernel rotates heads whose size is a multiple of this. */
const rotaryKernelMultiple = 16

/** Attention over a key/value cache: the output [B, T, H·D] and the caches with the new positions in. */
export function cachedAttention(
  x: CachedAttentionInputs,
  attributes: CachedAttentionAttributes,
): [Tensor, Tensor, Tensor] {
  const dHead = Number(x.q.shape.at(-1)) / attributes.nHeads
  const inKernel = dHead % rotaryKernelMultiple === 0
  const tables = x.rotary && inKernel ? [x.rotary.cos, x.rotary.sin] : []
  const [q, k] = x.rotary && !inKernel ? [rotaryAt(x.q, dHead, x.rotary), rotaryAt(x.k, dHead, x.rotary)] : [x.q, x.k]
  const inputs = [q, k, x.v, x.pastKeys, x.pastValues, x.lastPosition, x.total, ...tables]
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
export const attentionRows = [attentionRow, rotaryRow, cachedAttentionRow]

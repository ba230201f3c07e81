import { ShapeError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { floats, requireRank, requireSameDtype } from '../shape-rules.ts'
import { applyOne, constant, formatShape, type Shape, type Tensor, type TensorType } from '../tensor.ts'
import { add, mul, sub } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { softmax } from './normalization.ts'
import { sum } from './reduce.ts'
import { concat, pad, reshape, slice, transpose } from './shape.ts'

interface AttentionAttributes {
  readonly causal: boolean
  /** What the scores are multiplied by, 1/√D as a rule. */
  readonly scale: number
  /** Causal only: how many positions a query sees, its own and those before it; all where absent. */
  readonly window?: number | undefined
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
 * Causal attention goes by blocks of queries, so that much of what the mask would hide is never
 * computed; the backward pass shares the forward pass's probabilities (lowering writes equal nodes
 * once) and takes Σ P ∘ dP as Σ O ∘ dO (Dao et al. 2022, section 3.1).
 */
const attentionRow: Operation<AttentionAttributes> = {
  name: 'attention',
  infer: ([q, k, v], { causal }) => {
    requireSameDtype('attention', [q!, k!, v!], floats)
    for (const x of [q!, k!, v!]) requireRank('attention', 'q, k and v', x, 4)
    const { T, S, H, kvHeads, D } = headSizes(q!, k!)
    const alike = k!.shape[0] === q!.shape[0] && k!.shape[3] === D && formatShape(k!.shape) === formatShape(v!.shape)
    const fits = alike && H % kvHeads === 0
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

/** Queries that a block holds at least: shorter blocks cost more in slices than they save in scores. */
const blockLength = 128
const mostBlocks = 8

/** [begin, end) of each block of queries; one block where nothing is masked. */
function queryBlocks({ T }: HeadSizes, causal: boolean): [number, number][] {
  const count = causal ? Math.min(mostBlocks, Math.max(1, Math.floor(T / blockLength))) : 1
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
  return softmax(reshape(add(reshape(scores, grouped), causalMask(begin, end, attributes.window)), scores.shape))
}

/** 0 where query t = begin + i may see key j, t − window < j ≤ t, −10⁹ elsewhere: [end − begin, end]. */
function causalMask(begin: number, end: number, window = end): Tensor {
  const data = new Float32Array((end - begin) * end)
  for (let i = 0; i < end - begin; i++) {
    const row = data.subarray(i * end, (i + 1) * end)
    row.fill(-1e9, begin + i + 1)
    row.fill(-1e9, 0, Math.max(0, begin + i + 1 - window))
  }
  return constant({ dtype: 'float32', shape: [end - begin, end], data })
}

/**
 * softmax(scale · q kᵀ) v with q [B, T, H, D], k and v [B, S, Hkv, D] → [B, T, H, D]; scale 1/√D by default.
 * Where causal, `window` bounds what a position sees: itself and the window − 1 before it (Beltagy et al. 2020).
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { causal: boolean; scale?: number; window?: number | undefined },
): Tensor {
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)))
  return applyOne(attentionRow, [q, k, v], { causal: options.causal, scale, window: options.window })
}

/** Rows of this file. */
export const attentionRows = [attentionRow]

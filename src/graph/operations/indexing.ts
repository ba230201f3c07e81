import { ShapeError } from '../../errors.ts'
import type { DType } from '../dtype.ts'
import { type BlockFormat, type Emitter, type Operation, quantizedParts } from '../operation.ts'
import { floats, requireDtype, requireRank } from '../shape-rules.ts'
import { applyOne, constant, type Dim, formatShape, type Tensor, type TensorType } from '../tensor.ts'
import { equal } from './compare.ts'
import { cast, mul } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { reshape } from './shape.ts'

type None = Record<never, never>

function requireIndices(operation: string, ids: TensorType): void {
  requireDtype(operation, ids.dtype, ['int32', 'int64'])
}

/** y[..., :] = table[ids[...], :]. */
const gatherRow: Operation<None> = {
  name: 'gather',
  infer: ([table, ids]) => {
    requireIndices('gather', ids!)
    return [{ dtype: table!.dtype, shape: [...ids!.shape, ...table!.shape.slice(1)] }]
  },
  gradient: ({ inputs: [table, ids] }, [g]) => {
    requireRank('gather', 'a table that is differentiated', table!, 2)
    const [rows, width] = table!.shape as [number, Dim]
    return [scatterAdd(reshape(g!, [-1, width]), reshape(ids!, [-1]), rows), undefined]
  },
  takesFewBits: (index) => index === 0,
  lower: (emit, inputs, _, node) => {
    const format = emit.quantized(inputs[0]!)
    return format
      ? gatherQuantized(emit, inputs, node.inputs[0]!, format)
      : emit.node('Gather', inputs, { axis: { int: 0 } })
  },
}

/** Rows of a table in few bits. */
function gatherQuantized(
  emit: Emitter,
  [table, ids]: readonly string[],
  { shape }: Tensor,
  { bits, blockSize }: BlockFormat,
): string[] {
  const { packed, scales } = quantizedParts(table!)
  const [rows, width] = shape as readonly [number, number]
  const [flat] = emit.node('Reshape', [packed, emit.ints([rows, (width * bits) / 8])])
  const attributes = { bits: { int: bits }, block_size: { int: blockSize }, quantize_axis: { int: 1 } }
  return emit.node('GatherBlockQuantized', [flat!, ids!, scales], attributes, { domain: 'com.microsoft' })
}

/** Above this many rows, a product with one-hot rows costs more than adding row by row. */
const oneHotLimit = 512

/**
 * y[r, :] = Σ over n with ids[n] = r of updates[n, :]. Exact and deterministic in both lowerings:
 * ScatterND's add is not (repeated indices race).
 */
const scatterAddRow: Operation<{ readonly rows: number }> = {
  name: 'scatterAdd',
  infer: ([updates, ids], { rows }) => {
    requireIndices('scatterAdd', ids!)
    requireDtype('scatterAdd', updates!.dtype, floats)
    const [n, width] = requireRank('scatterAdd', 'the updates', updates!, 2)
    if (ids!.shape.length !== 1 || ids!.shape[0] !== n)
      throw new ShapeError(`scatterAdd: ids ${formatShape(ids!.shape)} must be [${n}], one a row of the updates`)
    return [{ dtype: updates!.dtype, shape: [rows, width as Dim] }]
  },
  gradient: ({ inputs: [, ids] }, [g]) => [gather(g!, ids!), undefined],
  decompose: ([updates, ids], { rows }) => [matmul(oneHot(ids!, rows, updates!.dtype), updates!, { transposeA: true })],
  lower: (emit, [updates, ids], { rows }, node) => {
    if (rows <= oneHotLimit) return undefined
    const [n, width] = node.inputs[0]!.shape as [number, number]
    const zeros = emit.node('Expand', [
      emit.constant({ dtype: 'float32', shape: [], data: new Float32Array(1) }),
      emit.ints([rows, width]),
    ])
    const column = emit.node('Reshape', [ids!, emit.ints([n, 1])])
    const indices = emit.node('Expand', [column[0]!, emit.ints([n, width])])
    const attributes = { axis: { int: 0 }, reduction: { string: 'add' } }
    return emit.node('ScatterElements', [zeros[0]!, indices[0]!, updates!], attributes)
  },
}

/** y[..., 0] = x[..., ids[...]]: one element of each row. */
const pickRow: Operation<None> = {
  name: 'pick',
  infer: ([x, ids]) => {
    requireIndices('pick', ids!)
    if (formatShape(ids!.shape) !== formatShape(x!.shape.slice(0, -1)))
      throw new ShapeError(
        `pick: ids ${formatShape(ids!.shape)} must have the leading shape of ${formatShape(x!.shape)}`,
      )
    return [{ dtype: x!.dtype, shape: ids!.shape }]
  },
  gradient: ({ inputs: [x, ids] }, [g]) => {
    const hot = oneHot(ids!, x!.shape.at(-1) as number, x!.dtype)
    return [multiplyRows(hot, g!), undefined]
  },
  lower: (emit, [x, ids], _, node) => {
    const axis = node.inputs[1]!.rank
    const column = emit.node('Unsqueeze', [ids!, emit.ints([axis])])
    const picked = emit.node('GatherElements', [x!, column[0]!], { axis: { int: axis } })
    return emit.node('Squeeze', [picked[0]!, emit.ints([axis])])
  },
}

function multiplyRows(x: Tensor, g: Tensor): Tensor {
  return mul(x, reshape(g, [...g.shape, 1]))
}

/** Rows of `table` [V, ...] by ids [...] → [..., ...]; ids must be 0 to V − 1: larger ones fail when the graph runs, negative ones count from the end and get no gradient. */
export const gather = (table: Tensor, ids: Tensor): Tensor => applyOne(gatherRow, [table, ids], {})

/** Adds rows of `updates` [N, C] into `rows` rows of zeros at `ids` [N] → [rows, C]. */
export const scatterAdd = (updates: Tensor, ids: Tensor, rows: number): Tensor =>
  applyOne(scatterAddRow, [updates, ids], { rows })

/** x[..., ids[...]]: one element of each row of x [..., V] by ids [...] → [...]. */
export const pick = (x: Tensor, ids: Tensor): Tensor => applyOne(pickRow, [x, ids], {})

/** 0, 1, …, length − 1. */
export function iota(length: number, dtype: 'int32' | 'int64' | 'uint32' = 'int32'): Tensor {
  const numbers = Array.from({ length }, (_, i) => i)
  const data =
    dtype === 'int64'
      ? BigInt64Array.from(numbers, BigInt)
      : dtype === 'int32'
        ? Int32Array.from(numbers)
        : Uint32Array.from(numbers)
  return constant({ dtype, shape: [length], data })
}

/** 1 at ids[...] and 0 elsewhere: ids [...] → [..., depth]. */
export function oneHot(ids: Tensor, depth: number, dtype: DType = 'float32'): Tensor {
  const column = reshape(ids, [...ids.shape, 1])
  return cast(equal(column, iota(depth, ids.dtype === 'int64' ? 'int64' : 'int32')), dtype)
}

/** Rows of this file. */
export const indexingRows = [gatherRow, scatterAddRow, pickRow]

import type { OnnxAttribute, Operation } from '../operation.ts'
import { floats, normalizeAxes, normalizeAxis, requireDtype } from '../shape-rules.ts'
import { applyOne, type Shape, sameShape, type Tensor, type TensorType } from '../tensor.ts'
import { equal } from './compare.ts'
import { cast, div, exp, mul, sub } from './elementwise.ts'
import { broadcastTo, reshape } from './shape.ts'

interface ReduceAttributes {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

function reducedShape({ shape }: TensorType, { axes, keepDims }: ReduceAttributes): Shape {
  return keepDims ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : shape.filter((_, i) => !axes.includes(i))
}

const keep = ({ keepDims }: ReduceAttributes): OnnxAttribute => ({ int: keepDims ? 1 : 0 })

/** g, whose reduced axes are gone or 1, brought back to `shape`. */
function spread(g: Tensor, { axes }: ReduceAttributes, shape: Shape): Tensor {
  const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
  return broadcastTo(reshape(g, kept), shape)
}

const sumRow: Operation<ReduceAttributes> = {
  name: 'sum',
  infer: ([x], attributes) => [
    { dtype: requireDtype('sum', x!.dtype, [...floats, 'int32', 'int64']), shape: reducedShape(x!, attributes) },
  ],
  gradient: ({ inputs: [x], attributes }, [g]) => [spread(g!, attributes, x!.shape)],
  lower: (emit, [x], attributes) =>
    emit.node('ReduceSum', [x!, emit.ints(attributes.axes)], { keepdims: keep(attributes) }),
}

const meanRow: Operation<ReduceAttributes> = {
  name: 'mean',
  infer: ([x], attributes) => [{ dtype: requireDtype('mean', x!.dtype, floats), shape: reducedShape(x!, attributes) }],
  gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => {
    const size = (shape: Shape) => shape.reduce<number>((product, dim) => product * Number(dim), 1)
    return [spread(mul(g!, size(y!.shape) / size(x!.shape)), attributes, x!.shape)]
  },
  lower: (emit, [x], attributes) =>
    emit.node('ReduceMean', [x!, emit.ints(attributes.axes)], { keepdims: keep(attributes) }),
}

const maxRow: Operation<ReduceAttributes> = {
  name: 'max',
  infer: ([x], attributes) => [{ dtype: requireDtype('max', x!.dtype, floats), shape: reducedShape(x!, attributes) }],
  gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => {
    const mask = cast(equal(x!, spread(y!, attributes, x!.shape)), x!.dtype)
    const ties = sum(mask, { axes: attributes.axes, keepDims: true })
    return [mul(div(mask, ties), spread(g!, attributes, x!.shape))]
  },
  lower: (emit, [x], attributes) =>
    emit.node('ReduceMax', [x!, emit.ints(attributes.axes)], { keepdims: keep(attributes) }),
}

/** log Σ eˣ, without overflow. */
const logSumExpRow: Operation<ReduceAttributes> = {
  name: 'logSumExp',
  infer: ([x], attributes) => [
    { dtype: requireDtype('logSumExp', x!.dtype, floats), shape: reducedShape(x!, attributes) },
  ],
  gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => [
    mul(exp(sub(x!, spread(y!, attributes, x!.shape))), spread(g!, attributes, x!.shape)),
  ],
  lower: (emit, [x], attributes) =>
    emit.node('ReduceLogSumExp', [x!, emit.ints(attributes.axes)], { keepdims: keep(attributes) }),
}

/** Index of the largest element along one axis, the first where several tie; int64. */
const argMaxRow: Operation<{ readonly axis: number }> = {
  name: 'argMax',
  infer: ([x], { axis }) => {
    requireDtype('argMax', x!.dtype, [...floats, 'int32', 'int64'])
    return [{ dtype: 'int64', shape: x!.shape.filter((_, i) => i !== axis) }]
  },
  gradient: () => [undefined],
  lower: (emit, inputs, { axis }) => emit.node('ArgMax', inputs, { axis: { int: axis }, keepdims: { int: 0 } }),
}

/** Which axes to reduce (all by default; negative ones count from the back) and whether they stay as 1. */
export interface ReduceOptions {
  readonly axes?: readonly number[]
  readonly keepDims?: boolean
}

/** Σ x over `axes`. */
export const sum = (x: Tensor, options?: ReduceOptions): Tensor => reduce(sumRow, x, options)
/** Mean of x over `axes`. */
export const mean = (x: Tensor, options?: ReduceOptions): Tensor => reduce(meanRow, x, options)
/** Largest x over `axes`; ties share the gradient. */
export const max = (x: Tensor, options?: ReduceOptions): Tensor => reduce(maxRow, x, options)
/** log Σ eˣ over `axes`, without overflow. */
export const logSumExp = (x: Tensor, options?: ReduceOptions): Tensor => reduce(logSumExpRow, x, options)
/** Index (int64) of the largest element along `axis`; the first where several tie. */
export const argMax = (x: Tensor, axis = -1): Tensor =>
  applyOne(argMaxRow, [x], { axis: normalizeAxis('argMax', axis, x.rank) })

function reduce(row: Operation<ReduceAttributes>, x: Tensor, { axes, keepDims = false }: ReduceOptions = {}): Tensor {
  const normalized = normalizeAxes(row.name, axes, x.rank)
  return normalized.length === 0 ? x : applyOne(row, [x], { axes: normalized, keepDims })
}

/** Sums g over the axes that broadcasting `shape` to g's shape had added or stretched. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g
  const lead = g.rank - shape.length
  const axes = g.shape.flatMap((dim, i) => (i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : []))
  return reshape(sum(g, { axes }), shape)
}

/** Rows of this file. */
export const reduceRows = [sumRow, meanRow, maxRow, logSumExpRow, argMaxRow]

import { ShapeError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { broadcastShapes, normalizeAxis, requireSameDtype } from '../shape-rules.ts'
import {
  apply,
  applyOne,
  type Dim,
  formatShape,
  type Shape,
  sameShape,
  scalar,
  staticShape,
  type Tensor,
} from '../tensor.ts'
import { sumTo } from './reduce.ts'

/** The same elements in row-major order under another shape; one name that x does not have stands for what is left. */
const reshapeRow: Operation<{ readonly shape: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => {
    if (!isReshaped(x!.shape, shape))
      throw new ShapeError(
        `reshape: ${formatShape(x!.shape)} does not have as many elements as ${formatShape(shape)}; check the sizes`,
      )
    return [{ dtype: x!.dtype, shape }]
  },
  gradient: ({ inputs: [x] }, [g]) => [reshape(g!, x!.shape)],
  lower: (emit, [x], { shape }, node) => {
    const unknown = shape.filter((dim) => typeof dim === 'string')
    const from = node.inputs[0]!.shape
    // 0 copies the input's size at that place, −1 infers one size: between them all shapes we meet.
    const sizes = shape.map((dim, i) => (typeof dim === 'number' ? dim : from[i] === dim ? 0 : -1))
    if (sizes.filter((size) => size === -1).length > 1)
      throw new ShapeError(
        `reshape: cannot infer ${unknown.join(' and ')} of ${formatShape(shape)}; keep all but one in place`,
      )
    return emit.node('Reshape', [x!, emit.ints(sizes)])
  },
}

/** Whether sizes have the same product, or can have by the one new name among `to`. */
function isReshaped(from: Shape, to: Shape): boolean {
  const fresh = to.filter((dim) => typeof dim === 'string' && !from.includes(dim))
  if (fresh.length !== 1) return elements(from) === elements(to)
  const names = to.filter((dim) => typeof dim === 'string' && dim !== fresh[0])
  return new Set(names).size === names.length && numbers(from) % numbers(to) === 0
}

/** The product of the sizes that are numbers. */
function numbers(shape: Shape): number {
  return shape.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1)
}

/** A product of sizes in which names stay symbols, as a comparable key. */
function elements(shape: Shape): string {
  return [numbers(shape), ...shape.filter((dim) => typeof dim === 'string').sort()].join('·')
}

/** y[i₀…] = x[i_permuted…]: axis k of the result is axis `permutation[k]` of x. */
const transposeRow: Operation<{ readonly permutation: readonly number[] }> = {
  name: 'transpose',
  infer: ([x], { permutation }) => {
    if (permutation.length !== x!.shape.length || x!.shape.some((_, axis) => !permutation.includes(axis)))
      throw new ShapeError(`transpose: [${permutation}] does not permute the axes of ${formatShape(x!.shape)}`)
    return [{ dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis] as Dim) }]
  },
  gradient: ({ attributes: { permutation } }, [g]) => [
    transpose(
      g!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  lower: (emit, inputs, { permutation }) => emit.node('Transpose', inputs, { perm: { ints: permutation } }),
}

/** x repeated along new or size-1 axes. */
const broadcastRow: Operation<{ readonly shape: Shape }> = {
  name: 'broadcastTo',
  infer: ([x], { shape }) => {
    const known = shape.every(
      (dim, i) => typeof dim === 'number' || dim === x!.shape[x!.shape.length - shape.length + i],
    )
    if (!known || !sameShape(broadcastShapes('broadcastTo', x!.shape, shape), shape))
      throw new ShapeError(`broadcastTo: ${formatShape(x!.shape)} does not stretch to ${formatShape(shape)}`)
    return [{ dtype: x!.dtype, shape }]
  },
  gradient: ({ inputs: [x] }, [g]) => [sumTo(g!, x!.shape)],
  lower: (emit, [x], { shape }) =>
    emit.node('Expand', [x!, emit.ints(shape.map((dim) => (typeof dim === 'number' ? dim : 1)))]),
}

interface AxisAttributes {
  readonly axis: number
}

/** Tensors end to end along an axis. */
const concatRow: Operation<AxisAttributes> = {
  name: 'concat',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    for (const { shape } of inputs)
      if (!sameShape(shape.toSpliced(axis, 1), first.shape.toSpliced(axis, 1)))
        throw new ShapeError(
          `concat: ${formatShape(shape)} and ${formatShape(first.shape)} must agree on every axis but ${axis}`,
        )
    const total = inputs.reduce((size, { shape }) => size + knownSize('concat', shape, axis), 0)
    return [{ dtype: requireSameDtype('concat', inputs), shape: first.shape.with(axis, total) }]
  },
  gradient: ({ inputs, attributes: { axis } }, [g]) => {
    let begin = 0
    return inputs.map((x) => {
      const size = Number(x.shape[axis])
      begin += size
      return slice(g!, axis, begin - size, begin)
    })
  },
  lower: (emit, inputs, { axis }) => emit.node('Concat', inputs, { axis: { int: axis } }),
}

/** A size that must be known. Throws {@link ShapeError} otherwise. */
function knownSize(operation: string, shape: Shape, axis: number): number {
  return staticShape(operation, [shape[axis] as Dim])[0] as number
}

interface SliceAttributes extends AxisAttributes {
  readonly begin: number
  readonly end: number
}

/** Elements `begin` to `end` (exclusive) along an axis. */
const sliceRow: Operation<SliceAttributes> = {
  name: 'slice',
  infer: ([x], { axis, begin, end }) => {
    const size = x!.shape[axis] as Dim
    if (!(begin >= 0 && begin < end && (typeof size === 'string' || end <= size)))
      throw new ShapeError(`slice: [${begin}, ${end}) is not a part of axis ${axis} of ${formatShape(x!.shape)}`)
    return [{ dtype: x!.dtype, shape: x!.shape.with(axis, end - begin) }]
  },
  gradient: ({ inputs: [x], attributes: { axis, begin, end } }, [g]) => [
    pad(g!, axis, begin, Number(x!.shape[axis]) - end),
  ],
  lower: (emit, [x], { axis, begin, end }) =>
    emit.node('Slice', [x!, emit.ints([begin]), emit.ints([end]), emit.ints([axis])]),
}

/** Parts of the given sizes along an axis; the gradient of all of them is one concatenation. */
const splitRow: Operation<AxisAttributes & { readonly sizes: readonly number[] }> = {
  name: 'split',
  infer: ([x], { axis, sizes }) => {
    const total = sizes.reduce((sum, size) => sum + size, 0)
    if (x!.shape[axis] !== total)
      throw new ShapeError(`split: sizes [${sizes}] add up to ${total}, axis ${axis} has ${x!.shape[axis]}`)
    return sizes.map((size) => ({ dtype: x!.dtype, shape: x!.shape.with(axis, size) }))
  },
  gradient: ({ outputs, attributes: { axis } }, cotangents) => [
    concat(
      outputs.map((part, i) => cotangents[i] ?? broadcastTo(scalar(0, part.dtype), part.shape)),
      axis,
    ),
  ],
  lower: (emit, [x], { axis, sizes }) =>
    emit.node('Split', [x!, emit.ints(sizes)], { axis: { int: axis } }, { outputs: sizes.length }),
}

/** The last element along an axis whose length may be known only at run time; the axis stays as 1. */
const lastRow: Operation<AxisAttributes> = {
  name: 'last',
  infer: ([x], { axis }) => [{ dtype: x!.dtype, shape: x!.shape.with(axis, 1) }],
  gradient: ({ inputs: [x], attributes: { axis } }, [g]) => [pad(g!, axis, Number(x!.shape[axis]) - 1, 0)],
  lower: (emit, [x], { axis }) =>
    emit.node('Slice', [x!, emit.ints([-1]), emit.ints([Number.MAX_SAFE_INTEGER]), emit.ints([axis])]),
}

interface PadAttributes extends AxisAttributes {
  readonly before: number
  readonly after: number
}

/** Zeros before and after along an axis. */
const padRow: Operation<PadAttributes> = {
  name: 'pad',
  infer: ([x], { axis, before, after }) => [
    { dtype: x!.dtype, shape: x!.shape.with(axis, knownSize('pad', x!.shape, axis) + before + after) },
  ],
  gradient: ({ inputs: [x], attributes: { axis, before } }, [g]) => [
    slice(g!, axis, before, before + Number(x!.shape[axis])),
  ],
  lower: (emit, [x], { axis, before, after }) =>
    emit.node('Pad', [x!, emit.ints([before, after]), '', emit.ints([axis])]),
}

/** The same elements under another shape; one size may be −1 where all others are known. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const inferred = shape.includes(-1) ? shape.with(shape.indexOf(-1), missingSize(x.shape, shape)) : shape
  return sameShape(x.shape, inferred) ? x : applyOne(reshapeRow, [x], { shape: inferred })
}

function missingSize(from: Shape, to: Shape): number {
  const product = (shape: Shape) => shape.reduce<number>((size, dim) => size * Number(dim), 1)
  const size = product(from) / -product(to)
  if (Number.isInteger(size) && size > 0) return size
  throw new ShapeError(`reshape: no size for −1 makes ${formatShape(to)} out of ${formatShape(from)}`)
}

/** Axis k of the result is axis `permutation[k]` of x; reverses the axes by default. */
export function transpose(x: Tensor, permutation: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i)): Tensor {
  return applyOne(transposeRow, [x], { permutation })
}

/** x repeated along new or size-1 axes. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applyOne(broadcastRow, [x], { shape })
}

/** Tensors end to end along `axis`; their other sizes must agree. */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  const [first] = inputs
  if (!first) throw new ShapeError('concat: needs at least one tensor, got none')
  return inputs.length === 1 ? first : applyOne(concatRow, inputs, { axis: normalizeAxis('concat', axis, first.rank) })
}

/** Elements `begin` to `end` (exclusive; both from the front) along `axis`. */
export function slice(x: Tensor, axis: number, begin: number, end: number): Tensor {
  const front = normalizeAxis('slice', axis, x.rank)
  return begin === 0 && end === x.shape[front] ? x : applyOne(sliceRow, [x], { axis: front, begin, end })
}

/** The last element along `axis`, of known or unknown length; the axis stays as 1. */
export function last(x: Tensor, axis: number): Tensor {
  return applyOne(lastRow, [x], { axis: normalizeAxis('last', axis, x.rank) })
}

/** x with `before` and `after` zeros along `axis`. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x
  return applyOne(padRow, [x], { axis: normalizeAxis('pad', axis, x.rank), before, after })
}

/** x cut along `axis` into parts of the given sizes, which must add up. */
export function split(x: Tensor, axis: number, sizes: readonly number[]): Tensor[] {
  return sizes.length === 1 ? [x] : apply(splitRow, [x], { axis: normalizeAxis('split', axis, x.rank), sizes })
}

/** Rows of this file. */
export const shapeRows = [reshapeRow, transposeRow, broadcastRow, concatRow, sliceRow, splitRow, lastRow, padRow]

import { ShapeError } from '../errors.ts'
import type { DType } from './dtype.ts'
import { type Dim, formatShape, type Shape, type TensorType } from './tensor.ts'

/** The shape that two shapes broadcast to by numpy's rule. Throws {@link ShapeError}. */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x === y || y === 1) return x
    if (x === 1) return y
    throw new ShapeError(
      `${operation}: shapes do not broadcast, got ${formatShape(a)} and ${formatShape(b)}; sizes must be equal or 1`,
    )
  })
}

/** Throws {@link ShapeError} unless every input has one of the `allowed` dtypes and all have the same. */
export function requireSameDtype(operation: string, inputs: readonly TensorType[], allowed?: readonly DType[]): DType {
  const dtype = (inputs[0] as TensorType).dtype
  for (const input of inputs) {
    if (input.dtype !== dtype)
      throw new ShapeError(`${operation}: dtypes differ, got ${dtype} and ${input.dtype}; cast one`)
  }
  return requireDtype(operation, dtype, allowed)
}

/** Throws {@link ShapeError} unless `dtype` is `allowed`. */
export function requireDtype(operation: string, dtype: DType, allowed?: readonly DType[]): DType {
  if (allowed && !allowed.includes(dtype))
    throw new ShapeError(`${operation}: got ${dtype}, wanted ${allowed.join(' or ')}; cast first`)
  return dtype
}

/** Throws {@link ShapeError} unless the rank is `rank`. */
export function requireRank(operation: string, what: string, type: TensorType, rank: number): Shape {
  if (type.shape.length !== rank)
    throw new ShapeError(
      `${operation}: ${what} must have ${rank} dimensions, got ${formatShape(type.shape)}; reshape it`,
    )
  return type.shape
}

/** `axis` counted from the front. Throws {@link ShapeError} if the rank does not have it. */
export function normalizeAxis(operation: string, axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || front < 0 || front >= rank)
    throw new ShapeError(`${operation}: axis ${axis} is out of range for ${rank} dimensions`)
  return front
}

/** Sorted axes counted from the front; all of them by default. */
export function normalizeAxes(operation: string, axes: readonly number[] | undefined, rank: number): number[] {
  if (!axes) return Array.from({ length: rank }, (_, i) => i)
  return [...new Set(axes.map((axis) => normalizeAxis(operation, axis, rank)))].sort((a, b) => a - b)
}

/** The floating types that can be differentiated. */
export const floats: readonly DType[] = ['float32', 'float16']

/** Integers that arithmetic is defined on. */
export const integers: readonly DType[] = ['int32', 'int64', 'uint32']

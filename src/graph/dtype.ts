/** Element types that a tensor may have. `bool` is one byte an element. */
export type DType = 'float32' | 'float16' | 'int32' | 'int64' | 'uint8' | 'uint32' | 'bool'

/** A JavaScript array that holds a tensor's elements in row-major order; float16 as raw bits. */
export type TypedArray = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array | Uint32Array

/** A tensor in JavaScript's memory: `data.length` is the product of `shape`. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray
}

/** Bytes that one element takes. */
export const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint32: 4,
  bool: 1,
}

const arrays = {
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint32: Uint32Array,
  bool: Uint8Array,
} as const

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** A zeroed array of `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new arrays[dtype](length)
}

/** A typed view of `length` elements of `dtype` on existing memory; no copy. */
export function viewOf(dtype: DType, memory: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  return new arrays[dtype](memory as ArrayBuffer, byteOffset, length)
}

/** A float32 host tensor. */
export function float32(data: Float32Array | readonly number[], shape: readonly number[]): HostTensor {
  return { dtype: 'float32', shape, data: data instanceof Float32Array ? data : Float32Array.from(data) }
}

import { EngineError } from '../errors.ts'
import { allocate, bytesPerElement, type DType, type HostTensor, sizeOf, type TypedArray } from '../graph/dtype.ts'

/** A buffer's elements, or only what they will be. */
export type BufferContents = HostTensor | { readonly dtype: DType; readonly shape: readonly number[] }

/** Throws {@link EngineError} unless every size is a whole number of at least 0. */
export function checkShape(shape: readonly number[]): void {
  if (shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return
  throw new EngineError(`createBuffer: got shape [${shape}], wanted whole sizes of at least 0`, { shape })
}

/** Throws {@link EngineError} unless `data` fills a tensor exactly. */
export function checkData(operation: string, { dtype, shape }: BufferContents, data: TypedArray): void {
  const wanted = allocate(dtype, 0).constructor
  if (data.constructor === wanted && data.length === sizeOf(shape)) return
  throw new EngineError(
    `${operation}: got ${data.length} elements of ${data.constructor.name}, wanted ${sizeOf(shape)} of ${wanted.name} for ${dtype} [${shape}]`,
    { got: data.length, wanted: sizeOf(shape) },
  )
}

/** Memory that `reserve` gets for a tensor. Throws {@link EngineError} where there is not as much. */
export function reserved<T>({ dtype, shape }: BufferContents, reserve: () => T): T {
  try {
    return reserve()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const bytes = sizeOf(shape) * bytesPerElement[dtype]
    throw new EngineError(
      `createBuffer: no memory for ${dtype} [${shape}] (${Math.ceil(bytes / 1e6)} MB); use smaller sizes, batchSize or n`,
      { dtype, shape, bytes },
      { cause },
    )
  }
}

import type { DType } from '../../graph/dtype.ts'
import type { Pointer } from './api.ts'
import type { NativeContext } from './context.ts'
import { elementTypes } from './signature.ts'

/** Elements at an address. */
export interface Elements {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly address: Pointer
  readonly byteLength: number
}

/** An `OrtValue` over memory that the caller owns; release with `ReleaseValue`. */
export function createValue(context: NativeContext, operation: string, elements: Elements): Pointer {
  const { dtype, shape, address, byteLength } = elements
  return context.api.create(
    operation,
    'CreateTensorWithDataAsOrtValue',
    context.memoryInfo,
    address,
    byteLength,
    BigInt64Array.from(shape, BigInt),
    shape.length,
    elementTypes[dtype],
  )
}

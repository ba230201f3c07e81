import koffi from 'koffi'
import { EngineError } from '../../errors.ts'
import type { DType } from '../../graph/dtype.ts'
import type { TensorSignature } from '../signature.ts'
import type { OrtApi, Pointer } from './api.ts'

/** `ONNXTensorElementDataType` of each dtype. */
export const elementTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
}

const dtypes = new Map<number, DType>(Object.entries(elementTypes).map(([dtype, type]) => [type, dtype as DType]))

/** Reads all inputs or outputs of a session. */
export function readSignatures(api: OrtApi, session: Pointer, side: 'Input' | 'Output'): readonly TensorSignature[] {
  const allocator = api.create('createSession', 'GetAllocatorWithDefaultOptions')
  const count = api.number('createSession', `SessionGet${side}Count`, session)
  return Array.from({ length: count }, (_, index) => {
    const name = readName(api, session, side, index, allocator)
    const info = api.create('createSession', `SessionGet${side}TypeInfo`, session, index)
    try {
      return { name, ...readTensorInfo(api, info, name) }
    } finally {
      api.release('ReleaseTypeInfo', info)
    }
  })
}

function readName(api: OrtApi, session: Pointer, side: 'Input' | 'Output', index: number, allocator: Pointer): string {
  const text = api.create('createSession', `SessionGet${side}Name`, session, index, allocator)
  const name: string = koffi.decode.string(text)
  api.call('createSession', 'AllocatorFree', allocator, text)
  return name
}

function readTensorInfo(api: OrtApi, typeInfo: Pointer, name: string): { dtype: DType; shape: readonly number[] } {
  const info = api.create('createSession', 'CastTypeInfoToTensorInfo', typeInfo)
  const type = info && api.number('createSession', 'GetTensorElementType', info)
  const dtype = dtypes.get(Number(type))
  if (!dtype) {
    throw new EngineError(
      `createSession: ${name} has ONNX element type ${type}, wanted a tensor of ${[...dtypes.values()].join(', ')}`,
      { name, type },
    )
  }
  const sizes = new BigInt64Array(api.number('createSession', 'GetDimensionsCount', info))
  api.call('createSession', 'GetDimensions', info, sizes, sizes.length)
  return { dtype, shape: Array.from(sizes, Number) }
}

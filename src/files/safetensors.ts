import { CheckpointError } from '../errors.ts'
import { type DType, type HostTensor, sizeOf } from '../graph/dtype.ts'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half-precision.ts'
import type { StoredDType, StoredTensor } from './safetensors-header.ts'
import { bytesPerStored, encodeHeader, headerLength, parseHeader } from './safetensors-header.ts'

/*
 * Tensors ↔ bytes of the safetensors format, on little-endian machines (all that Node and browsers run on here).
 * Nothing in this file touches files: pages use it too.
 */

/** How float32 tensors are stored: as they are, or rounded to 16 bits. */
export type FloatStorage = 'F32' | 'F16' | 'BF16'

/** A tensor whose elements are fetched when their turn to be written comes. */
export interface LazyTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Gives `dtype`'s array with as many elements as `shape` has. */
  read(): HostTensor['data'] | Promise<HostTensor['data']>
}

/** How {@link encodeSafetensors} writes. */
export interface EncodeOptions {
  /** Text that goes into the header, such as `{ format: 'pt' }`, which transformers wants. */
  readonly metadata?: Readonly<Record<string, string>>
  /** How float32 tensors are stored; `F32` by default. */
  readonly float?: FloatStorage
}

/**
 * A stored tensor's bytes as a host tensor. F16 keeps its bits; BF16, and F64 (rounded), become
 * float32; I8, I16 and U16 become int32. The result may be a view of `bytes` where they are aligned.
 */
export function decodeTensor(stored: Pick<StoredTensor, 'dtype' | 'shape'>, bytes: Uint8Array): HostTensor {
  const { dtype, data } = decoders[stored.dtype](aligned(bytes, bytesPerStored[stored.dtype]))
  return { dtype, shape: stored.shape, data }
}

/** A float tensor of any stored precision as float32 (no copy if it is already). Throws {@link CheckpointError}. */
export function toFloat32(tensor: HostTensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data
  if (tensor.dtype === 'float16') return float16ToFloat32(tensor.data as Uint16Array)
  throw new CheckpointError(`read weights: got ${tensor.dtype}, wanted floats; is this a quantized checkpoint?`)
}

/** Reads a whole file that is in memory. Throws {@link CheckpointError}. */
export function decodeSafetensors(file: Uint8Array, name = 'safetensors') {
  const length = headerLength(file.subarray(0, 8), file.byteLength, name)
  const header = parseHeader(file.subarray(8, 8 + length), file.byteLength, name)
  const tensors: Record<string, HostTensor> = Object.create(null)
  for (const stored of header.tensors.values()) {
    tensors[stored.name] = decodeTensor(stored, sliceOf(file, stored))
  }
  return { tensors, metadata: header.metadata }
}

/**
 * The file's bytes, piece by piece: the header, then each tensor, fetched and converted only in its
 * turn. Larger element types first, then by name, as the Python library orders them, so that every
 * tensor is aligned. Throws {@link CheckpointError} when an array's length disagrees with its shape.
 */
export async function* encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor | LazyTensor>>,
  options: EncodeOptions = {},
): AsyncGenerator<Uint8Array> {
  const float = options.float ?? 'F32'
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const dtype = tensor.dtype === 'float32' ? float : storedAs[tensor.dtype]
    return { name, tensor, dtype, shape: tensor.shape, byteLength: sizeOf(tensor.shape) * bytesPerStored[dtype] }
  })
  entries.sort((a, b) => writingOrder[b.dtype] - writingOrder[a.dtype] || (a.name < b.name ? -1 : 1))
  yield encodeHeader(entries, options.metadata)
  for (const { name, tensor, dtype, shape, byteLength } of entries) {
    const bytes = bytesOf('data' in tensor ? tensor.data : await tensor.read(), dtype)
    if (bytes.byteLength !== byteLength) {
      const wanted = `${dtype} [${shape.join(', ')}] takes ${byteLength}`
      throw new CheckpointError(`write ${name}: got ${bytes.byteLength} bytes, ${wanted}; is the shape right?`)
    }
    if (byteLength > 0) yield bytes
  }
}

const storedAs: Readonly<Record<Exclude<DType, 'float32'>, StoredDType>> = {
  float16: 'F16',
  int32: 'I32',
  int64: 'I64',
  uint8: 'U8',
  uint32: 'U32',
  bool: 'BOOL',
}

/** The rank of each type in the Python library's file order, lowest written last. */
const writingOrder: Readonly<Record<StoredDType, number>> = {
  BOOL: 0,
  U8: 1,
  I8: 2,
  I16: 3,
  U16: 4,
  F16: 5,
  BF16: 6,
  I32: 7,
  U32: 8,
  F32: 9,
  F64: 10,
  I64: 11,
}

function bytesOf(data: HostTensor['data'], dtype: StoredDType): Uint8Array {
  const converted = data instanceof Float32Array && dtype !== 'F32' ? narrowFloat(data, dtype) : data
  return new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength)
}

function narrowFloat(data: Float32Array, dtype: StoredDType): Uint16Array {
  return dtype === 'F16' ? float32ToFloat16(data) : float32ToBfloat16(data)
}

const decoders: Readonly<Record<StoredDType, (bytes: Uint8Array) => Pick<HostTensor, 'dtype' | 'data'>>> = {
  BOOL: (bytes) => ({ dtype: 'bool', data: bytes }),
  U8: (bytes) => ({ dtype: 'uint8', data: bytes }),
  I8: (bytes) => ({ dtype: 'int32', data: Int32Array.from(view(Int8Array, bytes)) }),
  I16: (bytes) => ({ dtype: 'int32', data: Int32Array.from(view(Int16Array, bytes)) }),
  U16: (bytes) => ({ dtype: 'int32', data: Int32Array.from(view(Uint16Array, bytes)) }),
  F16: (bytes) => ({ dtype: 'float16', data: view(Uint16Array, bytes) }),
  BF16: (bytes) => ({ dtype: 'float32', data: bfloat16ToFloat32(view(Uint16Array, bytes)) }),
  I32: (bytes) => ({ dtype: 'int32', data: view(Int32Array, bytes) }),
  U32: (bytes) => ({ dtype: 'uint32', data: view(Uint32Array, bytes) }),
  F32: (bytes) => ({ dtype: 'float32', data: view(Float32Array, bytes) }),
  F64: (bytes) => ({ dtype: 'float32', data: Float32Array.from(view(Float64Array, bytes)) }),
  I64: (bytes) => ({ dtype: 'int64', data: view(BigInt64Array, bytes) }),
}

interface ArrayView<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
  readonly BYTES_PER_ELEMENT: number
}

function view<T>(Kind: ArrayView<T>, bytes: Uint8Array): T {
  return new Kind(bytes.buffer, bytes.byteOffset, bytes.byteLength / Kind.BYTES_PER_ELEMENT)
}

function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : bytes.slice()
}

function sliceOf(file: Uint8Array, { byteOffset, byteLength }: StoredTensor): Uint8Array {
  return file.subarray(byteOffset, byteOffset + byteLength)
}

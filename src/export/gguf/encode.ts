import type { TensorType } from './tensor-types.ts'

/** A value of GGUF's metadata. */
export type GgufValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] }
  | { readonly bytes: Uint8Array }

/** Metadata by key, in the order in which it is written. */
export type Metadata = Readonly<Record<string, GgufValue>>

/** A tensor to write, its sizes outermost first. */
export interface GgufTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: TensorType
  /** Its numbers, fetched when their turn comes. */
  read(): Float32Array
}

/** GGUF's numbers for types of metadata. */
const typeIds = { uint8: 0, uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const

const alignment = 32
const utf8 = new TextEncoder()

/**
 * A GGUF file of version 3, piece by piece: header, metadata, places of the tensors, then their bytes, each encoded in
 * its turn and aligned to 32 bytes. Sizes are written innermost first, as ggml counts them.
 */
export function* encodeGguf(metadata: Metadata, tensors: readonly GgufTensor[]): Generator<Uint8Array> {
  const head = [
    utf8.encode('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(Object.keys(metadata).length),
    ...Object.entries(metadata).flatMap(([key, value]) => [...text(key), ...encodeValue(value)]),
  ]
  let offset = 0
  for (const { name, shape, type } of tensors) {
    head.push(...text(name), uint32(shape.length), ...shape.toReversed().map(uint64), uint32(type.id), uint64(offset))
    offset += aligned(byteLength(shape, type))
  }
  const length = head.reduce((sum, piece) => sum + piece.length, 0)
  yield* head
  yield padding(length)
  for (const { shape, type, read } of tensors) {
    yield type.encode(read())
    yield padding(byteLength(shape, type))
  }
}

function byteLength(shape: readonly number[], { blockSize, bytesPerBlock }: TensorType): number {
  return (shape.reduce((a, b) => a * b, 1) / blockSize) * bytesPerBlock
}

const aligned = (length: number) => Math.ceil(length / alignment) * alignment
const padding = (length: number) => new Uint8Array(aligned(length) - length)

function encodeValue(value: GgufValue): Uint8Array[] {
  if ('uint32' in value) return [uint32(typeIds.uint32), uint32(value.uint32)]
  if ('float32' in value) return [uint32(typeIds.float32), float32(value.float32)]
  if ('bool' in value) return [uint32(typeIds.bool), Uint8Array.of(value.bool ? 1 : 0)]
  if ('string' in value) return [uint32(typeIds.string), ...text(value.string)]
  if ('strings' in value) return array('string', value.strings.length, value.strings.flatMap(text))
  if ('int32s' in value) return array('int32', value.int32s.length, [bytesOf(Int32Array.from(value.int32s))])
  if ('float32s' in value) return array('float32', value.float32s.length, [bytesOf(Float32Array.from(value.float32s))])
  return array('uint8', value.bytes.length, [value.bytes])
}

function array(type: keyof typeof typeIds, length: number, items: readonly Uint8Array[]): Uint8Array[] {
  return [uint32(typeIds.array), uint32(typeIds[type]), uint64(length), ...items]
}

function text(value: string): Uint8Array[] {
  const bytes = utf8.encode(value)
  return [uint64(bytes.length), bytes]
}

const uint32 = (value: number) => bytesOf(Uint32Array.of(value))
const uint64 = (value: number) => bytesOf(BigUint64Array.of(BigInt(value)))
const float32 = (value: number) => bytesOf(Float32Array.of(value))

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

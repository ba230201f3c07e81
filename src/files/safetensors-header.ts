import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { sizeOf } from '../graph/dtype.ts'
import { duplicateKey } from './duplicate-key.ts'
import { checkValue, parseJson } from './parse-json.ts'

/*
 * The header of the safetensors format (https://github.com/huggingface/safetensors, README "Format"): 8 bytes
 * with the header's length N (unsigned, little-endian), N bytes of JSON, then the tensors' bytes without holes.
 */

/** Bytes of one element, by the type's name in the file. */
export const bytesPerStored = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
} as const

/** Element types of a safetensors file that can be read here (U64 and 8-bit floats can't). */
export type StoredDType = keyof typeof bytesPerStored

/** Where a tensor lies in a file; offsets count from the file's first byte. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  readonly byteOffset: number
  readonly byteLength: number
}

/** What a file's header says. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** The reference implementation's limit on a header, in bytes. */
const largestHeader = 100_000_000

const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(size).max(32),
  data_offsets: z.tuple([size, size]),
})
const headerSchema = z.record(z.string(), z.unknown())

/**
 * The length of the JSON header, from a file's first 8 bytes. Throws {@link CheckpointError} when it
 * cannot be true of a file of `fileBytes` bytes.
 */
export function headerLength(start: Uint8Array, fileBytes: number, name: string): number {
  if (start.byteLength < 8 || fileBytes < 8) throw broken(name, `it has ${fileBytes} bytes, too few for a header`)
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true))
  if (length > largestHeader || length < 2) throw broken(name, `its header claims ${length} bytes`)
  if (length > fileBytes - 8) throw broken(name, `its header claims ${length} bytes of a file of ${fileBytes}`)
  return length
}

/**
 * Reads the JSON header of a file of `fileBytes` bytes. The header is untrusted: unknown dtypes, shapes that
 * disagree with their bytes, tensors that overlap, leave holes or exceed the file, and names that
 * occur twice throw {@link CheckpointError} with one line that names file and tensor.
 */
export function parseHeader(json: Uint8Array, fileBytes: number, name: string): SafetensorsHeader {
  const text = decodeUtf8(json, name)
  if (!text.startsWith('{')) throw broken(name, 'its header is not a JSON object')
  const { __metadata__, ...entries } = parseJson(text, headerSchema, name)
  const twice = duplicateKey(text)
  if (twice !== undefined) throw broken(name, `its header names ${JSON.stringify(twice)} twice`)
  const dataStart = 8 + json.byteLength
  const tensors = Object.entries(entries).map(([key, value]) => storedTensor(key, value, dataStart, name))
  checkLayout(tensors, dataStart, fileBytes, name)
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata: textMap(__metadata__, name) }
}

/** The length field and JSON of a file with these tensors in this order, padded with spaces to a multiple of 8 bytes. */
export function encodeHeader(
  tensors: readonly Omit<StoredTensor, 'byteOffset'>[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const parts = metadata ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let end = 0
  for (const { name, dtype, shape, byteLength } of tensors) {
    if (name === '__metadata__') throw new CheckpointError('write safetensors: a tensor may not be named __metadata__')
    const begin = end
    end += byteLength
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`)
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const bytes = new Uint8Array(8 + Math.ceil(json.byteLength / 8) * 8).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.byteLength - 8), true)
  bytes.set(json, 8)
  return bytes
}

function storedTensor(tensor: string, value: unknown, dataStart: number, name: string): StoredTensor {
  const label = `${name}: tensor ${JSON.stringify(tensor.slice(0, 100))}`
  const { dtype, shape, data_offsets } = checkValue(value, entrySchema, label)
  if (!isStoredDType(dtype)) {
    throw new CheckpointError(
      `${label}: its type ${JSON.stringify(dtype.slice(0, 20))} is not one of ${Object.keys(bytesPerStored)}; load an unquantized copy, in F32, F16 or BF16`,
      { name, tensor, dtype },
    )
  }
  const [begin, end] = data_offsets
  const wanted = sizeOf(shape) * bytesPerStored[dtype]
  if (!Number.isSafeInteger(wanted) || end - begin !== wanted) {
    throw broken(label, `${dtype} [${shape.join(', ')}] takes ${wanted} bytes, its offsets [${begin}, ${end}] disagree`)
  }
  return { name: tensor, dtype, shape, byteOffset: dataStart + begin, byteLength: wanted }
}

/** The tensors must fill the file after the header exactly, one after the other. */
function checkLayout(tensors: readonly StoredTensor[], dataStart: number, fileBytes: number, name: string) {
  let end = dataStart
  for (const tensor of tensors.toSorted((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength)) {
    if (tensor.byteOffset !== end) {
      const what = tensor.byteOffset < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw broken(name, `tensor ${JSON.stringify(tensor.name.slice(0, 100))} ${what}`)
    }
    end += tensor.byteLength
  }
  if (end > fileBytes) throw broken(name, `it has ${fileBytes} bytes where its header promises ${end}`)
  if (end < fileBytes) throw broken(name, `it has ${fileBytes - end} bytes that belong to no tensor`)
}

function textMap(value: unknown, name: string): Readonly<Record<string, string>> {
  return value === undefined ? {} : checkValue(value, z.record(z.string(), z.string()), `${name}: __metadata__`)
}

function isStoredDType(dtype: string): dtype is StoredDType {
  return Object.hasOwn(bytesPerStored, dtype)
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new CheckpointError(`${name}: its header is not UTF-8; is it a safetensors file?`, { name }, { cause })
  }
}

function broken(name: string, reason: string): CheckpointError {
  return new CheckpointError(
    `${name}: ${reason}; the file is truncated, corrupt or no safetensors file: fetch it again`,
    {
      name,
    },
  )
}

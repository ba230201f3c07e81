import type { Stats } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { type HostTensor, sizeOf } from '../graph/dtype.ts'
import { writeFileAtomic } from './atomic-write.ts'
import { codeOf, fileError } from './file-error.ts'
import { readJsonFile } from './json-file.ts'
import { decodeTensor, type EncodeOptions, encodeSafetensors, type LazyTensor, toFloat32 } from './safetensors.ts'
import { bytesPerStored, headerLength, parseHeader, type StoredTensor } from './safetensors-header.ts'

/** Where a tensor's bytes lie. */
export interface FilePlace {
  /** The file's path, all links followed, or its name in a folder that is told. */
  readonly file: string
  /** Tells the file from another in its place, by {@link versionOf}. */
  readonly version: string
  readonly byteOffset: number
  readonly byteLength: number
}

/** What changes when a file is replaced or written into. */
export function versionOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`
}

/** An open checkpoint, one file or several, whose tensors are read one by one. */
export interface TensorReader {
  /** Every tensor by name: type, shape, place. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
  /** One tensor's elements, as `decodeTensor` gives them. Throws {@link CheckpointError} if the name is unknown. */
  read(name: string): Promise<HostTensor>
  /**
   * A float tensor of any stored precision as float32, converted piece by piece: never much more in memory than the
   * result. Throws {@link CheckpointError} for other types and unknown names.
   */
  readFloats(name: string): Promise<Float32Array>
  /** The same, a piece after the other in order, through `room`: each is gone with the next. */
  floatPieces(name: string, room?: Uint8Array): AsyncGenerator<Float32Array>
  /** Where a tensor lies. Throws {@link CheckpointError} if the name is unknown. */
  placeOf(name: string): FilePlace
  close(): Promise<void>
}

/** Bytes that are converted at a time. */
const pieceBytes = 1 << 20

// Some systems refuse single reads of 2 GiB and more.
const largestRead = 1 << 28

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)) })

/**
 * Writes tensors to a safetensors file, atomically and one tensor at a time, so that lazy ones are
 * never all in memory. Throws {@link CheckpointError} with one line and the remedy.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor | LazyTensor>>,
  options: EncodeOptions = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, options), CheckpointError)
}

/** Opens one safetensors file and checks its header. Throws {@link CheckpointError}. */
export async function openSafetensors(path: string): Promise<TensorReader> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw fileError('open', path, cause, CheckpointError)
  })
  try {
    const place = { file: await realpath(path), version: versionOf(await file.stat()) }
    return reader(file, path, place, await readHeader(file, path))
  } catch (cause) {
    await file.close()
    throw fileError('read', path, cause, CheckpointError)
  }
}

/**
 * Opens a folder's weights: `model.safetensors`, or the shards that `model.safetensors.index.json`
 * lists. Throws {@link CheckpointError} when neither is there or the index and its shards disagree.
 */
export async function openCheckpoint(folder: string): Promise<TensorReader> {
  const single = join(folder, 'model.safetensors')
  if (await exists(single)) return openSafetensors(single)
  const index = join(folder, 'model.safetensors.index.json')
  if (await exists(index)) return openShards(folder, index)
  throw new CheckpointError(
    `open ${folder}: found neither model.safetensors nor model.safetensors.index.json; is it a model's folder?`,
    { folder },
  )
}

async function openShards(folder: string, index: string): Promise<TensorReader> {
  const { weight_map: places } = await readJsonFile(index, indexSchema)
  const shards = new Map<string, TensorReader>()
  const close = async () => {
    await Promise.all([...shards.values()].map((shard) => shard.close()))
  }
  try {
    for (const file of new Set(Object.values(places))) shards.set(file, await openSafetensors(join(folder, file)))
    checkListed(shards, places, index)
    const owners = new Map(Object.entries(places).map(([name, file]) => [name, ownerOf(shards, name, file, index)]))
    return {
      tensors: new Map([...owners].map(([name, shard]) => [name, shard.tensors.get(name) as StoredTensor])),
      metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)),
      read: async (name) => lookUp(owners, name, index).read(name),
      readFloats: async (name) => lookUp(owners, name, index).readFloats(name),
      floatPieces: (name, room) => lookUp(owners, name, index).floatPieces(name, room),
      placeOf: (name) => lookUp(owners, name, index).placeOf(name),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function ownerOf(shards: ReadonlyMap<string, TensorReader>, name: string, file: string, index: string) {
  const shard = shards.get(file)
  if (shard?.tensors.has(name)) return shard
  throw new CheckpointError(
    `${index}: it places ${JSON.stringify(name)} in ${file}, which lacks it; fetch both again`,
    {
      name,
      file,
    },
  )
}

/** Throws {@link CheckpointError} for a tensor in a shard that the index does not list there. */
function checkListed(
  shards: ReadonlyMap<string, TensorReader>,
  places: Readonly<Record<string, string>>,
  index: string,
) {
  for (const [file, { tensors }] of shards) {
    const name = [...tensors.keys()].find((key) => places[key] !== file)
    if (name === undefined) continue
    const place = places[name] === undefined ? 'it does not list' : `it places in ${places[name]}`
    throw new CheckpointError(`${index}: ${file} holds ${JSON.stringify(name)}, which ${place}; fetch both again`, {
      name,
      file,
    })
  }
}

async function readHeader(file: FileHandle, path: string) {
  const { size } = await file.stat()
  const length = headerLength(await readExactly(file, 0, Math.min(8, size), path), size, path)
  return parseHeader(await readExactly(file, 8, length, path), size, path)
}

function reader(
  file: FileHandle,
  path: string,
  place: Pick<FilePlace, 'file' | 'version'>,
  header: ReturnType<typeof parseHeader>,
): TensorReader {
  return {
    ...header,
    async read(name) {
      const stored = lookUp(header.tensors, name, path)
      return decodeTensor(stored, await readExactly(file, stored.byteOffset, stored.byteLength, path))
    },
    async readFloats(name) {
      const stored = floatsOf(header, name, path)
      if (stored.dtype === 'F32') return readFloat32(file, stored, path)
      const floats = new Float32Array(sizeOf(stored.shape))
      let begin = 0
      for await (const piece of floatPieces(file, stored, path)) {
        floats.set(piece, begin)
        begin += piece.length
      }
      return floats
    },
    floatPieces: (name, room) => floatPieces(file, floatsOf(header, name, path), path, room),
    placeOf(name) {
      const { byteOffset, byteLength } = lookUp(header.tensors, name, path)
      return { ...place, byteOffset, byteLength }
    },
    close: () => file.close(),
  }
}

const floatTypes: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16', 'F64'])

/** A tensor of floats. Throws {@link CheckpointError} for others. */
function floatsOf({ tensors }: ReturnType<typeof parseHeader>, name: string, path: string): StoredTensor {
  const stored = lookUp(tensors, name, path)
  if (floatTypes.has(stored.dtype)) return stored
  throw new CheckpointError(
    `${path}: ${name} is stored as ${stored.dtype}, wanted ${[...floatTypes].join(', ')}; is it a quantized checkpoint? load one that is not`,
    { name, dtype: stored.dtype },
  )
}

async function readFloat32(file: FileHandle, stored: StoredTensor, path: string): Promise<Float32Array> {
  const floats = new Float32Array(sizeOf(stored.shape))
  await fill(file, new Uint8Array(floats.buffer), stored.byteOffset, path)
  return floats
}

async function* floatPieces(
  file: FileHandle,
  { dtype, byteOffset, byteLength }: StoredTensor,
  path: string,
  room: Uint8Array = new Uint8Array(Math.min(pieceBytes, byteLength)),
): AsyncGenerator<Float32Array> {
  for (let done = 0; done < byteLength; done += room.length) {
    const bytes = room.subarray(0, byteLength - done)
    await fill(file, bytes, byteOffset + done, path)
    yield toFloat32(decodeTensor({ dtype, shape: [bytes.length / bytesPerStored[dtype]] }, bytes))
  }
}

function lookUp<T>(map: ReadonlyMap<string, T>, name: string, path: string): T {
  const found = map.get(name)
  if (found !== undefined) return found
  const some = [...map.keys()].slice(0, 5).join(', ')
  throw new CheckpointError(`${path}: it has no tensor ${JSON.stringify(name)}; it has ${some}…`, { name, path })
}

async function readExactly(file: FileHandle, position: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await fill(file, bytes, position, path)
  return bytes
}

/** Reads as many bytes as there is room for. Throws {@link CheckpointError} where the file has fewer. */
async function fill(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const wanted = Math.min(bytes.length - done, largestRead)
    const { bytesRead } = await file.read(bytes, done, wanted, position + done)
    if (bytesRead === 0)
      throw new CheckpointError(`read ${path}: the file shrank while it was read; is it being written?`)
    done += bytesRead
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: unknown) => {
      if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return false
      throw fileError('open', path, cause, CheckpointError)
    },
  )
}

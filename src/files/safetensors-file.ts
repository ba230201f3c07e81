import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { type HostTensor, sizeOf } from '../graph/dtype.ts'
import { writeFileAtomic } from './atomic-write.ts'
import { codeOf, fileError } from './file-error.ts'
import { readJsonFile } from './json-file.ts'
import { decodeTensor, type EncodeOptions, encodeSafetensors, type LazyTensor, toFloat32 } from './safetensors.ts'
import { bytesPerStored, headerLength, parseHeader, type StoredTensor } from './safetensors-header.ts'

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
  close(): Promise<void>
}

/** Elements that are converted at a time. */
const pieceLength = 1 << 20

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
    return reader(file, path, await readHeader(file, path))
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

function reader(file: FileHandle, path: string, header: ReturnType<typeof parseHeader>): TensorReader {
  return {
    ...header,
    async read(name) {
      const stored = lookUp(header.tensors, name, path)
      return decodeTensor(stored, await readExactly(file, stored.byteOffset, stored.byteLength, path))
    },
    async readFloats(name) {
      const stored = lookUp(header.tensors, name, path)
      if (!floatTypes.has(stored.dtype))
        throw new CheckpointError(
          `${path}: ${name} is stored as ${stored.dtype}, wanted ${[...floatTypes].join(', ')}; is it a quantized checkpoint? load one that is not`,
          { name, dtype: stored.dtype },
        )
      return readFloats(file, stored, path)
    },
    close: () => file.close(),
  }
}

const floatTypes: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16', 'F64'])

async function readFloats(file: FileHandle, stored: StoredTensor, path: string): Promise<Float32Array> {
  const length = sizeOf(stored.shape)
  const floats = new Float32Array(length)
  const width = bytesPerStored[stored.dtype]
  for (let begin = 0; begin < length; begin += pieceLength) {
    const count = Math.min(pieceLength, length - begin)
    const bytes = await readExactly(file, stored.byteOffset + begin * width, count * width, path)
    floats.set(toFloat32(decodeTensor({ ...stored, shape: [count] }, bytes)), begin)
  }
  return floats
}

function lookUp<T>(map: ReadonlyMap<string, T>, name: string, path: string): T {
  const found = map.get(name)
  if (found !== undefined) return found
  const some = [...map.keys()].slice(0, 5).join(', ')
  throw new CheckpointError(`${path}: it has no tensor ${JSON.stringify(name)}; it has ${some}…`, { name, path })
}

async function readExactly(file: FileHandle, position: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const wanted = Math.min(length - done, largestRead)
    const { bytesRead } = await file.read(bytes, done, wanted, position + done)
    if (bytesRead === 0)
      throw new CheckpointError(`read ${path}: the file shrank while it was read; is it being written?`)
    done += bytesRead
  }
  return bytes
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

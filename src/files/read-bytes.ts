import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DataError } from '../errors.ts'
import { codeOf, fileError } from './file-error.ts'

/** Bytes as they come. */
export type ByteStream = AsyncIterable<Uint8Array>

const chunkBytes = 1 << 18

/**
 * Streams a file, decompressing gzip. `onBytes` hears of the bytes taken from the disk. Throws `DataError` for a file
 * that can't be read or is no whole gzip file.
 */
export async function* readBytes(path: string, gzip: boolean, onBytes: (count: number) => void = () => {}) {
  const file = createReadStream(path, { highWaterMark: chunkBytes })
  file.on('data', (chunk) => onBytes(chunk.length))
  file.pause()
  const bytes: Readable = gzip ? pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {}) : file
  try {
    for await (const chunk of bytes) yield chunk as Uint8Array
  } catch (cause) {
    throw streamError(path, cause)
  } finally {
    bytes.destroy()
    file.destroy()
  }
}

/** Decompresses a stream if it begins as gzip does: standard input has no name to tell. */
export async function* gunzipIfCompressed(bytes: ByteStream, name: string): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    start = Buffer.concat([start, next.value])
    if (start.length >= 2) break
  }
  const whole = resume(start, iterator)
  if (start[0] !== 0x1f || start[1] !== 0x8b) {
    yield* whole
    return
  }
  try {
    for await (const chunk of pipeline(whole, createGunzip({ chunkSize: chunkBytes }), () => {})) {
      yield chunk as Uint8Array
    }
  } catch (cause) {
    throw streamError(name, cause)
  }
}

async function* resume(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

function streamError(path: string, cause: unknown) {
  const code = codeOf(cause)
  if (!code?.startsWith('Z_')) return fileError('read', path, cause)
  const reason = code === 'Z_BUF_ERROR' ? 'the gzip file is cut short' : 'it is not a sound gzip file'
  return new DataError(`read ${path}: ${reason}; get it again or unpack it yourself`, { path, code }, { cause })
}

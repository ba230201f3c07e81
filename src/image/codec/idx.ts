import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { readBytes } from '../../files/read-bytes.ts'

/** What the head of an IDX file of pictures says. */
export interface IdxHeader {
  readonly pictures: number
  readonly height: number
  readonly width: number
}

/**
 * The third byte says uint8, the fourth how many sizes follow, each a big-endian uint32
 * (http://yann.lecun.com/exdb/mnist/, "the IDX file format").
 */
const picturesMagic = 0x00000803
const labelsMagic = 0x00000801
const headerBytes = 16
const mostLabels = 1 << 30

/** Reads the head of an IDX file of uint8 pictures, gzipped or not. Throws `DataError`. */
export async function readIdxHeader(path: string): Promise<IdxHeader> {
  let start = Buffer.alloc(0)
  for await (const chunk of readBytes(path, isGzip(path))) {
    start = Buffer.concat([start, chunk])
    if (start.length >= headerBytes) break
  }
  return parseHeader(path, start)
}

/**
 * Reads the pictures of an IDX file one by one, uint8 [height, width] each, in bounded memory. Throws `DataError` for
 * another format or, after the last whole picture, for a file that is cut short.
 */
export async function* readIdxPictures(path: string): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0)
  let header: IdxHeader | undefined
  let read = 0
  for await (const chunk of readBytes(path, isGzip(path))) {
    let bytes =
      rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    if (!header && bytes.length >= headerBytes) {
      header = parseHeader(path, bytes)
      bytes = bytes.subarray(headerBytes)
    }
    const area = header ? header.width * header.height : Number.POSITIVE_INFINITY
    for (; bytes.length >= area && read < header!.pictures; read++) {
      yield new Uint8Array(bytes.subarray(0, area))
      bytes = bytes.subarray(area)
    }
    rest = Buffer.from(bytes)
  }
  const { pictures } = header ?? parseHeader(path, rest)
  if (read < pictures) {
    throw new DataError(
      `read ${path}: got ${read} pictures, wanted the ${pictures} that its head names; get it again`,
      {
        path,
        read,
        pictures,
      },
    )
  }
}

/** Reads an IDX file of uint8 labels, gzipped or not. Throws `DataError`. */
export async function readIdxLabels(path: string): Promise<Uint8Array> {
  const stored = await readFile(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  const bytes = isGzip(path) ? unpack(path, stored) : stored
  const count = bytes.length >= 8 ? bytes.readUInt32BE(4) : -1
  if (count < 0 || bytes.readUInt32BE(0) !== labelsMagic) throw wrongFormat(path, 'labels')
  if (bytes.length - 8 === count) return bytes.subarray(8)
  throw new DataError(`read ${path}: got ${bytes.length - 8} labels, wanted ${count}; get it again`, { path, count })
}

function isGzip(path: string): boolean {
  return path.toLowerCase().endsWith('.gz')
}

function unpack(path: string, bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: mostLabels })
  } catch (cause) {
    throw new DataError(`read ${path}: it is not a sound gzip file; get it again`, { path }, { cause })
  }
}

function parseHeader(path: string, bytes: Buffer): IdxHeader {
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== picturesMagic) throw wrongFormat(path, 'pictures')
  const [pictures, height, width] = [4, 8, 12].map((at) => bytes.readUInt32BE(at)) as [number, number, number]
  if (width > 0 && height > 0 && width <= 4096 && height <= 4096) return { pictures, height, width }
  throw new DataError(
    `read ${path}: got pictures of ${width} × ${height}, wanted 1 to 4096 a side; is it an IDX file?`,
    {
      path,
      width,
      height,
    },
  )
}

function wrongFormat(path: string, what: string): DataError {
  return new DataError(`read ${path}: not an IDX file of uint8 ${what}; get it again or name another file`, { path })
}

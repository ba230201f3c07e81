import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet'
import { AtelierError, DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { readBytes } from '../../files/read-bytes.ts'
import { defaultField } from './field.ts'
import type { JsonItem } from './json-values.ts'

/**
 * Reads one column of a Parquet file, a row group at a time, as objects `{ [column]: value }`. Pages may be
 * uncompressed or compressed by Snappy, gzip, Brotli, or (Node 22.15 and later) Zstandard. A gzip file is first unpacked
 * to a temporary one. Throws `DataError` for what is no Parquet and for strings that are not UTF-8.
 */
export async function* readParquet(path: string, gzip: boolean, field = defaultField): AsyncGenerator<JsonItem> {
  if (gzip) {
    yield* readUnpacked(path, field)
    return
  }
  const file = await open(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  try {
    const { size } = await file.stat()
    yield* rowsOf({ byteLength: size, slice: (start, end = size) => readRange(file, start, end) }, path, field)
  } catch (cause) {
    throw parquetError(path, cause)
  } finally {
    await file.close()
  }
}

async function* rowsOf(file: AsyncBuffer, path: string, field: string): AsyncGenerator<JsonItem> {
  if (file.byteLength < 12) throw new Error('it is too short')
  const metadata = await parquetMetadataAsync(file)
  const columns = [columnOf(metadata, field, path)]
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const rows = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors, parsers })
    for (const value of rows) yield { value, where: `${path} row ${++rowStart}` }
    rowStart = rowEnd
  }
}

function columnOf(metadata: FileMetaData, field: string, path: string): string {
  const names = topLevelNames(metadata)
  const column = names.find((name) => field === name || field.startsWith(`${name}.`))
  if (column !== undefined) return column
  const remedy = `name one with --field: ${names.slice(0, 20).join(', ')}`
  throw new DataError(`read ${path}: no field "${field}"; ${remedy}`, { path, field, fields: names })
}

/** Names of the schema's children: the list is the tree in depth-first order, its root first. */
function topLevelNames({ schema }: FileMetaData): string[] {
  const names: string[] = []
  let below = 0
  for (const { name, num_children = 0 } of schema.slice(1)) {
    if (below === 0) names.push(name)
    else below -= 1
    below += num_children
  }
  return names
}

async function readRange(file: { read: FileRead }, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start)
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done)
    if (bytesRead === 0) throw new Error('it ends early')
    done += bytesRead
  }
  return bytes.buffer
}

type FileRead = (into: Uint8Array, offset: number, length: number, position: number) => Promise<{ bytesRead: number }>

async function* readUnpacked(path: string, field: string): AsyncGenerator<JsonItem> {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-parquet-'))
  try {
    const unpacked = await open(join(folder, 'unpacked.parquet'), 'w')
    try {
      for await (const chunk of readBytes(path, true)) await unpacked.writeFile(chunk)
    } finally {
      await unpacked.close()
    }
    yield* readParquet(join(folder, 'unpacked.parquet'), false, field)
  } catch (cause) {
    throw fileError('read', path, cause)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const parsers = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && utf8.decode(bytes) }

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
const zstd = (zlib as { zstdDecompressSync?: Decompress }).zstdDecompressSync

/** Node's own decompressors; the output's length, which the file states, bounds what they may write. */
const compressors: Compressors = {
  GZIP: (bytes, length) => zlib.gunzipSync(bytes, { maxOutputLength: Math.max(length, 1) }),
  BROTLI: (bytes, length) => zlib.brotliDecompressSync(bytes, { maxOutputLength: Math.max(length, 1) }),
  ...(zstd && { ZSTD: (bytes: Uint8Array, length: number) => zstd(bytes, { maxOutputLength: Math.max(length, 1) }) }),
}

function parquetError(path: string, cause: unknown) {
  if (cause instanceof AtelierError) return cause
  const reason = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').slice(0, 160) : String(cause)
  const remedy = /ZSTD/.test(reason) ? 'Zstandard needs Node 22.15 or later' : 'get the file again'
  return new DataError(`read ${path}: not readable as Parquet (${reason}); ${remedy}`, { path }, { cause })
}

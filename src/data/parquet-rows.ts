import { open } from 'node:fs/promises'
import * as zlib from 'node:zlib'
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet'
import { AtelierError, DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'

/** What a Parquet file says of itself. */
export interface ParquetHead {
  readonly rows: number
  /** Names of its columns; one that holds others counts as one. */
  readonly columns: readonly string[]
  /** What its writer noted beside, by key. */
  readonly notes: ReadonlyMap<string, string>
}

/** A row, as an object of the columns asked for, and where it stands: `file row 7`. */
export interface ParquetRow {
  readonly value: Record<string, unknown>
  readonly where: string
}

/** Reads what a Parquet file says of itself. Throws `DataError` for what is no Parquet. */
export function readParquetHead(path: string): Promise<ParquetHead> {
  return withParquet(path, async (file) => headOf(await metadataOf(file)))
}

/**
 * Reads columns of a Parquet file, a row group at a time. Pages may be uncompressed or compressed by Snappy, gzip,
 * Brotli, or (Node 22.15 and later) Zstandard. `columnsOf` chooses from what there is; bytes that the file does not call
 * text come as a Uint8Array where `binary` is set, else as text. Throws `DataError` for what is no Parquet and for text
 * that is not UTF-8.
 */
export async function* readParquetRows(
  path: string,
  columnsOf: (head: ParquetHead) => string[],
  { binary = false }: { readonly binary?: boolean } = {},
): AsyncGenerator<ParquetRow> {
  const opened = await openParquet(path)
  try {
    const { file } = opened
    const metadata = await metadataOf(file)
    const columns = columnsOf(headOf(metadata))
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      const range = { file, metadata, columns, rowStart, rowEnd }
      const rows = await parquetReadObjects({ ...range, compressors, parsers, utf8: !binary })
      for (const value of rows) yield { value, where: `${path} row ${++rowStart}` }
      rowStart = rowEnd
    }
  } catch (cause) {
    throw parquetError(path, cause)
  } finally {
    await opened.close()
  }
}

async function withParquet<T>(path: string, use: (file: AsyncBuffer) => Promise<T>): Promise<T> {
  const opened = await openParquet(path)
  try {
    return await use(opened.file)
  } catch (cause) {
    throw parquetError(path, cause)
  } finally {
    await opened.close()
  }
}

async function openParquet(path: string) {
  const handle = await open(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  const { size } = await handle.stat()
  const file: AsyncBuffer = { byteLength: size, slice: (start, end = size) => readRange(handle, start, end) }
  return { file, close: () => handle.close() }
}

async function metadataOf(file: AsyncBuffer): Promise<FileMetaData> {
  if (file.byteLength < 12) throw new Error('it is too short')
  return parquetMetadataAsync(file)
}

function headOf(metadata: FileMetaData): ParquetHead {
  const notes = (metadata.key_value_metadata ?? []).map(({ key, value = '' }) => [key, value] as const)
  return { rows: Number(metadata.num_rows), columns: topLevelNames(metadata), notes: new Map(notes) }
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

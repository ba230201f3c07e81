import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ParquetHead, readParquetRows } from '../../data/parquet-rows.ts'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { readBytes } from '../../files/read-bytes.ts'
import type { JsonItem } from './json-values.ts'

/**
 * Reads the columns of a Parquet file that hold some fields, which `fieldsIn` chooses when it knows the columns, as
 * objects `{ [column]: value }`. A gzip file is first unpacked to a temporary one. Throws `DataError` for what is no
 * Parquet, for strings that are not UTF-8, and for a column that is not there.
 */
export async function* readParquet(
  path: string,
  gzip: boolean,
  fieldsIn: (columns: readonly string[]) => readonly string[],
): AsyncGenerator<JsonItem> {
  if (gzip) yield* readUnpacked(path, fieldsIn)
  else yield* readParquetRows(path, (head) => fieldsIn(head.columns).map((field) => columnOf(head, field, path)))
}

function columnOf({ columns }: ParquetHead, field: string, path: string): string {
  const column = columns.find((name) => field === name || field.startsWith(`${name}.`))
  if (column !== undefined) return column
  const remedy = `name one with --field: ${columns.slice(0, 20).join(', ')}`
  throw new DataError(`read ${path}: no field "${field}"; ${remedy}`, { path, field, fields: columns })
}

async function* readUnpacked(path: string, fieldsIn: Parameters<typeof readParquet>[2]): AsyncGenerator<JsonItem> {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-parquet-'))
  try {
    const unpacked = await open(join(folder, 'unpacked.parquet'), 'w')
    try {
      for await (const chunk of readBytes(path, true)) await unpacked.writeFile(chunk)
    } finally {
      await unpacked.close()
    }
    yield* readParquet(join(folder, 'unpacked.parquet'), false, fieldsIn)
  } catch (cause) {
    throw fileError('read', path, cause)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

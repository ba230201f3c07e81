import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { readText } from '../../files/json-file.ts'
import { parseJsonLines } from '../../files/json-lines.ts'
import type { PictureFacts } from './picture-entry.ts'
import { factsOfRow } from './row-facts.ts'

/** What lies beside pictures and tells of them. */
export interface FoundCaptions {
  /** Whether any picture has a caption. */
  readonly captioned: boolean
  /** Whether any picture has a class by a table. */
  readonly classified: boolean
  /** Captions whose picture is not there: a sidecar's path, or a table's path and the name in it. */
  readonly orphans: readonly string[]
  /** What is told of a picture. */
  factsOf(path: string): Promise<PictureFacts>
}

/** The names of tables that tell of pictures, as Hugging Face's image folders have them. */
export function isMetadata(path: string): boolean {
  return /^metadata\.(jsonl|csv)$/i.test(basename(path))
}

/**
 * Finds what tells of `pictures` among `files`: sidecars (`cat.txt` beside `cat.png`, a caption a line) and tables
 * (`metadata.jsonl`, `metadata.csv`) whose `file_name` is a path from the table's folder. Text files are sidecars only
 * where one of them belongs to a picture. Throws `DataError` for a table that can't be read.
 */
export async function findCaptions(files: readonly string[], pictures: readonly string[]): Promise<FoundCaptions> {
  const present = new Set(pictures.map((path) => resolve(path)))
  const stems = new Set([...present].map(stemOf))
  const texts = files.filter((path) => extname(path).toLowerCase() === '.txt')
  const sidecars = new Map(
    texts.map((path) => [stemOf(resolve(path)), path] as const).filter(([stem]) => stems.has(stem)),
  )
  const orphans = sidecars.size > 0 ? texts.filter((path) => !stems.has(stemOf(resolve(path)))) : []
  const facts = new Map<string, PictureFacts>()
  for (const table of files.filter(isMetadata)) {
    for (const [name, row] of await rowsOf(table)) {
      const path = resolve(join(dirname(table), name))
      if (present.has(path)) facts.set(path, row)
      else orphans.push(`${table}: ${name.slice(0, 200)}`)
    }
  }
  const told = [...facts.values()]
  return {
    captioned: sidecars.size > 0 || told.some(({ captions }) => captions),
    classified: told.some((row) => row.class !== undefined),
    orphans,
    async factsOf(path) {
      const row = facts.get(resolve(path))
      const sidecar = sidecars.get(stemOf(resolve(path)))
      const lines = sidecar === undefined ? [] : await linesOf(sidecar)
      const captions = [...(row?.captions ?? []), ...lines]
      return { ...(captions.length > 0 ? { captions } : {}), ...row, ...(captions.length > 0 ? { captions } : {}) }
    },
  }
}

function stemOf(path: string): string {
  return path.slice(0, path.length - extname(path).length)
}

async function linesOf(path: string): Promise<string[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  const text = new TextDecoder().decode(bytes)
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

async function rowsOf(table: string): Promise<[name: string, facts: PictureFacts][]> {
  const text = await readText(table, DataError)
  const rows = extname(table).toLowerCase() === '.csv' ? parseCsv(table, text) : parseJsonLines(text, table, DataError)
  return rows.map((row, index) => {
    const where = `${table} row ${index + 1}`
    const name = typeof row === 'object' && row !== null && 'file_name' in row ? row.file_name : undefined
    if (typeof name === 'string' && name !== '') return [name, factsOfRow(row as Record<string, unknown>, where)]
    throw new DataError(`read ${where}: got no file_name, wanted the path of a picture; add the field`, {
      table,
      index,
    })
  })
}

function parseCsv(path: string, text: string): unknown[] {
  try {
    return parse(text, { columns: true, skip_empty_lines: true, bom: true })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').slice(0, 160) : String(cause)
    throw new DataError(`read ${path}: ${reason}; repair the table`, { path }, { cause })
  }
}

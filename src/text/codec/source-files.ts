import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { DataError } from '../../errors.ts'
import { codeOf, fileError } from '../../files/file-error.ts'

/** How documents lie in a file; `unknown` is text if it turns out to be. */
export type TextFormat = 'text' | 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet' | 'unknown'

/** A file to read documents from. */
export interface SourceFile {
  /** The path, or `-` for standard input. */
  readonly path: string
  readonly format: TextFormat
  readonly gzip: boolean
  /** Size on disk; 0 where it cannot be known. */
  readonly bytes: number
  /** Whether the user named this very file, rather than a folder or a pattern that holds it. */
  readonly named: boolean
}

/** What a folder holds that is not read. */
export interface SkippedFile {
  readonly path: string
  readonly reason: string
}

const formats: Readonly<Record<string, TextFormat>> = {
  '.txt': 'text',
  '.text': 'text',
  '.md': 'text',
  '.markdown': 'text',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.parquet': 'parquet',
}

/** The format that a file's name tells, and whether it is compressed: `a.jsonl.gz` → jsonl, gzip. */
export function formatOf(path: string): Pick<SourceFile, 'format' | 'gzip'> {
  const gzip = extname(path).toLowerCase() === '.gz'
  const name = gzip ? basename(path).slice(0, -3) : path
  return { format: formats[extname(name).toLowerCase()] ?? 'unknown', gzip }
}

/**
 * Lists the files that paths stand for: files, folders with all below them, glob patterns, `-` for standard input.
 * In the order given, folders and patterns sorted by name, each file once however often it is reached. Symbolic links
 * are followed, a folder inside itself is not. Hidden entries and special files in folders go to `skipped`.
 * Throws `DataError` for a path that does not exist, a pattern that matches nothing, or a folder that can't be read.
 */
export async function findSourceFiles(paths: readonly string[], skipped: SkippedFile[]): Promise<SourceFile[]> {
  const found = new Map<string, SourceFile>()
  for (const path of paths) {
    for await (const file of filesOf(path, skipped)) {
      const identity = file.path === '-' ? '-' : await realpath(file.path).catch(() => file.path)
      if (!found.has(identity) || file.named) found.set(identity, file)
    }
  }
  return [...found.values()]
}

async function* filesOf(path: string, skipped: SkippedFile[]): AsyncGenerator<SourceFile> {
  if (path === '-') {
    yield { path, format: 'text', gzip: false, bytes: 0, named: true }
    return
  }
  const info = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT' && isDynamicPattern(path)) return undefined
    throw fileError('read', path, cause)
  })
  if (!info) yield* matchesOf(path, skipped)
  else if (info.isDirectory()) yield* folderFiles(path, skipped, new Set())
  else yield { path, ...formatOf(path), bytes: info.size, named: true }
}

async function* matchesOf(pattern: string, skipped: SkippedFile[]): AsyncGenerator<SourceFile> {
  const matches = await glob(pattern, { onlyFiles: false, expandDirectories: false })
  if (matches.length === 0) {
    throw new DataError(`read ${pattern}: no file matches the pattern; check it, and quote it from the shell`, {
      pattern,
    })
  }
  for (const match of matches.map((name) => name.replace(/\/$/, '')).sort()) {
    yield* entryFiles(match, skipped, new Set())
  }
}

async function* folderFiles(
  folder: string,
  skipped: SkippedFile[],
  above: ReadonlySet<string>,
): AsyncGenerator<SourceFile> {
  const identity = await realpath(folder)
  if (above.has(identity)) {
    skipped.push({ path: folder, reason: 'a link to a folder that holds it' })
    return
  }
  const names = await readdir(folder).catch((cause: unknown) => {
    throw fileError('read', folder, cause)
  })
  for (const name of names.sort()) {
    if (name.startsWith('.')) skipped.push({ path: join(folder, name), reason: 'hidden' })
    else yield* entryFiles(join(folder, name), skipped, new Set([...above, identity]))
  }
}

async function* entryFiles(
  path: string,
  skipped: SkippedFile[],
  above: ReadonlySet<string>,
): AsyncGenerator<SourceFile> {
  const info = await stat(path).catch((cause: unknown) => fileError('read', path, cause))
  if (info instanceof DataError) skipped.push({ path, reason: info.message.slice(`read ${path}: `.length) })
  else if ('isDirectory' in info && info.isDirectory()) yield* folderFiles(path, skipped, above)
  else if ('isFile' in info && info.isFile()) yield { path, ...formatOf(path), bytes: info.size, named: false }
  else skipped.push({ path, reason: 'neither a file nor a folder' })
}

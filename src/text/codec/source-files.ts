import { realpath } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { findFiles, type SkippedFile } from '../../files/find-files.ts'

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
  for await (const { path: found, bytes, named } of findFiles(path, skipped)) {
    yield { path: found, ...formatOf(found), bytes, named }
  }
}

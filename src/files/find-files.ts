import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { DataError } from '../errors.ts'
import { codeOf, fileError } from './file-error.ts'

/** A file that a path stands for. */
export interface FoundFile {
  readonly path: string
  /** Size on disk. */
  readonly bytes: number
  /** Whether the user named this very file, rather than a folder or a pattern that holds it. */
  readonly named: boolean
  /** The folder that was named or in which the pattern begins; of a named file, the one that holds it. */
  readonly root: string
}

/** What a folder holds that is not read. */
export interface SkippedFile {
  readonly path: string
  readonly reason: string
}

/**
 * Lists the files that a path stands for: itself, a folder with all below it, or what a glob pattern matches; folders
 * and patterns sorted by name. Symbolic links are followed, a folder inside itself is not. Hidden entries and special
 * files in folders go to `skipped`. Throws `DataError` for a path that does not exist, a pattern that matches nothing,
 * or a folder that can't be read.
 */
export async function* findFiles(path: string, skipped: SkippedFile[]): AsyncGenerator<FoundFile> {
  const info = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT' && isDynamicPattern(path)) return undefined
    throw fileError('read', path, cause)
  })
  if (!info) yield* matchesOf(path, skipped)
  else if (info.isDirectory()) yield* folderFiles(path, { root: path, skipped, above: new Set() })
  else yield { path, bytes: info.size, named: true, root: dirname(path) }
}

/** A walk on its way: where it began, what it left out, and the folders that hold where it is. */
interface Walk {
  readonly root: string
  readonly skipped: SkippedFile[]
  readonly above: ReadonlySet<string>
}

async function* matchesOf(pattern: string, skipped: SkippedFile[]): AsyncGenerator<FoundFile> {
  const matches = await glob(pattern, { onlyFiles: false, expandDirectories: false })
  if (matches.length === 0) {
    throw new DataError(`read ${pattern}: no file matches the pattern; check it, and quote it from the shell`, {
      pattern,
    })
  }
  const root = beginningOf(pattern)
  for (const match of matches.map((name) => name.replace(/\/$/, '')).sort()) {
    yield* entryFiles(match, { root, skipped, above: new Set() })
  }
}

/** The folder in which a pattern begins: what stands before its first part that is not a plain name. */
function beginningOf(pattern: string): string {
  const parts = pattern.split('/')
  const plain = parts.slice(
    0,
    parts.findIndex((part) => isDynamicPattern(part)),
  )
  return plain.join('/') || (pattern.startsWith('/') ? '/' : '.')
}

async function* folderFiles(folder: string, walk: Walk): AsyncGenerator<FoundFile> {
  const { skipped, above } = walk
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
    else yield* entryFiles(join(folder, name), { ...walk, above: new Set([...above, identity]) })
  }
}

async function* entryFiles(path: string, walk: Walk): AsyncGenerator<FoundFile> {
  const { root, skipped } = walk
  const info = await stat(path).catch((cause: unknown) => fileError('read', path, cause))
  if (info instanceof DataError) skipped.push({ path, reason: info.message.slice(`read ${path}: `.length) })
  else if ('isDirectory' in info && info.isDirectory()) yield* folderFiles(path, walk)
  else if ('isFile' in info && info.isFile()) yield { path, bytes: info.size, named: false, root }
  else skipped.push({ path, reason: 'neither a file nor a folder' })
}

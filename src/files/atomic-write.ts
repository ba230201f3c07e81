import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DataError } from '../errors.ts'
import { type ErrorKind, fileError } from './file-error.ts'
import { isRunning } from './is-running.ts'
import { makeFolder } from './make-folder.ts'

/** What {@link writeFileAtomic} writes: text, bytes, or pieces of bytes as they come. */
export type FileContents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

// Node refuses single writes of 2 GiB and more.
const largestWrite = 1 << 28
const active = new Set<string>()
let counter = 0

/**
 * Writes a file so that a reader, a crash or `kill -9` at any instant sees either the old contents
 * or the new, never a part: writes beside it, `fsync`, renames. Makes missing parent folders and
 * removes what earlier, killed writes of the same file left. Throws `Kind` (one line with the
 * remedy) when the disk is full or the place not writable; the old file then still stands.
 */
export async function writeFileAtomic(path: string, contents: FileContents, Kind: ErrorKind = DataError) {
  await replaceAtomically(path, Kind, async (temporary) => {
    await writeDurably(temporary, contents)
    await rename(temporary, path)
  })
}

/**
 * Finds out whether {@link writeFileAtomic} could write a file now, before the work that makes its contents; leaves
 * none, only the folders above. Throws `Kind` as it does.
 */
export async function checkWritable(path: string, Kind: ErrorKind = DataError) {
  await replaceAtomically(path, Kind, async (temporary) => {
    const isFolder = await stat(path)
      .then((info) => info.isDirectory())
      .catch(() => false)
    if (isFolder) throw new Kind(`write ${path}: it is a folder, not a file; choose another name`, { path })
    await writeDurably(temporary, '')
    await rm(temporary)
  })
}

/**
 * Fills a new folder by `fill(temporaryPath)` and puts it in the place of `path`, whole or not at
 * all. A folder cannot be exchanged in one step everywhere, so for an instant the old one is called
 * `path.previous`; {@link recoverFolder} puts it back after a crash in that instant.
 * Throws `Kind` as {@link writeFileAtomic} does.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (temporaryPath: string) => Promise<void>,
  Kind: ErrorKind = DataError,
) {
  const previous = `${path}.previous`
  await recoverFolder(path)
  await replaceAtomically(path, Kind, async (temporary) => {
    await mkdir(temporary)
    await fill(temporary)
    await syncTree(temporary)
    await rename(path, previous).catch(ignoreMissing)
    await rename(temporary, path)
    await rm(previous, { recursive: true, force: true })
  })
}

/** Undoes a folder replacement that was killed half-way: call it before reading such a folder. */
export async function recoverFolder(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch((): string[] => [])
  const previous = `${basename(path)}.previous`
  if (!names.includes(previous)) return
  if (names.includes(basename(path))) await rm(`${path}.previous`, { recursive: true, force: true })
  else await rename(`${path}.previous`, path).catch(ignoreMissing)
}

async function replaceAtomically(path: string, Kind: ErrorKind, replace: (temporary: string) => Promise<void>) {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${counter++}.partial`)
  active.add(temporary)
  try {
    await makeFolder(dirname(path), Kind)
    await removeLeftovers(path)
    await replace(temporary)
    await syncFolder(dirname(path))
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    throw fileError('write', path, cause, Kind)
  } finally {
    active.delete(temporary)
  }
}

async function writeDurably(path: string, contents: FileContents) {
  const file = await open(path, 'w')
  try {
    for await (const piece of piecesOf(contents)) {
      for (let start = 0; start < piece.byteLength; start += largestWrite) {
        await file.writeFile(piece.subarray(start, start + largestWrite))
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

function piecesOf(contents: FileContents): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof contents === 'string') return [new TextEncoder().encode(contents)]
  return contents instanceof Uint8Array ? [contents] : contents
}

async function syncTree(folder: string) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else if (entry.isFile()) await syncFile(path)
  }
  await syncFolder(folder)
}

async function syncFile(path: string) {
  const file = await open(path, 'r+')
  await file.sync().finally(() => file.close())
}

/** Makes a rename durable; systems that cannot open folders (Windows) keep renames in their journal. */
async function syncFolder(path: string) {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}

async function removeLeftovers(path: string) {
  const folder = dirname(path)
  const prefix = `.${basename(path)}.`
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(prefix) && /^(\d+)-\d+\.partial$/.exec(name.slice(prefix.length))?.[1]
    if (!pid || active.has(join(folder, name)) || isElsewhere(Number(pid))) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isElsewhere(pid: number): boolean {
  return pid !== process.pid && isRunning(pid)
}

function ignoreMissing(error: NodeJS.ErrnoException) {
  if (error.code !== 'ENOENT') throw error
}

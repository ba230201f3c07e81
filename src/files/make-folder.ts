import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DataError } from '../errors.ts'
import { codeOf, type ErrorKind, fileError } from './file-error.ts'

/**
 * Makes a folder with all above it that are missing. One by one, because Node's recursive `mkdir` never ends where a
 * file system refuses new folders with ENOENT, as /proc does. Throws `Kind`.
 */
export async function makeFolder(path: string, Kind: ErrorKind = DataError): Promise<void> {
  const missing: string[] = []
  for (let folder = resolve(path); !(await isFolder(folder, Kind)); folder = dirname(folder)) {
    if (dirname(folder) === folder)
      throw new Kind(`write ${path}: there is no ${folder}; choose another place`, { path }) // a drive of Windows
    missing.unshift(folder)
  }
  for (const folder of missing) {
    await mkdir(folder).catch((cause: unknown) => {
      if (codeOf(cause) === 'EEXIST') return
      if (codeOf(cause) !== 'ENOENT') throw fileError('write', folder, cause, Kind)
      throw new Kind(`write ${folder}: no folder can be made there; choose another place`, { path: folder }, { cause })
    })
  }
}

/** Whether a folder is there; throws where something else is. */
async function isFolder(path: string, Kind: ErrorKind): Promise<boolean> {
  const info = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw fileError('write', path, cause, Kind)
  })
  if (info && !info.isDirectory())
    throw new Kind(`write ${path}: part of the path is a file, not a folder; choose another place`, { path })
  return info !== undefined
}

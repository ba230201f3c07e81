import { existsSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { DataError } from '../errors.ts'
import { checkWritable, writeFileAtomic } from '../files/atomic-write.ts'

/** Where pictures go: one file each, and the record of how they were made beside them. */
export interface PictureFiles {
  readonly pictures: readonly string[]
  readonly record: string
}

/**
 * The files of `count` pictures for `--out`: `a.png` itself and `a.json` for one; `a-1.png`, `a-2.png` … and `a.json`
 * for several; `a/1.png`, `a/2.png` … and `a/pictures.json` where `--out` is a folder, which has no extension.
 */
export function pictureFiles(out: string, count: number): PictureFiles {
  const extension = extname(out)
  const base = out.slice(0, out.length - extension.length)
  if (isFolder(out))
    return { pictures: numbered(count, (i) => join(out, `${i}.png`)), record: join(out, 'pictures.json') }
  const pictures = count === 1 ? [out] : numbered(count, (i) => `${base}-${i}${extension}`)
  return { pictures, record: `${base}.json` }
}

/** Whether `--out` names a folder: it ends in a slash, or has no extension. */
export function isFolder(out: string): boolean {
  return out.endsWith('/') || out.endsWith(sep) || extname(out) === ''
}

/** Throws DataError where the files could not be written now, or where the record's name is taken by something else. */
export async function checkPictureFiles({ pictures, record }: PictureFiles): Promise<void> {
  await checkWritable(pictures[0]!)
  await checkWritable(record)
  if (!existsSync(record) || (await isRecord(record))) return
  throw new DataError(`write ${record}: it holds something else than a record of pictures; choose another --out`, {
    path: record,
  })
}

async function isRecord(path: string): Promise<boolean> {
  const { readImageArtifacts } = await import('../image/remake.ts')
  return readImageArtifacts(path).then(
    () => true,
    () => false,
  )
}

/** Writes bytes to their files, each whole or not at all. Throws DataError. */
export async function writePictures(paths: readonly string[], encode: (index: number) => Promise<Uint8Array>) {
  for (const [index, path] of paths.entries()) await writeFileAtomic(path, await encode(index))
}

function numbered(count: number, name: (number: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => name(index + 1))
}

import { open, readdir } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import type { FoundFile } from '../../files/find-files.ts'
import { findCaptions } from './captions.ts'
import { folderClasses } from './folder-classes.ts'
import type { PictureCollection } from './picture-entry.ts'
import { sideOfFolders } from './side-of.ts'

/** Files that were found together: all of a folder, what a pattern matches, or those that were named. */
export interface FileGroup {
  /** The folder that holds them. */
  readonly root: string
  readonly named: boolean
  readonly files: readonly FoundFile[]
}

/** Largest picture file that is read: a picture lies in memory while it is decoded. */
const mostBytes = 1 << 29

const pictureName = /\.(png|jpe?g|jfif|webp|gif|avif|svg|tiff?)$/i

/** Whether a file's name says that it is a picture that can be read. */
export function isPicture(path: string): boolean {
  return pictureName.test(path)
}

/**
 * The loose pictures of a group with what is told of them: sidecars and tables (see {@link findCaptions}), else the
 * classes that folders say (see {@link folderClasses}). Pictures in a folder such as `test` are held out. Gives captions
 * without pictures to `orphanCaptions`. Throws `DataError` for a table that can't be read.
 */
export async function looseCollection(
  group: FileGroup,
  pictures: readonly FoundFile[],
  orphanCaptions: string[],
): Promise<PictureCollection> {
  const paths = pictures.map(({ path }) => path)
  const beside = group.named ? await filesBeside(paths) : group.files.map(({ path }) => path)
  const captions = await findCaptions(beside, paths)
  if (!group.named) orphanCaptions.push(...captions.orphans)
  const root = resolve(group.root)
  const folders = paths.map((path) => foldersBelow(root, path))
  const classes = captions.captioned || captions.classified ? [] : folderClasses(folders)
  return {
    pictures: pictures.length,
    classes: [],
    async *entries() {
      for (const [i, { path, bytes }] of pictures.entries()) {
        const read = async () => {
          const facts = await captions.factsOf(path)
          const name = classes[i]
          const content = { kind: 'file', bytes: await readPictureFile(path, bytes) } as const
          return { content, facts: name === undefined ? facts : { ...facts, class: name } }
        }
        yield { source: path, side: sideOfFolders(folders[i]!), read }
      }
    },
  }
}

/** The folders from the one that was named down to the one that holds a file. */
function foldersBelow(root: string, path: string): string[] {
  const below = relative(root, dirname(resolve(path)))
  return [basename(root), ...below.split(sep).filter((name) => name !== '')]
}

async function filesBeside(paths: readonly string[]): Promise<string[]> {
  const folders = [...new Set(paths.map((path) => dirname(path)))]
  const files: string[] = []
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => [])
    files.push(...names.map((name) => join(folder, name)))
  }
  return files
}

async function readPictureFile(path: string, bytes: number): Promise<Uint8Array> {
  if (bytes > mostBytes) throw new DataError(`a file of more than ${mostBytes >> 20} MB`, { path, bytes })
  const file = await open(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  try {
    return await file.readFile()
  } catch (cause) {
    throw fileError('read', path, cause)
  } finally {
    await file.close()
  }
}

import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import { getDataset, knownDatasets } from '../../data/catalog.ts'
import { DataError } from '../../errors.ts'
import { type FoundFile, findFiles, type SkippedFile } from '../../files/find-files.ts'
import { isMetadata } from './captions.ts'
import { iconifyCollection } from './iconify-pictures.ts'
import { idxCollection, isIdxLabels, isIdxPictures } from './idx-pictures.ts'
import { type FileGroup, isPicture, looseCollection } from './loose-pictures.ts'
import { isParquet, parquetCollection } from './parquet-pictures.ts'
import type { PictureCollection, PictureEntry, Skipped } from './picture-entry.ts'

/** All pictures that paths stand for, not yet decoded, and what was noticed on the way. */
export interface FoundPictures {
  /** How many there should be. */
  readonly pictures: number
  /** Names of the classes that sources number, in that order. */
  readonly classes: readonly string[]
  /** What holds no picture that can be read, by now. */
  readonly skipped: Skipped[]
  /** Captions that belong to no picture. */
  readonly orphanCaptions: readonly string[]
  /** The pictures in the order of the paths, files of a folder by name. */
  entries(): AsyncIterable<PictureEntry>
}

/**
 * Finds pictures: loose in folders (with captions and classes, see {@link looseCollection}), in IDX files of the MNIST
 * family, in Parquet files, in icon sets (Iconify JSON), or in a known data set, which is downloaded if need be. Each
 * file is taken once however often it is reached. Throws `DataError` for paths that are missing or hold something else.
 */
export async function findPictures(
  paths: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FoundPictures> {
  if (paths.length === 0) throw new DataError('read pictures: got no path, wanted a folder, files or a known data set')
  const skipped: Skipped[] = []
  const orphanCaptions: string[] = []
  const collections: PictureCollection[] = []
  for (const group of await groupsOf(await withDatasets(paths, options.signal), skipped)) {
    collections.push(...(await collectionsOf(group, skipped, orphanCaptions)))
  }
  return {
    pictures: collections.reduce((sum, { pictures }) => sum + pictures, 0),
    classes: [...new Set(collections.flatMap(({ classes }) => classes))],
    skipped,
    orphanCaptions,
    async *entries() {
      for (const collection of collections) yield* collection.entries()
    },
  }
}

/** Puts the files of known data sets in the place of their names, unless a path is called so. */
async function withDatasets(paths: readonly string[], signal: AbortSignal | undefined): Promise<string[]> {
  const all: string[] = []
  for (const path of paths) {
    const known = existsSync(path) ? undefined : knownDatasets.find(({ name }) => name === path)
    if (known && known.craft !== 'image') {
      throw new DataError(`read ${path}: this data set holds no pictures; name one that does, or a folder`, { path })
    }
    all.push(...(known ? await getDataset(path, { signal }) : [path]))
  }
  return all
}

/** Folders and patterns each by itself, and all files that were named together. */
async function groupsOf(paths: readonly string[], skipped: Skipped[]): Promise<FileGroup[]> {
  const groups: FileGroup[] = []
  const seen = new Set<string>()
  const named: FoundFile[] = []
  const notRead: SkippedFile[] = []
  for (const path of paths) {
    const files: FoundFile[] = []
    for await (const file of findFiles(path, notRead)) {
      const identity = await realpath(file.path).catch(() => file.path)
      if (seen.has(identity)) continue
      seen.add(identity)
      if (file.named) named.push(file)
      else files.push(file)
    }
    if (files.length > 0) groups.push({ root: files[0]!.root, named: false, files })
  }
  skipped.push(
    ...notRead.filter(({ reason }) => reason !== 'hidden').map(({ path, reason }) => ({ source: path, reason })),
  )
  return named.length > 0 ? [...groups, { root: commonFolder(named), named: true, files: named }] : groups
}

function commonFolder(files: readonly FoundFile[]): string {
  const folders = files.map(({ path }) => dirname(resolve(path)).split(sep))
  const [first = []] = folders
  const differs = first.findIndex((name, depth) => folders.some((names) => names[depth] !== name))
  return first.slice(0, differs === -1 ? first.length : differs).join(sep) || sep
}

/** Names of pictures in formats that are not read. */
const otherPicture = /\.(bmp|hei[cf]|ico|psd|jxl|jp2|j2k|svgz|tga|exr|dng|raw)$/i

/** The collections of a group: its loose pictures, then its files of many pictures, by name. */
async function collectionsOf(
  group: FileGroup,
  skipped: Skipped[],
  orphanCaptions: string[],
): Promise<PictureCollection[]> {
  const loose: FoundFile[] = []
  const collections: PictureCollection[] = []
  for (const file of group.files) {
    const collection = await containerOf(file, skipped)
    if (collection) collections.push(collection)
    else if (isPicture(file.path) || (file.named && !isCompanion(file.path))) loose.push(file)
    else if (otherPicture.test(file.path)) {
      skipped.push({ source: file.path, reason: 'a format that is not read; convert it to png, jpg or webp' })
    }
  }
  if (loose.length === 0) return collections
  return [await looseCollection(group, loose, orphanCaptions), ...collections]
}

/** What tells of pictures and holds none itself. */
function isCompanion(path: string): boolean {
  return isIdxLabels(path) || isMetadata(path) || isIdxPictures(path) || /\.(txt|json)$/i.test(path)
}

/** Whether a file is to be read as icons: in a folder only `icons.json`, else what was named, but for what lies beside icons. */
function isIconSet(path: string, named: boolean): boolean {
  const name = basename(path).toLowerCase()
  return name === 'icons.json' || (named && name.endsWith('.json') && !/^(chars|info|metadata)\.json$/.test(name))
}

/** The pictures of a file that holds many; a damaged one is skipped in a folder, and fatal where it was named. */
async function containerOf(file: FoundFile, skipped: Skipped[]): Promise<PictureCollection | undefined> {
  const { path, named } = file
  try {
    if (isIdxPictures(path)) return await idxCollection(path)
    if (isParquet(path)) return await parquetCollection(path)
    if (isIconSet(path, named)) return await iconifyCollection(path)
  } catch (error) {
    if (named || !(error instanceof DataError)) throw error
    skipped.push({ source: path, reason: error.message })
  }
  return undefined
}

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ConfigError, DataError } from '../../errors.ts'
import { writeFolderAtomic } from '../../files/atomic-write.ts'
import { digestOf } from '../../files/digest-of.ts'
import { decodePicture } from '../codec/decode-picture.ts'
import { type Colour, type Fit, fits, type PictureShape, type Planes, parseColour } from '../codec/picture.ts'
import { type FoundPictures, findPictures } from './find-pictures.ts'
import { type ImageCorpus, imagesExist, openImages } from './image-corpus.ts'
import type { ImageStatistics } from './image-shards.ts'
import { inOrder } from './in-order.ts'
import { type Packing, packImages } from './pack-images.ts'
import type { PictureEntry } from './picture-entry.ts'
import { PictureSpool } from './picture-spool.ts'
import { splitImages } from './split-images.ts'

/** How far a preparation is. */
export interface ImageProgress {
  readonly stage: 'read' | 'pack'
  /** Pictures. */
  readonly done: number
  readonly total: number
}

/** How to prepare a corpus of pictures. */
export interface PrepareImagesOptions {
  /** Files, folders, glob patterns, or names of known data sets. */
  readonly paths: readonly string[]
  /** Pixels a side, 4 to 1024. */
  readonly size: number
  /** How pictures become squares; default cover. */
  readonly fit?: Fit | undefined
  /** What transparent pictures stand on, and what `contain` fills up with; default white. */
  readonly background?: Colour | string | undefined
  /** Colour planes; default `auto`: 1 where every picture is grey, which the whole reading tells, else 3. */
  readonly channels?: Planes | undefined
  /** Folder that holds prepared corpora, one folder each; made when missing. */
  readonly folder: string
  /** Fraction of the pictures to hold out where the sources don't say which, above 0 and at most 0.5; default 0.1. */
  readonly heldOut?: number | undefined
  /** Chooses the pictures that are held out; default 0. */
  readonly seed?: number | undefined
  /** Pictures that are decoded at a time, which changes nothing else; default 4. */
  readonly atOnce?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined
}

/** Fewer different pictures than these are no corpus: one is held out, and the others teach nothing. */
export const leastPictures = 8

/** How many of what was skipped are named. */
const mostNamed = 100

/**
 * Packs pictures: reads, decodes, drops those whose pixels were there before, holds some out. The result lies in a
 * folder named by what was learned from; when it is there already, it is opened and nothing is written. It appears whole
 * or not at all. What cannot be decoded is counted and named.
 *
 * Throws `DataError` (no or hardly any pictures, disk), `ConfigError` (settings), or the reason of an abort.
 */
export async function prepareImages(options: PrepareImagesOptions): Promise<ImageCorpus> {
  const settings = resolveSettings(options)
  const found = await findPictures(options.paths, options)
  const spool = await PictureSpool.create(options.folder, settings.shape.size, settings.seed)
  try {
    const skippedCount = await spoolPictures(spool, found, settings.shape, options)
    checkEnough(options.paths, spool, found, skippedCount)
    const { sides, ownSplit } = splitImages(spool, settings.heldOut)
    const statistics = statisticsOf(spool, found, skippedCount, ownSplit)
    const description = { ...describe(spool, found, settings), statistics }
    const path = join(options.folder, `images-${description.digest.slice(0, 16)}`)
    if (!(await imagesExist(path))) await write(path, { spool, sides, description }, options)
    return await openImages(path, statistics)
  } finally {
    await spool.dispose()
  }
}

function describe(spool: PictureSpool, found: FoundPictures, { shape, heldOut, seed }: Settings) {
  const { size: imageSize, planes, fit } = shape
  const background: [number, number, number] = [...shape.background]
  const fewest = spool.planeCounts.every((count) => count === 1) ? 1 : 3
  const how = { imageSize, channels: planes === 'auto' ? fewest : planes, fit, background, heldOut, seed } as const
  const classes = orderClasses(found, spool.classNames)
  const digest = digestOf({ pictures: spool.digest, classes, ...how })
  return { ...how, classes, digest, captioned: spool.captioned > 0 }
}

/** Writes the folder; an abort comes out as its reason, not as a failure to write. */
async function write(path: string, packing: Omit<Packing, 'onPicture'>, options: PrepareImagesOptions) {
  const onPicture = (done: number) => {
    options.signal?.throwIfAborted()
    tell(options, 'pack', done, packing.spool.length)
  }
  try {
    await writeFolderAtomic(path, (temporary) => packImages(temporary, { ...packing, onPicture }))
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  }
}

type Settings = ReturnType<typeof resolveSettings>

function resolveSettings(options: PrepareImagesOptions) {
  const {
    size,
    fit = 'cover',
    background = 'white',
    channels: planes = 'auto',
    heldOut = 0.1,
    seed = 0,
    atOnce = 4,
  } = options
  const wrong = (name: string, got: unknown, wanted: string) =>
    new ConfigError(`${name}: got ${got}, wanted ${wanted}`, { [name]: got })
  if (!Number.isInteger(size) || size < 4 || size > 1024)
    throw wrong('size', size, 'a whole number of pixels, 4 to 1024')
  if (!fits.includes(fit)) throw wrong('fit', fit, fits.join(', '))
  if (!(['auto', 1, 3, 4] as const).includes(planes)) throw wrong('channels', planes, 'auto, 1, 3 or 4')
  if (!(heldOut > 0 && heldOut <= 0.5)) throw wrong('heldOut', heldOut, 'a number above 0 and at most 0.5')
  if (!Number.isSafeInteger(seed) || seed < 0) throw wrong('seed', seed, 'an integer from 0 to 2^53 − 1')
  if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > 64) throw wrong('atOnce', atOnce, 'a whole number, 1 to 64')
  const colour = typeof background === 'string' ? parseColour(background) : background
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255
  if (colour.length !== 3 || !colour.every(isByte)) throw wrong('background', colour, 'three whole numbers, 0 to 255')
  const shape: PictureShape = { size, fit, planes, background: colour }
  return { shape, heldOut, seed }
}

type Read = { readonly entry: PictureEntry } & (
  | { readonly reason: string }
  | { readonly planes: Uint8Array; readonly digest: Buffer; readonly facts: object }
)

/** Decodes all pictures into the spool, in their order; returns how many could not be. */
async function spoolPictures(
  spool: PictureSpool,
  found: FoundPictures,
  shape: PictureShape,
  options: PrepareImagesOptions,
): Promise<number> {
  let done = 0
  let skipped = found.skipped.length
  const work = (entry: PictureEntry) => readPicture(entry, shape)
  for await (const read of inOrder(found.entries(), options.atOnce ?? 4, work)) {
    options.signal?.throwIfAborted()
    tell(options, 'read', ++done, Math.max(done, found.pictures))
    const { entry } = read
    if ('reason' in read) {
      skipped += 1
      if (found.skipped.length < mostNamed) found.skipped.push({ source: entry.source, reason: read.reason })
    } else await spool.add(read.planes, read.digest, { source: entry.source, ...read.facts }, entry.side)
  }
  return skipped
}

async function readPicture(entry: PictureEntry, shape: PictureShape): Promise<Read> {
  try {
    const { content, facts } = await entry.read()
    const digest = createHash('sha256')
      .update(content.kind === 'file' ? content.bytes : content.pixels)
      .digest()
    return { entry, planes: await decodePicture(content, shape), digest, facts }
  } catch (error) {
    if (error instanceof DataError) return { entry, reason: error.message }
    throw error
  }
}

function checkEnough(paths: readonly string[], spool: PictureSpool, found: FoundPictures, skipped: number) {
  if (spool.length >= leastPictures) return
  const { duplicates, length } = spool
  const beside = [
    ...(duplicates > 0 ? [`${duplicates} repetitions`] : []),
    ...(skipped > 0
      ? [`${skipped} that can't be read, such as ${found.skipped[0]!.source}: ${found.skipped[0]!.reason}`]
      : []),
  ]
  const got = `${length === 0 ? 'no pictures' : length === 1 ? 'one picture' : `${length} different pictures`}`
  const also = beside.length > 0 ? ` (and ${beside.join(', ')})` : ''
  throw new DataError(
    `read ${paths.join(', ')}: got ${got}${also}, wanted at least ${leastPictures}; name a folder with more of them (png, jpg, webp, gif, avif, svg, tiff)`,
    { paths, pictures: length, duplicates, skipped },
  )
}

function statisticsOf(
  spool: PictureSpool,
  found: FoundPictures,
  skippedCount: number,
  ownSplit: boolean,
): ImageStatistics {
  const { length, duplicates, captioned } = spool
  return {
    pictures: length,
    duplicates,
    skipped: found.skipped.slice(0, mostNamed),
    skippedCount,
    uncaptioned: captioned > 0 ? length - captioned : 0,
    orphanCaptions: found.orphanCaptions.slice(0, mostNamed),
    orphanCaptionsCount: found.orphanCaptions.length,
    ownSplit,
  }
}

/** Classes that a source numbers keep their order; others follow, by value where all are numbers, else by name. */
function orderClasses({ classes }: FoundPictures, present: readonly string[]): string[] {
  const others = present.filter((name) => !classes.includes(name)).sort()
  if (others.every((name) => /^\d+$/.test(name))) others.sort((a, b) => Number(a) - Number(b))
  return [...classes, ...others]
}

function tell({ onProgress }: PrepareImagesOptions, stage: ImageProgress['stage'], done: number, total: number) {
  onProgress?.({ stage, done, total })
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataError } from '../errors.ts'
import { FeatureMatrix, type Rows } from '../evaluate/images/feature-matrix.ts'
import type { Random } from '../random/random.ts'
import { runExists } from '../train/run-record.ts'
import { type ImageCorpus, type ImageSet, imagesExist, openImages } from './data/image-corpus.ts'
import { prepareImages } from './data/prepare-images.ts'
import { colourPlanes, type FeatureExtractor } from './features/feature-extractor.ts'
import type { Pictures } from './render/canvas.ts'
import { readImageRun } from './run.ts'

/** Pictures that are had by their places. */
export interface PictureList {
  readonly length: number
  /** uint8 planes [n, C, S, S]. */
  pixels(places: ArrayLike<number>): Uint8Array
}

/** Size and colours of pictures. */
export type PictureForm = Pick<Pictures, 'channels' | 'imageSize'>

/** What a run learned from; undefined for a model's folder that is no run, or whose corpus is gone. */
export async function corpusOfRun(folder: string): Promise<ImageCorpus | undefined> {
  if (!(await runExists(folder))) return undefined
  const corpus = join(folder, (await readImageRun(folder)).corpus)
  return (await imagesExist(corpus)) ? openImages(corpus) : undefined
}

/** Packs pictures of one form for the time of `use`. */
export async function withPacked<T>(
  paths: readonly string[],
  { channels, imageSize }: PictureForm,
  use: (corpus: ImageCorpus) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-pictures-'))
  try {
    const corpus = await prepareImages({ paths, size: imageSize, channels, folder, signal })
    return await use(corpus).finally(() => corpus.close())
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Some of a set, in the order of `places`. */
export function chosen(set: PictureList, places: ArrayLike<number>): PictureList {
  return {
    length: places.length,
    pixels: (wanted) => set.pixels(Int32Array.from(wanted, (place) => places[place] as number)),
  }
}

/** Both sides of a corpus, one after the other. */
export function bothSides({ train, heldOut, imageSize, channels }: ImageCorpus): PictureList {
  const each = channels * imageSize ** 2
  const pixels = (places: ArrayLike<number>) => {
    const joined = new Uint8Array(places.length * each)
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number
      const one = place < train.length ? train.pixels([place]) : heldOut.pixels([place - train.length])
      joined.set(one, i * each)
    }
    return joined
  }
  return { length: train.length + heldOut.length, pixels }
}

/** Pictures in memory, as a list. */
export function listOf({ pixels, channels, imageSize }: Pictures): PictureList {
  const each = channels * imageSize ** 2
  const pixelsAt = (places: ArrayLike<number>) => {
    const joined = new Uint8Array(places.length * each)
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number
      joined.set(pixels.subarray(place * each, (place + 1) * each), i * each)
    }
    return joined
  }
  return { length: pixels.length / each, pixels: pixelsAt }
}

/** `most` places of a set at random, each once; all, in their order, where there are no more. */
export function drawPlaces({ length }: Pick<ImageSet, 'length'>, most: number, random: Random): Uint32Array {
  if (length <= most) return Uint32Array.from({ length }, (_, i) => i)
  return random.permutation(length).slice(0, most)
}

/** Pixels as rows of numbers, 0 to 1, made a stretch at a time; transparent ones over white. */
export function pixelRows(list: PictureList, form: PictureForm): Rows {
  const planes = form.channels === 4 ? 3 : form.channels
  const rows = (begin: number, end: number) => {
    const pixels = list.pixels(Int32Array.from({ length: end - begin }, (_, i) => begin + i))
    return form.channels === 4 ? colourPlanes({ ...form, pixels }) : Float32Array.from(pixels, (value) => value / 255)
  }
  return { length: list.length, width: planes * form.imageSize ** 2, rows }
}

/** Pictures that features are taken of between two words of progress. */
const atOnce = 64

/** Features of all of a list. Throws {@link DataError} where it is empty or they are not finite. */
export async function featuresOf(
  extractor: FeatureExtractor,
  list: PictureList,
  form: PictureForm,
  { signal, onDone }: { readonly signal?: AbortSignal | undefined; readonly onDone?: (count: number) => void } = {},
): Promise<FeatureMatrix> {
  if (list.length === 0) throw new DataError('features: got no pictures, wanted one or more')
  const features = new Float32Array(list.length * extractor.width)
  for (let begin = 0; begin < list.length; begin += atOnce) {
    signal?.throwIfAborted()
    const count = Math.min(atOnce, list.length - begin)
    const pixels = list.pixels(Int32Array.from({ length: count }, (_, i) => begin + i))
    features.set(await extractor.extract({ ...form, pixels }), begin * extractor.width)
    onDone?.(count)
  }
  return new FeatureMatrix(features, extractor.width)
}

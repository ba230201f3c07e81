import type { CopyRate } from '../evaluate/images/copy-rate.ts'
import type { DotProducts } from '../evaluate/images/dot-products.ts'
import { type Copies, type CopySets, measureCopies } from '../evaluate/images/evaluate-pictures.ts'
import type { FeatureMatrix } from '../evaluate/images/feature-matrix.ts'
import type { Random } from '../random/random.ts'
import type { ImageSet } from './data/image-corpus.ts'
import { chosen, drawPlaces, type PictureForm, type PictureList, pixelRows } from './measured-pictures.ts'
import { encodeSheet } from './render/sheet.ts'

/** Pictures and their features. */
export interface CopiedPictures {
  readonly form: PictureForm
  readonly samples: PictureList
  readonly real: PictureList
  readonly train: ImageSet
  readonly features: {
    readonly samples: FeatureMatrix
    readonly real: FeatureMatrix
    readonly train: FeatureMatrix
    /** Of the training pictures that features were taken of. */
    readonly places: Uint32Array
  }
}

/** What {@link measureCopying} finds. */
export interface CopiedPicturesFound {
  /** Nearness to training pictures in pixels (0 to 1) and in features, distances as root mean squares. */
  readonly copying: { readonly pixels: CopyRate; readonly features: CopyRate }
  /** The samples that lie nearest to a training picture by pixels, nearest first. */
  readonly nearest: readonly { readonly sample: number; readonly picture: string; readonly distance: number }[]
  /** PNG: groups of a sample, its nearest training picture by pixels, and by features; the nearest by pixels first. */
  readonly sheet: Uint8Array
}

const listedNearest = 10
const shownNearest = 48
/** Pixels a side on the sheet, at least. */
const shownSide = 64

/** Looks for samples among the training pictures, in pixels and in features; `onDone` hears of spaces done, of two. */
export async function measureCopying(
  pictures: CopiedPictures,
  options: {
    readonly dots: DotProducts
    readonly random: Random
    readonly signal?: AbortSignal | undefined
    readonly onDone?: (spaces: number) => void
  },
): Promise<CopiedPicturesFound> {
  const { samples, train, form, features } = pictures
  const { dots, random, signal, onDone } = options
  const rate = (sets: CopySets) => measureCopies(sets, { dots, signal, random: random.split('copies') })
  onDone?.(0)
  const byPixels = await rate(pixelSets(pictures, random))
  onDone?.(1)
  const byFeatures = await rate(featureSets(pictures, samples.length, random))
  onDone?.(2)
  const { indices, distances } = byPixels.nearest
  const order = [...distances.keys()].sort((a, b) => distances[a]! - distances[b]! || a - b)
  const shown = order.slice(0, shownNearest)
  const sets = [
    samples.pixels(shown),
    train.pixels(shown.map((i) => indices[i]!)),
    train.pixels(shown.map((i) => features.places[byFeatures.nearest.indices[i]!]!)),
  ].map((pixels) => ({ ...form, pixels }))
  return {
    copying: { pixels: rateOf(byPixels), features: rateOf(byFeatures) },
    nearest: order.slice(0, listedNearest).map((sample) => {
      return { sample, picture: train.record(indices[sample]!).source, distance: distances[sample]! }
    }),
    sheet: await encodeSheet(sets, { size: Math.max(shownSide, form.imageSize) }),
  }
}

function pixelSets({ samples, real, train, form }: CopiedPictures, random: Random): CopySets {
  const drawn = drawPlaces(train, samples.length, random.split('drawn'))
  const rows = (list: PictureList) => pixelRows(list, form)
  return {
    samples: rows(samples),
    heldOut: rows(real),
    train: rows(train),
    drawn,
    drawnRows: rows(chosen(train, drawn)),
  }
}

function featureSets({ features: { samples, real, train } }: CopiedPictures, most: number, random: Random): CopySets {
  const drawn = drawPlaces(train, most, random.split('drawn'))
  return { samples, heldOut: real, train, drawn, drawnRows: train.pick(drawn) }
}

function rateOf({ threshold, samples, heldOut, ratio }: Copies): CopyRate {
  return { threshold, samples, heldOut, ratio }
}

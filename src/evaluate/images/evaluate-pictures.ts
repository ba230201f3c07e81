import { DataError } from '../../errors.ts'
import type { Random } from '../../random/random.ts'
import { type CopyRate, copyRate } from './copy-rate.ts'
import type { FeatureMatrix, Rows } from './feature-matrix.ts'
import { frechetDistance } from './frechet-distance.ts'
import { type KernelDistance, kernelDistance } from './kernel-distance.ts'
import { type DensityCoverage, densityCoverage, type PrecisionRecall, precisionRecall } from './manifold.ts'
import { type Neighbours, nearestNeighbours } from './nearest-neighbours.ts'
import type { PairOptions } from './pair-distances.ts'

/** Quality and diversity of one set of pictures beside real ones. */
export interface PictureMeasures extends PrecisionRecall, DensityCoverage {
  /** FID where the features are Inception's. */
  readonly frechetDistance: number
  /** KID where the features are Inception's. */
  readonly kernelDistance: KernelDistance
}

/** The fewest pictures of a kind that all measures are defined for: density and coverage look at five neighbours. */
export const leastCompared = 6

/** All distribution measures of equally many samples and real pictures. Throws {@link DataError} for fewer than 6. */
export async function measurePictures(
  samples: FeatureMatrix,
  real: FeatureMatrix,
  { random, ...options }: PairOptions & { readonly random: Random },
): Promise<PictureMeasures> {
  const { length } = real
  if (samples.length !== length || length < leastCompared)
    throw new DataError(
      `measure: got ${samples.length} samples and ${length} real pictures, wanted as many of both, ${leastCompared} or more`,
    )
  return {
    frechetDistance: await frechetDistance(samples, real),
    kernelDistance: await kernelDistance(samples, real, { ...options, random }),
    ...(await precisionRecall(samples, real, options)),
    ...(await densityCoverage(samples, real, options)),
  }
}

/** How near pictures come to those learned from, in one space. */
export interface Copies extends CopyRate {
  /** Nearest training picture of each sample, and how far it is: root of the mean squared difference of a row's numbers. */
  readonly nearest: { readonly indices: Int32Array; readonly distances: Float64Array }
}

/** Sets that {@link measureCopies} compares: rows of pixels, or features. */
export interface CopySets {
  readonly samples: Rows
  readonly heldOut: Rows
  readonly train: Rows
  /** Training pictures whose own nearest other ones give the threshold, by their rows. */
  readonly drawn: ArrayLike<number>
  readonly drawnRows: Rows
}

/** Nearest training pictures and the {@link copyRate}. Throws {@link DataError} for fewer than two training pictures. */
export async function measureCopies(
  { samples, heldOut, train, drawn, drawnRows }: CopySets,
  { random, ...options }: PairOptions & { readonly random: Random },
): Promise<Copies> {
  const distances = ({ squares }: Neighbours) => squares.map((square) => Math.sqrt(square / train.width))
  const nearest = await nearestNeighbours(samples, train, options)
  const rate = copyRate(
    {
      samples: distances(nearest),
      heldOut: distances(await nearestNeighbours(heldOut, train, options)),
      train: distances(await nearestNeighbours(drawnRows, train, { ...options, self: drawn })),
    },
    random,
  )
  return { ...rate, nearest: { indices: nearest.indices, distances: distances(nearest) } }
}

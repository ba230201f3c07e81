import { DataError } from '../../errors.ts'
import type { Random } from '../../random/random.ts'
import { bootstrapInterval, type Interval } from '../bootstrap.ts'

/** Distances to the nearest training picture; all squared, or none. */
export interface NearestDistances {
  /** Of every sample. */
  readonly samples: Float64Array
  /** Of every real picture that was held out. */
  readonly heldOut: Float64Array
  /** Of training pictures, to the nearest other one. */
  readonly train: Float64Array
}

/** How often samples lie as near to a training picture as copies do, beside real pictures. */
export interface CopyRate {
  /** The distance below which a picture counts as a copy, in the unit of the distances. */
  readonly threshold: number
  /** Shares of pictures that are nearer than the threshold, 0 to 1. */
  readonly samples: number
  readonly heldOut: number
  /** Samples' share / held-out pictures' share: 1 copies as little as new real pictures do. */
  readonly ratio: Interval
}

/**
 * The share of samples that lie nearer to a training picture than the 1st percentile of training pictures lie to their
 * nearest other, over the same share of held-out pictures, with its 95 % bootstrap interval over pictures of both kinds.
 *
 * Where no held-out picture is that near (with fewer than some hundreds of them), or none in a resample, half a picture
 * is reckoned, so that the ratio stays finite. Throws {@link DataError} where one of the three is empty.
 */
export function copyRate(nearest: NearestDistances, random: Random): CopyRate {
  for (const [kind, distances] of Object.entries(nearest))
    if (distances.length === 0) throw new DataError(`copy rate: got no distances of ${kind}, wanted one or more`)
  const threshold = percentile(nearest.train, 0.01)
  const near = (distances: Float64Array, isSample: boolean) =>
    Array.from(distances, (distance) => ({ isSample, isNear: distance < threshold }))
  const pictures = [...near(nearest.samples, true), ...near(nearest.heldOut, false)]
  const count = (isSample: boolean) => pictures.filter((each) => each.isSample === isSample && each.isNear).length
  return {
    threshold,
    samples: count(true) / nearest.samples.length,
    heldOut: count(false) / nearest.heldOut.length,
    ratio: bootstrapInterval(pictures, ratioOf, random),
  }
}

interface Picture {
  readonly isSample: boolean
  readonly isNear: boolean
}

function ratioOf(pictures: readonly Picture[]): number {
  let [samples, near, nearHeldOut] = [0, 0, 0]
  for (const { isSample, isNear } of pictures) {
    if (isSample) samples++
    if (isNear && isSample) near++
    if (isNear && !isSample) nearHeldOut++
  }
  const heldOut = Math.max(1, pictures.length - samples)
  return near / Math.max(1, samples) / (Math.max(0.5, nearHeldOut) / heldOut)
}

/** Between the order statistics, linearly (Hyndman and Fan 1996, definition 7), as numpy does. */
function percentile(values: Float64Array, probability: number): number {
  const sorted = values.slice().sort()
  const at = (sorted.length - 1) * probability
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at))
}

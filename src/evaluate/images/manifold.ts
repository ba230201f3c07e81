import type { Rows } from './feature-matrix.ts'
import { squaredRadii } from './nearest-neighbours.ts'
import { type PairOptions, pairBlocks } from './pair-distances.ts'

/** Quality and variety told apart, each 0 to 1. */
export interface PrecisionRecall {
  /** The share of samples that lie among real pictures: quality. */
  readonly precision: number
  /** The share of real pictures that lie among samples: variety. */
  readonly recall: number
}

/** Quality and variety by real pictures' neighbourhoods alone. */
export interface DensityCoverage {
  /** In how many neighbourhoods of real pictures a sample lies, of k expected ones; 0 or more, about 1 for real ones. */
  readonly density: number
  /** The share of real pictures with a sample in their neighbourhood, 0 to 1. */
  readonly coverage: number
}

/** What {@link precisionRecall} and {@link densityCoverage} are asked for. */
export interface ManifoldOptions extends PairOptions {
  /** Which nearest neighbour gives a picture's radius. */
  readonly k?: number
}

/**
 * Precision and recall: a picture lies among others where it is at most as far from one of them as that one's k-th
 * nearest neighbour, k = 3 by default.
 *
 * Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", NeurIPS 2019, equations
 * 1 and 2. Throws `DataError` for k pictures or fewer. Comparable only for equal numbers of pictures.
 */
export async function precisionRecall(
  samples: Rows,
  real: Rows,
  options: ManifoldOptions = {},
): Promise<PrecisionRecall> {
  const { k = 3 } = options
  const among = await countWithin(samples, real, await squaredRadii(real, k, options), options)
  const back = await countWithin(real, samples, await squaredRadii(samples, k, options), options)
  return { precision: shareOfPositive(among.balls), recall: shareOfPositive(back.balls) }
}

/**
 * Density and coverage, of the balls around real pictures that reach to their k-th nearest real neighbour, k = 5 by
 * default: density = Σ over samples of the balls that hold it / (k · samples), coverage = balls that hold a sample / balls.
 *
 * Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, equations 3 and 5; balls
 * are closed. Throws `DataError` for k real pictures or fewer.
 */
export async function densityCoverage(
  samples: Rows,
  real: Rows,
  options: ManifoldOptions = {},
): Promise<DensityCoverage> {
  const { k = 5 } = options
  const { balls, points } = await countWithin(samples, real, await squaredRadii(real, k, options), options)
  const held = balls.reduce((sum, count) => sum + count, 0)
  return { density: held / (k * samples.length), coverage: shareOfPositive(points) }
}

/** For every point, the balls that hold it; for every ball, the points that it holds. */
interface Counts {
  readonly balls: Uint32Array
  readonly points: Uint32Array
}

async function countWithin(points: Rows, centres: Rows, radii: Float64Array, options: PairOptions): Promise<Counts> {
  const counts = { balls: new Uint32Array(points.length), points: new Uint32Array(centres.length) }
  for await (const { query, reference, about, queryDoubt, referenceDoubt, exact } of pairBlocks(
    points,
    centres,
    options,
  ))
    for (let i = 0, at = 0; i < queryDoubt.length; i++)
      for (let j = 0; j < referenceDoubt.length; j++, at++) {
        const beyond = about[at]! - radii[reference + j]!
        const doubt = queryDoubt[i]! + referenceDoubt[j]!
        if (beyond > doubt || (beyond >= -doubt && exact(i, j) > radii[reference + j]!)) continue
        counts.balls[query + i]!++
        counts.points[reference + j]!++
      }
  return counts
}

function shareOfPositive(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) / counts.length
}

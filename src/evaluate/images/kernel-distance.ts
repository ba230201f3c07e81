import { ConfigError } from '../../errors.ts'
import type { Random } from '../../random/random.ts'
import { type DotProducts, doubleDots } from './dot-products.ts'
import { checkLength, checkWidths, type FeatureMatrix } from './feature-matrix.ts'

/** The mean over subsets, and their standard deviation (of the subsets, not of the mean). */
export interface KernelDistance {
  readonly mean: number
  readonly deviation: number
  readonly subsets: number
  readonly subsetSize: number
}

/** How {@link kernelDistance} draws. */
export interface KernelDistanceOptions {
  readonly random: Random
  /** 100 by default. */
  readonly subsets?: number
  /** 1,000 by default, or all pictures of the smaller set where there are fewer. */
  readonly subsetSize?: number
  readonly dots?: DotProducts | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The kernel distance, with Inception's features KID: {@link squaredMmd} over subsets drawn without replacement. Its
 * mean doesn't depend on the number of pictures, and is about 0, also below, for sets that are alike.
 *
 * Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4. Throws {@link ConfigError} for a subset larger than
 * a set, `DataError` for sets of one picture.
 */
export async function kernelDistance(
  samples: FeatureMatrix,
  real: FeatureMatrix,
  options: KernelDistanceOptions,
): Promise<KernelDistance> {
  const least = Math.min(samples.length, real.length)
  const { random, subsets = 100, subsetSize = Math.min(1000, least), dots = doubleDots, signal } = options
  if (!(subsetSize <= least && subsets >= 1))
    throw new ConfigError(
      `kernel distance: got ${subsets} subsets of ${subsetSize}, wanted 1 or more of at most ${least} pictures`,
      { subsets, subsetSize },
    )
  const values: number[] = []
  for (let subset = 0; subset < subsets; subset++) {
    signal?.throwIfAborted()
    const stream = random.at(subset)
    const a = samples.pick(stream.permutation(samples.length).subarray(0, subsetSize))
    values.push(await squaredMmd(a, real.pick(stream.permutation(real.length).subarray(0, subsetSize)), dots))
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets)
  return { mean, deviation, subsets, subsetSize }
}

/**
 * The unbiased estimate of the squared maximum mean discrepancy under k(x, y) = (x·y / d + 1)³:
 * Σ_{i≠j} k(xᵢ, xⱼ) / m(m−1) + Σ_{i≠j} k(yᵢ, yⱼ) / n(n−1) − 2 Σ k(xᵢ, yⱼ) / mn.
 *
 * Gretton et al., "A Kernel Two-Sample Test", JMLR 13, 2012, equation 3. Throws `DataError` for fewer than two of a kind.
 */
export async function squaredMmd(
  samples: FeatureMatrix,
  real: FeatureMatrix,
  dots: DotProducts = doubleDots,
): Promise<number> {
  checkWidths('kernel distance', samples, real)
  const within = (await meanOfOthers(samples, dots)) + (await meanOfOthers(real, dots))
  const across = sumOfKernels(await dots.multiply(samples.data, real.data, samples.width), samples.width)
  return within - (2 * across) / (samples.length * real.length)
}

async function meanOfOthers(set: FeatureMatrix, dots: DotProducts): Promise<number> {
  checkLength('kernel distance', set, 2)
  const { data, width, length } = set
  const products = await dots.multiply(data, data, width)
  let own = 0
  for (let i = 0; i < length; i++) own += kernel(products[i * length + i]!, width)
  return (sumOfKernels(products, width) - own) / (length * (length - 1))
}

function sumOfKernels(products: Float32Array | Float64Array, width: number): number {
  let sum = 0
  for (let i = 0; i < products.length; i++) sum += kernel(products[i]!, width)
  return sum
}

function kernel(product: number, width: number): number {
  const base = product / width + 1
  return base * base * base
}

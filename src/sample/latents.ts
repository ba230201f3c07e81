import { ConfigError } from '../errors.ts'
import { Random } from '../random/random.ts'

/** Range of truncation: how far from 0 any element of a latent may lie. */
export const truncationRange = [0.05, 10] as const

/**
 * The latent of the `index`-th picture of a seed: float32 [latentSize], standard normal, a function of these numbers
 * alone. With `truncation` t, elements beyond ±t are drawn anew until they lie within: more usual pictures, less diverse
 * (Marchesi 2017; Brock et al. 2019, section 3.1). Throws {@link ConfigError} for t out of range.
 */
export function drawLatent(seed: number, index: number, latentSize: number, truncation?: number): Float32Array {
  checkTruncation(truncation)
  const random = Random.seed(seed).split('latents').at(index)
  const latent = new Float32Array(latentSize)
  random.fillGaussian(latent)
  if (truncation === undefined) return latent
  return latent.map((value) => {
    let drawn = value
    while (Math.abs(drawn) > truncation) drawn = random.gaussian()
    return drawn
  })
}

/** Throws {@link ConfigError} for a truncation out of {@link truncationRange}. */
export function checkTruncation(truncation: number | undefined): void {
  const [least, most] = truncationRange
  if (truncation === undefined || (truncation >= least && truncation <= most)) return
  throw new ConfigError(`truncation: got ${truncation}, wanted ${least} to ${most}; leave it out to draw freely`, {
    truncation,
  })
}

/**
 * The point at share t of the arc from a to b: sin((1 − t)ω) / sin ω · a + sin(tω) / sin ω · b, with ω the angle between
 * them (Shoemake 1985; of latents: White 2016). Between points equally far from 0 all are so far; a straight line would
 * pass nearer to 0 than any latent that training saw. Where the angle is 0 or π, which no arc is defined by, a straight line.
 */
export function slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))))
  const sine = Math.sin(angle)
  const flat = !(sine > 1e-6)
  const [from, to] = flat ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine]
  return a.map((value, i) => from * value + to * b[i]!)
}

/**
 * `frames` latents on a closed way through all stops, from the first back to the first, each leg an arc by {@link slerp}
 * of (almost) equally many frames: frame j stands at j · stops / frames. Throws {@link ConfigError} for less than two
 * stops, or fewer frames than stops.
 */
export function latentLoop(stops: readonly Float32Array[], frames: number): Float32Array[] {
  if (stops.length < 2)
    throw new ConfigError(`interpolate: got ${stops.length} stop(s), wanted two or more, such as 1,2`, {
      stops: stops.length,
    })
  if (!Number.isInteger(frames) || frames < stops.length)
    throw new ConfigError(`interpolate: got ${frames} frames, wanted a whole number from ${stops.length}: one a stop`, {
      frames,
    })
  return Array.from({ length: frames }, (_, frame) => {
    const at = (frame * stops.length) / frames
    const leg = Math.floor(at)
    return slerp(stops[leg]!, stops[(leg + 1) % stops.length]!, at - leg)
  })
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

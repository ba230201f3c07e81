/** Settings of {@link adaptStrength}. */
export interface AdaptiveAugmentation {
  /** The sign statistic to hold: 0.6 in the paper. */
  readonly target: number
  /** Pictures in which the strength can go from 0 to 1. */
  readonly picturesToFull: number
  /** The strength is at most this: beyond it augmentations leak into what is generated. */
  readonly limit: number
}

/** The paper's target and limit, at the speed of short trainings. */
export const adaptiveDefaults: AdaptiveAugmentation = { target: 0.6, picturesToFull: 100_000, limit: 0.8 }

/**
 * The next strength p of adaptive augmentation (Karras et al. 2020, section 3): p ± pictures / picturesToFull towards
 * where r = E[sign(D(real) − D(fake))] is at its target, kept between 0 and the limit.
 *
 * `realAhead` is the share, 0 to 1, of pairs in which the real picture has the larger logit, so that r = 2 · realAhead − 1.
 * The paper takes the sign of D(real) alone, which a relativistic loss leaves free. A statistic that is not finite moves nothing.
 */
export function adaptStrength(
  strength: number,
  realAhead: number,
  pictures: number,
  { target, picturesToFull, limit }: AdaptiveAugmentation = adaptiveDefaults,
): number {
  if (!Number.isFinite(realAhead)) return strength
  const moved = strength + (Math.sign(2 * realAhead - 1 - target) * pictures) / picturesToFull
  return Math.max(0, Math.min(limit, moved))
}

import type { Random } from '../../random/random.ts'
import { type ColourMap, contrast, followedBy, hueRotation, lumaFlip, saturation, unchanged } from './colour.ts'
import { type AxisTransform, sourceOf, unmoved } from './resample.ts'

/** Names of policies, as `--set augmentation=…` takes them. */
export type AugmentationPolicy = 'none' | 'diffaugment' | 'ada'

/** What is done to one picture. */
export interface PictureAugmentation {
  readonly rows: AxisTransform
  readonly columns: AxisTransform
  /** Whether the picture is reflected where the result reaches beyond it; else that is 0. */
  readonly reflect: boolean
  /** Of the planes of colour: opacity is no colour. */
  readonly colour: ColourMap
  /** Whether a pixel of the result is to be seen; others are 0. */
  readonly sees: (row: number, column: number) => boolean
}

/** Draws one picture's augmentation: at `strength`, for pictures of `size` pixels a side with `n` planes of colour. */
type Draw = (random: Random, strength: number, size: number, n: number) => PictureAugmentation

const everywhere = () => true

function drawNothing(_random: Random, _strength: number, _size: number, n: number): PictureAugmentation {
  return { rows: unmoved, columns: unmoved, reflect: false, colour: unchanged(n), sees: everywhere }
}

/**
 * DiffAugment (Zhao et al. 2020, section 3.2): colour (brightness ± 0.5 of a range of 2, saturation 0 to 2, contrast
 * 0.5 to 1.5), translation by up to an eighth, and a cut-out square of half the side, all of them always.
 *
 * Departs from the paper's code in contrast, which goes about mid-grey, not about the picture's own mean.
 */
function drawDiffAugment(random: Random, _strength: number, size: number, n: number): PictureAugmentation {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const bright = followedBy(unchanged(n), contrast(n, 1), between(-0.5, 0.5))
  const saturated = followedBy(bright, saturation(n, between(0, 2)))
  const colour = followedBy(saturated, contrast(n, between(0.5, 1.5)))
  const [rows, columns] = [translated(random, size), translated(random, size)]
  const cut = [0, 0].map(() => random.integer(size + 1 - (Math.round(size / 2) % 2)))
  return { rows, columns, reflect: false, colour, sees: visibleBut(cut, size, rows, columns) }
}

function translated(random: Random, size: number): AxisTransform {
  const most = Math.round(size / 8)
  return { ...unmoved, shift: random.integer(2 * most + 1) - most }
}

/** Pixels that lie inside the moved picture and outside the square of half the side around `cut`. */
function visibleBut(cut: readonly number[], size: number, rows: AxisTransform, columns: AxisTransform) {
  const side = Math.round(size / 2)
  const inside = (i: number, axis: AxisTransform) => {
    const source = sourceOf(i, size, axis)
    return source >= 0 && source < size
  }
  const cutOut = (i: number, centre: number) => {
    const from = centre - Math.floor(side / 2)
    return i >= from && i < from + side
  }
  return (row: number, column: number) =>
    inside(row, rows) && inside(column, columns) && !(cutOut(row, cut[0]!) && cutOut(column, cut[1]!))
}

/**
 * The transforms of StyleGAN2-ADA (Karras et al. 2020, appendix B) that are separable: flip, translation by whole pixels
 * up to an eighth, scaling of both axes and of one against the other; brightness, contrast, luma flip, hue, saturation.
 * Each happens with probability `strength`, with the paper's deviations; what lies outside is reflected.
 *
 * Rotations are left out. What is drawn does not depend on `strength`, only whether it happens.
 */
function drawAdaptive(random: Random, strength: number, size: number, n: number): PictureAugmentation {
  const maybe = <T>(value: T, otherwise: T): T => (random.uniform() < strength ? value : otherwise)
  const octaves = (deviation: number) => maybe(2 ** (deviation * random.gaussian()), 1)
  const flip = maybe(random.uniform() < 0.5, false)
  const shifts = [translated(random, size).shift, translated(random, size).shift]
  const [down, right] = maybe(shifts, [0, 0]) as [number, number]
  const [scale, stretch] = [octaves(0.2), octaves(0.2)]
  const bright = followedBy(unchanged(n), contrast(n, 1), maybe(0.2 * random.gaussian(), 0))
  const contrasted = followedBy(bright, contrast(n, octaves(0.5)))
  const flipped = followedBy(contrasted, maybe(random.uniform() < 0.5, false) ? lumaFlip(n) : contrast(n, 1))
  const turned = followedBy(flipped, hueRotation(n, maybe((2 * random.uniform() - 1) * Math.PI, 0)))
  const colour = followedBy(turned, saturation(n, octaves(1)))
  return {
    rows: { flip: false, scale: scale / stretch, shift: down },
    columns: { flip, scale: scale * stretch, shift: right },
    reflect: true,
    colour,
    sees: everywhere,
  }
}

/** Every policy by name. */
export const augmentationPolicies: Readonly<Record<AugmentationPolicy, Draw>> = {
  none: drawNothing,
  diffaugment: drawDiffAugment,
  ada: drawAdaptive,
}

import { add, mul } from '../../graph/operations/elementwise.ts'
import { matmul } from '../../graph/operations/matmul.ts'
import { reshape } from '../../graph/operations/shape.ts'
import { input, type Tensor } from '../../graph/tensor.ts'
import type { Random } from '../../random/random.ts'
import { type AugmentationPolicy, augmentationPolicies, type PictureAugmentation } from './policies.ts'
import { writeResampling } from './resample.ts'

/** Parts of an augmentation, as placeholders are named after them. */
export const augmentationParts = ['rows', 'columns', 'colour', 'offset', 'mask'] as const

/** One of {@link augmentationParts}. */
export type AugmentationPart = (typeof augmentationParts)[number]

/**
 * What {@link augmentPictures} multiplies and adds: `rows` and `columns` [B, 1, S, S] resample them, `colour` [B, C, C]
 * and `offset` [B, C, 1, 1] mix planes, `mask` [B, 1, S, S] is 0 where nothing is to be seen.
 */
export type AugmentInputs = Readonly<Record<AugmentationPart, Tensor>>

/** Sizes of a batch of pictures [B, C, S, S]. */
export interface PictureBatch {
  readonly batch: number
  readonly channels: number
  readonly size: number
}

/** Shapes of an augmentation's parts. */
export function augmentationShapes({ batch, channels, size }: PictureBatch): Record<AugmentationPart, number[]> {
  const plane = [batch, 1, size, size]
  return {
    rows: plane,
    columns: plane,
    colour: [batch, channels, channels],
    offset: [batch, channels, 1, 1],
    mask: plane,
  }
}

/** Placeholders `<prefix>.rows`, `<prefix>.columns`, … for one batch's augmentation. */
export function augmentationPlaceholders(prefix: string, pictures: PictureBatch): AugmentInputs {
  const shapes = augmentationShapes(pictures)
  const placeholders = augmentationParts.map((part) => [part, input(`${prefix}.${part}`, 'float32', shapes[part])])
  return Object.fromEntries(placeholders) as Record<AugmentationPart, Tensor>
}

/**
 * mask ∘ (C · (R x Kᵀ) + offset): pictures [B, C, S, S] → the same shape. Linear in the picture, with all that is
 * random fed from outside, so it passes gradients of any order (Zhao et al. 2020; Karras et al. 2020).
 */
export function augmentPictures(x: Tensor, { rows, columns, colour, offset, mask }: AugmentInputs): Tensor {
  const [B, C, S] = x.shape as [number, number, number]
  const moved = matmul(matmul(rows, x), columns, { transposeB: true })
  const mixed = reshape(matmul(colour, reshape(moved, [B, C, S * S])), [B, C, S, S])
  return mul(add(mixed, offset), mask)
}

/**
 * Draws what {@link augmentPictures} is fed: picture i of the batch by `random.at(i)` alone, so that the draw is a
 * function of the stream and of `strength`, the probability 0 to 1 of each transform of `ada`. At strength 0, and for
 * `none`, every part is the identity.
 */
export function drawAugmentation(
  policy: AugmentationPolicy,
  strength: number,
  batch: number,
  size: number,
  channels: number,
  random: Random,
): Record<AugmentationPart, Float32Array> {
  const shapes = augmentationShapes({ batch, channels, size })
  const parts = augmentationParts.map((part) => [part, new Float32Array(shapes[part].reduce((a, b) => a * b, 1))])
  const target = Object.fromEntries(parts) as Record<AugmentationPart, Float32Array>
  for (let i = 0; i < batch; i++) {
    const drawn = augmentationPolicies[policy](random.at(i), strength, size, Math.min(channels, 3))
    writePicture(target, i, size, channels, drawn)
  }
  return target
}

/** Writes one picture's augmentation into its place in the batch; a plane of opacity keeps its values. */
function writePicture(
  target: Record<AugmentationPart, Float32Array>,
  i: number,
  size: number,
  channels: number,
  { rows, columns, reflect, colour, sees }: PictureAugmentation,
): void {
  const plane = (part: Float32Array) => part.subarray(i * size * size, (i + 1) * size * size)
  writeResampling(plane(target.rows), size, rows, reflect)
  writeResampling(plane(target.columns), size, columns, reflect)
  const mask = plane(target.mask)
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) mask[y * size + x] = sees(y, x) ? 1 : 0
  const n = colour.offset.length
  for (let c = 0; c < channels; c++) {
    target.offset[i * channels + c] = colour.offset[c] ?? 0
    for (let d = 0; d < channels; d++) {
      const value = c < n && d < n ? colour.matrix[c * n + d]! : c === d ? 1 : 0
      target.colour[(i * channels + c) * channels + d] = value
    }
  }
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input } from '../../graph/tensor.ts'
import { expectSlopes, slopes } from '../../graph/testing/differences.ts'
import { evaluate } from '../../graph/testing/program.ts'
import { expectClose } from '../../graph/testing/tolerance.ts'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import { adaptStrength } from './adaptive.ts'
import {
  type AugmentationPart,
  augmentationParts,
  augmentationPlaceholders,
  augmentPictures,
  drawAugmentation,
} from './augment.ts'
import { contrast, followedBy, hueRotation, lumaFlip, saturation, unchanged } from './colour.ts'
import { type AugmentationPolicy, augmentationPolicies, type PictureAugmentation } from './policies.ts'
import { type AxisTransform, reflected, sourceOf, unmoved, writeResampling } from './resample.ts'

const [batch, channels, size] = [3, 3, 8]
const pictures = new Float32Array(batch * channels * size * size)
Random.seed(1).fillGaussian(pictures, 0.4)
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const x = input('x', 'float32', [batch, channels, size, size])
const placeholders = augmentationPlaceholders('real', { batch, channels, size })
const feeding = (parts: Readonly<Record<AugmentationPart, Float32Array>>) =>
  Object.fromEntries(augmentationParts.map((part) => [`real.${part}`, parts[part]]))

async function augmented(parts: Readonly<Record<AugmentationPart, Float32Array>>): Promise<Float32Array> {
  const y = augmentPictures(x, placeholders)
  return (await evaluate(engine, { y }, { x: pictures, ...feeding(parts) })).y as Float32Array
}

/** A pixel of picture `i` at fractional places, by interpolation between its four neighbours. */
function sample(i: number, c: number, row: number, column: number, reflect: boolean): number {
  const at = (r: number, k: number) => {
    const [y, z] = reflect ? [reflected(r, size), reflected(k, size)] : [r, k]
    const inside = y >= 0 && y < size && z >= 0 && z < size
    return inside ? pictures[((i * channels + c) * size + y) * size + z]! : 0
  }
  const [r, k] = [Math.floor(row), Math.floor(column)]
  const [s, t] = [row - r, column - k]
  const above = (1 - t) * at(r, k) + t * at(r, k + 1)
  const below = (1 - t) * at(r + 1, k) + t * at(r + 1, k + 1)
  return (1 - s) * above + s * below
}

/** What a picture's augmentation means, pixel by pixel. */
function directly(i: number, { rows, columns, reflect, colour, sees }: PictureAugmentation): number[] {
  const pixels: number[] = []
  for (let c = 0; c < channels; c++)
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const [u, v] = [sourceOf(row, size, rows), sourceOf(column, size, columns)]
        const planes = Array.from({ length: channels }, (_, d) => sample(i, d, u, v, reflect))
        const mixed = planes.reduce((sum, value, d) => sum + colour.matrix[c * channels + d]! * value, 0)
        pixels.push(sees(row, column) ? mixed + colour.offset[c]! : 0)
      }
  return pixels
}

describe('augmentPictures', () => {
  it.each([
    ['none', 1],
    ['ada', 0],
  ] as const)('by %s at strength %d leaves every bit as it is', async (policy, strength) => {
    expect(await augmented(drawAugmentation(policy, strength, batch, size, channels, Random.seed(2)))).toEqual(pictures)
  })

  it.each([
    ['diffaugment', 1],
    ['ada', 0.5],
    ['ada', 1],
  ] as const)('by %s at strength %d does to each pixel what its policy says', async (policy, strength) => {
    const random = Random.seed(3)
    const got = await augmented(drawAugmentation(policy, strength, batch, size, channels, random))
    const wanted = Array.from({ length: batch }, (_, i) =>
      directly(i, augmentationPolicies[policy](random.at(i), strength, size, channels)),
    )
    expectClose(got, wanted.flat(), { absolute: 2e-6 })
  })

  it('has the first and second derivatives that differences give', async () => {
    const parts = drawAugmentation('ada', 1, batch, size, channels, Random.seed(4))
    const y = augmentPictures(x, placeholders)
    expectSlopes(await slopes(engine, [y], [x], { x: pictures, ...feeding(parts) }))
  })

  it('keeps a fourth plane, opacity, out of all changes of colour', () => {
    const { colour, offset } = drawAugmentation('ada', 1, 5, 4, 4, Random.seed(5))
    for (let i = 0; i < 5; i++) {
      expect([...colour.subarray(16 * i + 12, 16 * i + 16)]).toEqual([0, 0, 0, 1])
      expect([3, 7, 11].map((at) => colour[16 * i + at])).toEqual([0, 0, 0])
      expect(offset[4 * i + 3]).toBe(0)
    }
  })
})

describe('drawAugmentation', () => {
  const draw = (policy: AugmentationPolicy, n: number, random: Random) =>
    drawAugmentation(policy, 0.7, n, size, channels, random)

  it('is a function of the stream alone, and of a picture by its place alone', () => {
    const stream = (step: number) => Random.seed(9).split('augmentation').at(step)
    const first = draw('ada', 4, stream(7))
    expect(draw('ada', 4, stream(7))).toEqual(first)
    expect(draw('ada', 4, stream(8))).not.toEqual(first)
    const fewer = draw('ada', 2, stream(7))
    for (const part of augmentationParts) expect(first[part].subarray(0, fewer[part].length)).toEqual(fewer[part])
  })

  it('at a larger strength does all that it does at a smaller one, and more', () => {
    const flips = (strength: number) =>
      Array.from({ length: 500 }, (_, i) => augmentationPolicies.ada(Random.seed(6).at(i), strength, 8, 3).columns.flip)
    const [few, many] = [flips(0.3), flips(0.8)]
    expect(few.every((flip, i) => !flip || many[i])).toBe(true)
    // A flip is drawn in half of the pictures for which the chance comes: within six deviations.
    for (const [flipped, share] of [
      [few, 0.15],
      [many, 0.4],
    ] as const)
      expect(Math.abs(flipped.filter(Boolean).length - 500 * share)).toBeLessThan(
        6 * Math.sqrt(500 * share * (1 - share)),
      )
  })

  it('spreads translation over an eighth of the side, evenly, and cuts out a quarter of it or less', () => {
    const drawn = Array.from({ length: 3000 }, (_, i) =>
      augmentationPolicies.diffaugment(Random.seed(7).at(i), 1, 16, 3),
    )
    const counts = new Map<number, number>()
    for (const { rows } of drawn) counts.set(rows.shift, (counts.get(rows.shift) ?? 0) + 1)
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
    for (const count of counts.values()) expect(Math.abs(count - 600)).toBeLessThan(6 * Math.sqrt(600 * 0.8))
    for (const { sees, rows, columns } of drawn.slice(0, 200)) {
      const all = Array.from({ length: 256 }, (_, i) => sees(i >> 4, i & 15)).filter((seen) => !seen).length
      const moved = 256 - (16 - Math.abs(rows.shift)) * (16 - Math.abs(columns.shift))
      expect(all).toBeGreaterThanOrEqual(moved)
      expect(all).toBeLessThanOrEqual(moved + 64)
    }
  })

  it('draws scales and contrasts whose logarithms have the deviations of the paper', () => {
    const drawn = Array.from({ length: 4000 }, (_, i) => augmentationPolicies.ada(Random.seed(8).at(i), 1, 16, 1))
    const deviation = (values: readonly number[]) =>
      Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length)
    const octaves = drawn.map(({ rows, columns }) => Math.log2(rows.scale * columns.scale) / 2)
    // Six deviations of the estimate: 1 ± 6/√8000.
    expect(Math.abs(deviation(octaves) / 0.2 - 1)).toBeLessThan(0.067)
    const gains = drawn.map(({ colour }) => Math.log2(Math.abs(colour.matrix[0]!)))
    expect(Math.abs(deviation(gains) / 0.5 - 1)).toBeLessThan(0.067)
    expect(Math.abs(drawn.filter(({ colour }) => colour.matrix[0]! < 0).length - 2000)).toBeLessThan(190)
  })
})

describe('transforms', () => {
  const resampled = (axis: AxisTransform, reflect = false, values = [1, 2, 3, 4]) => {
    const matrix = new Float32Array(16)
    writeResampling(matrix, 4, axis, reflect)
    return [0, 1, 2, 3].map((i) => values.reduce((sum, value, j) => sum + matrix[4 * i + j]! * value, 0))
  }

  it.each<[string, AxisTransform, boolean, number[]]>([
    ['flip', { ...unmoved, flip: true }, false, [4, 3, 2, 1]],
    ['move to the end, nothing coming in', { ...unmoved, shift: 2 }, false, [0, 0, 1, 2]],
    ['move to the front, reflected', { ...unmoved, shift: -2 }, true, [3, 4, 3, 2]],
    ['flip and then move', { ...unmoved, flip: true, shift: 1 }, false, [0, 4, 3, 2]],
    ['grow to twice the size', { ...unmoved, scale: 2 }, false, [1.75, 2.25, 2.75, 3.25]],
    ['shrink to half the size', { ...unmoved, scale: 0.5 }, false, [0, 1.5, 3.5, 0]],
    ['shrink, reflected', { ...unmoved, scale: 0.5 }, true, [2.5, 1.5, 3.5, 2.5]],
  ])('of places: %s', (_, axis, reflect, wanted) => {
    expectClose(resampled(axis, reflect), wanted)
  })

  it('reflects as often as needed', () => {
    expect([-4, -3, -1, 0, 3, 4, 6, 7].map((at) => reflected(at, 4))).toEqual([2, 3, 1, 0, 3, 2, 0, 1])
    expect(reflected(5, 1)).toBe(0)
  })

  const apply = (matrix: readonly number[], pixel: readonly number[]) =>
    [0, 1, 2].map((i) => pixel.reduce((sum, value, j) => sum + matrix[3 * i + j]! * value, 0))

  it('of colour: by hand', () => {
    expectClose(apply(saturation(3, 0), [3, 0, 0]), [1, 1, 1])
    expectClose(apply(saturation(3, 2), [3, 0, 0]), [5, -1, -1])
    expectClose(apply(contrast(3, 0.5), [3, 1, 0]), [1.5, 0.5, 0])
    expectClose(apply(lumaFlip(3), [3, 0, 0]), [1, -2, -2])
    expectClose(apply(hueRotation(3, (2 * Math.PI) / 3), [1, 2, 3]), [3, 1, 2])
    expectClose(apply(hueRotation(3, 1), [2, 2, 2]), [2, 2, 2])
    expect([saturation(1, 7), lumaFlip(1), hueRotation(1, 2)]).toEqual([[1], [-1], [1]])
  })

  it('follow each other: a shift goes through the matrices after it', () => {
    const map = followedBy(followedBy(unchanged(3), contrast(3, 2), 0.5), saturation(3, 0))
    expectClose(map.offset, [0.5, 0.5, 0.5])
    expectClose(map.matrix, new Array(9).fill(2 / 3))
    expectClose(followedBy(map, contrast(3, 3)).offset, [1.5, 1.5, 1.5])
  })
})

describe('adaptStrength', () => {
  it('goes up where real pictures are told apart too well, down where not, and stays within its limits', () => {
    // r = 2 · 0.9 − 1 = 0.8 > 0.6; r = 0.4 < 0.6.
    expect(adaptStrength(0.2, 0.9, 1000)).toBeCloseTo(0.21, 12)
    expect(adaptStrength(0.2, 0.7, 1000)).toBeCloseTo(0.19, 12)
    expect(adaptStrength(0.2, 0.75, 1000, { target: 0.5, picturesToFull: 10, limit: 1 })).toBe(0.2)
    expect(adaptStrength(0.795, 1, 1000)).toBe(0.8)
    expect(adaptStrength(0.001, 0, 1000)).toBe(0)
    expect(adaptStrength(0.3, Number.NaN, 1000)).toBe(0.3)
  })
})

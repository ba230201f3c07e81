import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, DataError } from '../../errors.ts'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import { type DotProducts, doubleDots, engineDots } from './dot-products.ts'
import { FeatureMatrix } from './feature-matrix.ts'
import { kernelDistance, squaredMmd } from './kernel-distance.ts'
import { densityCoverage, precisionRecall } from './manifold.ts'
import { nearestNeighbours, squaredRadii } from './nearest-neighbours.ts'
import { references } from './testing/references.ts'

let engine: Engine
let floatDots: DotProducts
beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 })
  floatDots = engineDots(engine)
})
afterAll(async () => {
  await floatDots.release()
  await engine.close()
})

/** A set that takes several blocks, with equal rows far from one another, and far from the origin. */
function many(length: number, seed: number): FeatureMatrix {
  const data = new Float32Array(length * 3)
  Random.seed(seed).fillGaussian(data)
  for (let at = 0; at < data.length; at++) data[at] = Math.round(data[at]! * 8) / 8 + 100
  return new FeatureMatrix(data, 3)
}

describe.each([
  ['float64', () => doubleDots],
  ["an engine's float32", () => floatDots],
])('of pairs, multiplied in %s', (_, dots) => {
  it.each(references)('precision, recall, density, coverage are numpy’s: %s', async (_, samples, real, expected) => {
    const { precision, recall } = await precisionRecall(samples, real, { dots: dots() })
    expect([precision, recall]).toEqual(expected.precisionRecall)
    const { density, coverage } = await densityCoverage(samples, real, { dots: dots() })
    expect([density, coverage]).toEqual(expected.densityCoverage)
  })

  it.each(references)('nearest pictures are numpy’s: %s', async (_, samples, real, expected) => {
    const { indices, squares } = await nearestNeighbours(samples, real, { dots: dots() })
    expect(Array.from(indices)).toEqual(expected.nearest)
    const others = await squaredRadii(real, 1, { dots: dots() })
    squares.forEach((square, i) => void expect(Math.sqrt(square)).toBeCloseTo(expected.nearestDistance[i]!, 12))
    others.forEach((square, i) => void expect(Math.sqrt(square)).toBeCloseTo(expected.nearestOther[i]!, 12))
  })

  it.each(references)('the kernel distance is torchmetrics’: %s', async (_, samples, real, expected) => {
    const least = Math.min(samples.length, real.length)
    const all = Array.from({ length: least }, (_, i) => i)
    expect(await squaredMmd(samples.pick(all), real.pick(all), dots())).toBeCloseTo(expected.kernel, 5)
    for (const [i, [a, b]] of expected.subsets.entries())
      expect(await squaredMmd(samples.pick(a), real.pick(b), dots())).toBeCloseTo(expected.kernelOfSubsets[i]!, 5)
  })

  it('orders ties and duplicates over several blocks as exact arithmetic does', async () => {
    const [queries, set] = [many(1100, 1), many(2100, 2)]
    const { indices, squares } = await nearestNeighbours(queries, set, { k: 2, dots: dots() })
    for (let i = 0; i < queries.length; i += 50) {
      const [q] = [queries.rows(i, i + 1)]
      const distance = (j: number) => set.rows(j, j + 1).reduce((sum, x, axis) => sum + (x - q[axis]!) ** 2, 0)
      const order = Array.from({ length: set.length }, (_, j) => j).sort((a, b) => distance(a) - distance(b) || a - b)
      expect(Array.from(indices.subarray(i * 2, i * 2 + 2))).toEqual(order.slice(0, 2))
      expect(squares[i * 2 + 1]).toBe(distance(order[1]!))
    }
  })
})

describe('kernelDistance', () => {
  const [, samples, real] = references[0]!

  it('is the mean and deviation over subsets that repeat with the seed', async () => {
    const draw = (seed: number) =>
      kernelDistance(samples, real, { random: Random.seed(seed), subsets: 20, subsetSize: 40 })
    const first = await draw(1)
    expect(first).toEqual(await draw(1))
    expect(first.mean).not.toBe((await draw(2)).mean)
    expect(Math.abs(first.mean - (await squaredMmd(samples, real)))).toBeLessThan(first.deviation)
  })

  it('is about 0 for two halves of one set, where a biased estimate would not be', async () => {
    const halves = [0, 1].map((half) => real.pick(Array.from({ length: 125 }, (_, i) => 2 * i + half)))
    const { mean, deviation } = await kernelDistance(halves[0]!, halves[1]!, { random: Random.seed(1), subsetSize: 60 })
    expect(Math.abs(mean)).toBeLessThan(deviation)
  })

  it('refuses subsets larger than a set, and sets of one', async () => {
    await expect(kernelDistance(samples, real, { random: Random.seed(1), subsetSize: 251 })).rejects.toThrow(
      ConfigError,
    )
    await expect(squaredMmd(samples.pick([0]), real)).rejects.toThrow(DataError)
  })
})

describe('precisionRecall and densityCoverage', () => {
  it('know sets by hand: neighbours on a line, and closed balls', async () => {
    const line = (...places: number[]) => new FeatureMatrix(Float32Array.from(places), 1)
    const real = line(0, 1, 3)
    const samples = line(-1, 6, 6, 0.5)
    expect(await precisionRecall(samples, real, { k: 1 })).toEqual({ precision: 0.5, recall: 2 / 3 })
    expect(await densityCoverage(samples, real, { k: 1 })).toEqual({ density: 3 / 4, coverage: 2 / 3 })
  })

  it('are perfect for a set and itself, and nothing for sets far apart', async () => {
    const [, , real] = references[0]!
    const away = new FeatureMatrix(
      real.data.map((x) => x + 1000),
      real.width,
    )
    expect(await precisionRecall(real, real)).toEqual({ precision: 1, recall: 1 })
    expect(await precisionRecall(away, real)).toEqual({ precision: 0, recall: 0 })
    expect(await densityCoverage(away, real)).toEqual({ density: 0, coverage: 0 })
  })

  it('refuse too few pictures, and stop when told', async () => {
    const [, samples, real] = references[0]!
    await expect(precisionRecall(samples.pick([0, 1, 2]), real)).rejects.toThrow(/got 2 other pictures, wanted 3/)
    await expect(precisionRecall(samples, real, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  })
})

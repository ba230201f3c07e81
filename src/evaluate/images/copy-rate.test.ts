import { describe, expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { Random } from '../../random/random.ts'
import { classAgreement, classCoverage } from './class-coverage.ts'
import { copyRate } from './copy-rate.ts'
import type { Rows } from './feature-matrix.ts'
import { nearestNeighbours, squaredRadii } from './nearest-neighbours.ts'
import { copies, features } from './testing/references.ts'

const distances = (squares: Float64Array) => squares.map(Math.sqrt)

describe('copyRate', () => {
  it('agrees with numpy, and its interval holds it', async () => {
    const train = features('copies.train')
    const nearest = async (set: Rows) => distances((await nearestNeighbours(set, train)).squares)
    const rate = copyRate(
      {
        samples: await nearest(features('copies.samples')),
        heldOut: await nearest(features('copies.heldOut')),
        train: distances(await squaredRadii(train, 1)),
      },
      Random.seed(1),
    )
    expect(rate.threshold).toBeCloseTo(copies.threshold, 12)
    expect([rate.samples, rate.heldOut]).toEqual([copies.samples, copies.heldOut])
    expect(rate.ratio.estimate).toBeCloseTo(copies.ratio, 12)
    expect(rate.ratio.low).toBeGreaterThan(1)
    expect(rate.ratio.low).toBeLessThan(copies.ratio)
    expect(rate.ratio.high).toBeGreaterThan(copies.ratio)
  })

  it('is about 1 where samples are as far as held-out pictures, and finite where none of those is near', () => {
    const random = Random.seed(2)
    const uniform = (n: number) => Float64Array.from({ length: n }, () => random.uniform())
    const { ratio } = copyRate({ samples: uniform(4000), heldOut: uniform(4000), train: uniform(4000) }, random)
    expect(ratio.low).toBeLessThan(1)
    expect(ratio.high).toBeGreaterThan(1)
    const far = copyRate(
      { samples: new Float64Array(10), heldOut: new Float64Array(20).fill(9), train: uniform(100) },
      random,
    )
    expect(far).toMatchObject({ samples: 1, heldOut: 0, ratio: { estimate: 40 } })
    expect(Number.isFinite(far.ratio.high)).toBe(true)
  })

  it('refuses nothing', () => {
    const some = Float64Array.of(1)
    expect(() => copyRate({ samples: some, heldOut: new Float64Array(), train: some }, Random.seed(1))).toThrow(
      /no distances of heldOut/,
    )
  })
})

describe('classCoverage', () => {
  it('counts classes that have their share', () => {
    const coverage = classCoverage(Int32Array.of(0, 0, 0, 0, 0, 0, 0, 1, 2, 2), 4)
    expect(coverage).toEqual({ shares: [0.7, 0.1, 0.2, 0], minimumShare: 0.125, found: 2, nClasses: 4 })
    expect(classCoverage([0, 1, 1], 2, 0.4).found).toBe(1)
    expect(classAgreement([1, 2, 3, 3], [1, 2, 3, 4])).toBe(0.75)
  })

  it('refuses no predictions, unknown classes, and other lengths', () => {
    expect(() => classCoverage([], 2)).toThrow(DataError)
    expect(() => classCoverage([2], 2)).toThrow(/got class 2, wanted 0 to 1/)
    expect(() => classAgreement([1], [])).toThrow(DataError)
  })
})

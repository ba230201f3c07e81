import { describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { bootstrapInterval, mean } from './bootstrap.ts'

describe('bootstrapInterval', () => {
  it('is a point when all items are equal, and repeats with its seed', () => {
    const interval = bootstrapInterval([3, 3, 3], mean, Random.seed(1))
    expect(interval).toEqual({ estimate: 3, low: 3, high: 3, confidence: 0.95 })
    const values = [1, 5, 2, 8]
    expect(bootstrapInterval(values, mean, Random.seed(2))).toEqual(bootstrapInterval(values, mean, Random.seed(2)))
  })

  it('knows the whole distribution of two items: means 0, ½, 1 with probabilities ¼, ½, ¼', () => {
    const interval = bootstrapInterval([0, 1], mean, Random.seed(3), { confidence: 0.4, resamples: 2000 })
    expect(interval).toEqual({ estimate: 0.5, low: 0.5, high: 0.5, confidence: 0.4 })
    expect(bootstrapInterval([0, 1], mean, Random.seed(3), { confidence: 0.8 })).toMatchObject({ low: 0, high: 1 })
  })

  it.each([
    [10, 0.86, 0.94],
    [50, 0.92, 0.97],
  ])('covers the true mean of %i normal items as often as documented', (size, least, most) => {
    const random = Random.seed(4)
    const rounds = 1000
    let covered = 0
    for (let round = 0; round < rounds; round++) {
      const values = Array.from({ length: size }, () => random.gaussian())
      const { low, high } = bootstrapInterval(values, mean, random, { resamples: 200 })
      if (low <= 0 && high >= 0) covered++
    }
    expect(covered / rounds).toBeGreaterThan(least)
    expect(covered / rounds).toBeLessThan(most)
  })

  it('refuses nothing', () => expect(() => bootstrapInterval([], mean, Random.seed(1))).toThrow(DataError))
})

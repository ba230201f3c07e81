import { describe, expect, it } from 'vitest'
import { createCandidates } from './candidates.ts'
import { likeliest, logNormalizer } from './log-probabilities.ts'

describe('logNormalizer', () => {
  it.each([
    [[0, 0, 0, 0], Math.log(4)],
    [[1e4, 1e4], 1e4 + Math.log(2)],
    [[-1e4, -1e4, -Infinity], -1e4 + Math.log(2)],
    [[-1e4, 1e4], 1e4],
    [[Math.fround(0.3)], Math.fround(0.3)],
    [[1, 2, 3], Math.log(Math.E + Math.E ** 2 + Math.E ** 3)],
  ])('%j', (logits, expected) => {
    expect(logNormalizer(Float32Array.from(logits))).toBeCloseTo(expected, 9)
  })

  it('names the place of what is not finite', () => {
    const logits = Float32Array.of(0, 1, Number.NaN)
    expect(() => logNormalizer(logits, { row: 4, step: 9 })).toThrow('logits: got NaN at id 2, row 4, step 9')
    expect(() => logNormalizer(Float32Array.of(-Infinity))).toThrow('got −∞ for every id')
  })
})

describe('likeliest', () => {
  it('gives the likeliest first, of equals the lower ids, and all where there are fewer', () => {
    const logits = Float32Array.of(1, 3, 2, 3, -Infinity)
    const normalizer = logNormalizer(logits)
    const found = likeliest(logits, normalizer, 3, createCandidates(5))
    expect(found.map(({ id }) => id)).toEqual([1, 3, 2])
    expect(found[2]!.logProbability).toBe(2 - normalizer)
    expect(likeliest(logits, normalizer, 9, createCandidates(5))).toHaveLength(4)
  })
})

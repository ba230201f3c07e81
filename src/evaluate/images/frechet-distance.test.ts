import { describe, expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { Random } from '../../random/random.ts'
import { FeatureMatrix } from './feature-matrix.ts'
import { frechetDistance } from './frechet-distance.ts'
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts'
import { references } from './testing/references.ts'

describe('frechetDistance', () => {
  it.each(references)('agrees with numpy, scipy and torchmetrics: %s', async (_, samples, real, expected) => {
    const distance = await frechetDistance(samples, real)
    expect(Math.abs(distance / expected.frechet - 1)).toBeLessThan(1e-7)
    expect(Math.abs(distance / expected.frechetByScipy - 1)).toBeLessThan(1e-6)
    expect(Math.abs(distance / expected.frechetByTorchmetrics - 1)).toBeLessThan(1e-6)
  })

  it.each(references)('is 0 from a set to itself and the same both ways: %s', async (_, samples, real) => {
    expect(await frechetDistance(real, real)).toBeLessThan(1e-5)
    const [there, back] = [await frechetDistance(samples, real), await frechetDistance(real, samples)]
    expect(there).toBeCloseTo(back, 6)
  })

  it('is the squared distance of means where deviations are equal, and (σ₁ − σ₂)² where means are', async () => {
    const ones = new FeatureMatrix(Float32Array.of(-1, 1), 1)
    expect(await frechetDistance(ones, new FeatureMatrix(Float32Array.of(2, 4), 1))).toBeCloseTo(9, 12)
    expect(await frechetDistance(ones, new FeatureMatrix(Float32Array.of(-3, 3), 1))).toBeCloseTo(8, 12)
  })

  it('refuses one picture, features of two widths, and what is not finite', async () => {
    const [one, two] = [new FeatureMatrix(new Float32Array(3), 3), new FeatureMatrix(new Float32Array(4), 2)]
    await expect(frechetDistance(one, one)).rejects.toThrow(/got 1 pictures, wanted 2 or more/)
    await expect(frechetDistance(one, two)).rejects.toThrow(/features of 3 and of 2/)
    expect(() => new FeatureMatrix(Float32Array.of(0, 1, Number.NaN, 2), 2)).toThrow(/picture 1 has NaN/)
    expect(() => new FeatureMatrix(new Float32Array(0), 2)).toThrow(DataError)
  })
})

describe('symmetricEigenvalues', () => {
  const sorted = async (values: number[], n: number) =>
    Array.from(await symmetricEigenvalues(Float64Array.from(values), n)).sort((a, b) => a - b)

  it('knows small matrices', async () => {
    expect(await sorted([5], 1)).toEqual([5])
    const [low, high] = await sorted([2, 1, 1, 2], 2)
    expect(low).toBeCloseTo(1, 14)
    expect(high).toBeCloseTo(3, 14)
    expect(await sorted(new Array(9).fill(0), 3)).toEqual([0, 0, 0])
  })

  it('finds those of the second difference matrix, 2 − 2 cos(π k / (n + 1))', async () => {
    const n = 40
    const matrix = Array.from({ length: n * n }, (_, at) => [2, -1][Math.abs(Math.floor(at / n) - (at % n))] ?? 0)
    const found = await sorted(matrix, n)
    found.forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos((Math.PI * (k + 1)) / (n + 1)), 12)
    })
  })

  it('keeps trace and squared norm of a random matrix', async () => {
    const n = 37
    const matrix = new Float64Array(n * n)
    Random.seed(1).fillGaussian(matrix)
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j]!
    const trace = Array.from({ length: n }, (_, i) => matrix[i * n + i]!).reduce((a, b) => a + b)
    const squares = matrix.reduce((sum, value) => sum + value ** 2, 0)
    const found = await symmetricEigenvalues(matrix.slice(), n)
    expect(found.reduce((a, b) => a + b)).toBeCloseTo(trace, 10)
    expect(found.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(squares, 9)
  })
})

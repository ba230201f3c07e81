import { expect, it } from 'vitest'
import { meanPairDistance, pairsToCompare } from './gan-look.ts'

it('is the mean over pairs of the root mean square difference, by hand', () => {
  // Three pictures of two values: 0-1 differ by (3, 4), 0-2 by (0, 2), 1-2 by (3, 2).
  const pictures = Float32Array.of(0, 0, 3, 4, 0, 2)
  const [a, b, c] = [Math.sqrt(25 / 2), Math.sqrt(4 / 2), Math.sqrt(13 / 2)]
  expect(meanPairDistance(pictures, 3, pairsToCompare([5, 3, 8]))).toBeCloseTo((a + b + c) / 3, 6)
})

it('counts pairs within groups alone, unless they are few', () => {
  const pictures = Float32Array.of(0, 1, 10, 13)
  const distance = (groups: number[]) => meanPairDistance(pictures, 4, pairsToCompare([0, 1, 2, 3], groups))
  expect(distance([0, 0, 1, 1])).toBeCloseTo((1 + 3) / 2, 6)
  expect(distance([0, 1, 2, 2])).toBeCloseTo((1 + 10 + 13 + 9 + 12 + 3) / 6, 6)
})

it('leaves out pairs of one picture that stands twice', () => {
  expect(pairsToCompare([4, 7, 4, 7], [0, 1, 0, 1])).toEqual([
    [1, 0],
    [2, 1],
    [3, 0],
    [3, 2],
  ])
  expect(pairsToCompare([4, 4])).toEqual([])
})

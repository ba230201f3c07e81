import { expect, test } from 'vitest'
import { nearHeads } from './near-heads.ts'

const sizes = { dModel: 96, dHead: 32, deviation: 0.02 }
const { positions, queries } = nearHeads(sizes)

/**
 * q·k/√dHead of head h at position i for position j, by the means alone and positions as the embedding's norm scales
 * them beside so many tables of noise: that of words, of positions, of segments.
 */
function score(h: number, i: number, j: number, tables = 1, { dModel, dHead, deviation } = sizes): number {
  const { positions, queries, keys } = nearHeads({ dModel, dHead, deviation })
  const vector = (p: number) =>
    Array.from({ length: dModel }, (_, c) => positions(p, c) / (deviation * Math.sqrt(tables + (2 * dHead) / dModel)))
  const [a, b] = [vector(i), vector(j)]
  const rows = Array.from({ length: dHead }, (_, r) => h * dHead + r)
  const times = (matrix: typeof queries, x: number[]) =>
    rows.map((row) => x.reduce((sum, value, c) => sum + matrix(row, c) * value, 0))
  const [q, k] = [times(queries, a), times(keys, b)]
  return q.reduce((sum, value, r) => sum + value * k[r]!, 0) / Math.sqrt(dHead)
}

test.each([
  [0, -1],
  [1, 1],
  [2, -2],
])('head %i sees the position %i away best, with a score of 6, wherever it is', (h, shift) => {
  for (const i of [5, 40, 90]) {
    expect(score(h, i, i + shift)).toBeCloseTo(6, 5)
    const others = Array.from({ length: 128 }, (_, j) => j).filter((j) => j !== i + shift)
    expect(Math.max(...others.map((j) => score(h, i, j)))).toBeLessThan(3)
  }
})

test('the noise of positions and segments leaves less of the score', () => {
  const four = { dModel: 192, dHead: 48, deviation: 0.02 }
  expect(score(0, 5, 4, 2, four)).toBeCloseTo(3.6, 5)
  expect(score(0, 5, 4, 3, four)).toBeCloseTo(18 / 7, 5)
})

test('words are not looked at, and heads beyond the fourth begin with nothing', () => {
  expect(queries(0, 63)).toBe(0)
  expect(positions(7, 63)).toBe(0)
  const wide = nearHeads({ dModel: 192, dHead: 32, deviation: 0.02 })
  expect(Array.from({ length: 192 }, (_, c) => wide.queries(4 * 32, c)).every((value) => value === 0)).toBe(true)
})

import { expect, test } from 'vitest'
import { tokensInMemory } from './token-dataset.ts'
import { logFrequencies } from './token-frequencies.ts'

test('counts each id half a time more than it occurs', () => {
  const ids = Int32Array.from({ length: 100_000 }, (_, i) => (i % 4 === 0 ? 1 : 2))
  const shares = [0.5, 25_000.5, 75_000.5, 0.5].map((count) => Math.log(count / 100_002))
  expect([...logFrequencies(tokensInMemory(ids), 4)]).toEqual(shares.map(Math.fround))
})

test('of no text, all are alike', () => {
  expect([...logFrequencies(tokensInMemory(new Int32Array()), 4)]).toEqual(
    [0, 0, 0, 0].map(() => Math.fround(Math.log(0.25))),
  )
})

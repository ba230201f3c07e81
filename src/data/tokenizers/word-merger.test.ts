import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Merge, MergeTable } from './merge-table.ts'
import { WordMerger } from './word-merger.ts'

function merged(merges: readonly Merge[], word: readonly number[]): number[] {
  const symbols = Int32Array.from(word)
  const count = new WordMerger(new MergeTable(merges)).merge(symbols, word.length)
  return [...symbols.subarray(0, count)]
}

/** The definition, quadratic: merge the leftmost pair of lowest rank until none merges. */
function mergedByDefinition(merges: readonly Merge[], word: readonly number[]): number[] {
  const ids = [...word]
  for (;;) {
    let best = { rank: Number.POSITIVE_INFINITY, at: -1 }
    for (let at = 0; at + 1 < ids.length; at++) {
      const rank = merges.findLastIndex(({ left, right }) => left === ids[at] && right === ids[at + 1])
      if (rank >= 0 && rank < best.rank) best = { rank, at }
    }
    if (best.at < 0) return ids
    ids.splice(best.at, 2, merges[best.rank]!.result)
  }
}

test('merges by rank, then from the left', () => {
  const merges = [
    { left: 1, right: 1, result: 10 },
    { left: 0, right: 1, result: 11 },
    { left: 11, right: 10, result: 12 },
  ]
  expect(merged(merges, [0, 1, 1, 1])).toEqual([0, 10, 1])
  expect(merged(merges, [0, 1, 0, 1, 1])).toEqual([11, 0, 10])
  expect(merged(merges, [1, 1, 1, 1, 1])).toEqual([10, 10, 1])
  expect(merged(merges, [2])).toEqual([2])
  expect(merged(merges, [])).toEqual([])
})

test('equals the definition for any merges and any word', () => {
  const symbol = fc.integer({ min: 0, max: 5 })
  const merges = fc.array(fc.record({ left: symbol, right: symbol, result: symbol }), { maxLength: 12 })
  fc.assert(
    fc.property(merges, fc.array(symbol, { maxLength: 30 }), (table, word) => {
      expect(merged(table, word)).toEqual(mergedByDefinition(table, word))
    }),
    { numRuns: 2000 },
  )
})

test('merges a word of a million symbols', () => {
  const doubling = Array.from({ length: 20 }, (_, i) => ({ left: i, right: i, result: i + 1 }))
  const word = new Array<number>(2 ** 20).fill(0)
  expect(merged(doubling, word)).toEqual([20])
  expect(merged(doubling, word.slice(1))).toEqual(Array.from({ length: 20 }, (_, i) => 19 - i))
})

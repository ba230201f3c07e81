import { describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { PairSource, pairBatch, pairInEpochs } from './pairs.ts'
import { tokensInMemory } from './token-dataset.ts'

const ids = [5, 6, 1, 7, 1, 8, 9, 10, 1, 11, 12, 1]
const shape = { batchSize: 3, sourceLength: 3, targetLength: 3 }

describe('PairSource', () => {
  it('finds the pairs, and keeps the end of a text that it cuts', () => {
    const source = new PairSource(tokensInMemory(ids), 1)
    expect(source.size).toBe(2)
    expect(source.lengths).toEqual({ sources: [3, 4], targets: [2, 3] })
    expect(source.pair(0, shape)).toEqual({ source: Int32Array.of(5, 6, 1), target: Int32Array.of(7, 1) })
    expect(source.pair(1, shape)).toEqual({ source: Int32Array.of(8, 9, 1), target: Int32Array.of(11, 12, 1) })
  })

  it('refuses half a pair', () => {
    expect(() => new PairSource(tokensInMemory([5, 1, 6, 1, 7, 1]), 1)).toThrow(DataError)
    expect(() => new PairSource(tokensInMemory([5, 1, 6]), 1)).toThrow(/^pairs: the corpus holds 1 closed texts/)
  })
})

it('feeds the decoder its start and the target so far; padding counts nothing', () => {
  const source = new PairSource(tokensInMemory(ids), 1)
  const pairs = [source.pair(0, shape), source.pair(1, shape)]
  expect(pairBatch(pairs, shape, { pad: 0, start: 2 })).toEqual({
    source: Int32Array.of(5, 6, 1, 8, 9, 1, 0, 0, 0),
    sourceMask: Int32Array.of(1, 1, 1, 1, 1, 1, 0, 0, 0),
    written: Int32Array.of(2, 7, 0, 2, 11, 12, 0, 0, 0),
    targets: Int32Array.of(7, 1, 0, 11, 12, 1, 0, 0, 0),
    weights: Float32Array.of(1, 1, 0, 1, 1, 1, 0, 0, 0),
  })
})

it('shows each pair once an epoch, in another order each time', () => {
  const random = Random.seed(1)
  const epoch = (number: number) => Array.from({ length: 9 }, (_, i) => pairInEpochs(9 * number + i, 9, random))
  for (const number of [0, 1]) expect(epoch(number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(epoch(0)).not.toEqual(epoch(1))
})

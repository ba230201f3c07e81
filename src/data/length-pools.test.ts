import { expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { batchesByLength, chooseWidths, drawnItems, type Lengths, widthsOf } from './length-pools.ts'

const random = Random.seed(3)
const batchSize = 4

/** Items of 1 to 60, and batches of them in epochs. */
function itemsOf(size: number) {
  const lengths = Array.from({ length: size }, (_, i): Lengths => [1 + random.at(i).integer(60), 5])
  return { lengths, batchSize, inEpochs: true }
}

it.each([1, 3, 10, 100, 403])('an epoch of %i items shows each that it showed, to the end', (size) => {
  const items = itemsOf(size)
  const dealt = batchesByLength(items, random)
  for (const epochs of [1, 2, 3]) {
    const all = (rows: (batch: number) => readonly number[]) =>
      Array.from({ length: Math.ceil((epochs * size) / batchSize) }, (_, batch) => rows(batch)).flat()
    expect(all(dealt).sort()).toEqual(all((batch) => drawnItems(items, batch, random)).sort())
  }
})

it('a batch is a function of its number, whatever was asked before', () => {
  const items = itemsOf(300)
  const inOrder = batchesByLength(items, random)
  const all = Array.from({ length: 200 }, (_, batch) => inOrder(batch))
  const anew = batchesByLength(items, random)
  for (const batch of [199, 3, 80, 4]) expect(anew(batch)).toEqual(all[batch])
})

it('items of a batch are alike, and batches come in random order', () => {
  const items = itemsOf(4 * 64)
  const dealt = batchesByLength(items, random)
  const longest = Array.from({ length: 32 }, (_, batch) => dealt(batch).map((item) => items.lengths[item]![0]!))
  const spread = longest.map((lengths) => Math.max(...lengths) - Math.min(...lengths))
  expect(Math.max(...spread)).toBeLessThan(10)
  const means = longest.map((lengths) => lengths.reduce((sum, length) => sum + length, 0))
  expect(means).not.toEqual(means.toSorted((a, b) => a - b))
  const rises = means.slice(1).filter((mean, i) => mean > means[i]!).length
  expect(rises).toBeGreaterThan(8)
  expect(rises).toBeLessThan(23)
})

it('rows are rounded up to multiples of 8, and cut at the most', () => {
  const items = [
    [3, 17],
    [9, 70],
  ]
  expect(widthsOf(items, [60, 60])).toEqual([16, 60])
})

it('chooses the widths that save the most, and none that saves next to nothing', () => {
  const choose = (batches: readonly Lengths[]) => chooseWidths((batch) => [batch % batches.length], batches, [8, 64])
  expect(choose([[1, 64]])).toEqual([[8, 64]])
  expect(choose([[8, 60]])).toEqual([[8, 64]])
  expect(
    choose([
      [1, 5],
      [2, 20],
      [8, 64],
      [1, 21],
    ]),
  ).toEqual([
    [8, 8],
    [8, 24],
    [8, 64],
  ])
  expect(choose([10, 20, 30, 40, 50, 60].map((length) => [1, length]))).toHaveLength(4)
})

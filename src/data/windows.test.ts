import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { permuted } from './permuted.ts'
import { ShardWriter } from './shards.ts'
import { TokenDataset, tokensInMemory } from './token-dataset.ts'
import { countSequentialBatches, epochWindows, randomWindows, sequentialWindows } from './windows.ts'

const counting = (length: number) => tokensInMemory(Array.from({ length }, (_, i) => i))
const shape = { batchSize: 3, contextLength: 4 }
const rowsOf = (batch: Int32Array, width = 5) =>
  Array.from({ length: batch.length / width }, (_, row) => [...batch.subarray(row * width, (row + 1) * width)])

describe('permuted', () => {
  it('is a permutation of any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (length, seed) => {
        const places = Array.from({ length }, (_, i) => permuted(i, length, Random.seed(seed)))
        expect([...places].sort((a, b) => a - b)).toEqual([...Array(length).keys()])
      }),
      { numRuns: 50 },
    )
  })

  it('puts each item everywhere equally often', () => {
    const [length, draws] = [7, 7000]
    const counts = Array.from({ length: length * length }, () => 0)
    for (let seed = 0; seed < draws; seed++) {
      for (let i = 0; i < length; i++) counts[i * length + permuted(i, length, Random.seed(seed))]! += 1
    }
    const expected = draws / length
    const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // 36 degrees of freedom: passed by chance less than once in a million at 94.
    expect(statistic).toBeLessThan(94)
  })
})

describe('windows', () => {
  it('of a step can be had alone, differ by step and seed, and are consecutive tokens', () => {
    const source = counting(100)
    for (const windows of [randomWindows, epochWindows]) {
      const sampler = windows(source, shape, 7)
      const unbroken = [0, 1, 2, 3].map((step) => sampler.batch(step))
      expect(windows(source, shape, 7).batch(3)).toEqual(unbroken[3])
      expect(unbroken[1]).not.toEqual(unbroken[0])
      expect(windows(source, shape, 8).batch(0)).not.toEqual(unbroken[0])
      for (const row of unbroken.flatMap((batch) => rowsOf(batch))) {
        expect(row).toEqual([0, 1, 2, 3, 4].map((offset) => row[0]! + offset))
      }
    }
  })

  it('at random places reach every place, the last included', () => {
    const sampler = randomWindows(counting(20), shape, 1)
    const starts = new Set(
      Array.from({ length: 200 }, (_, step) => rowsOf(sampler.batch(step)))
        .flat()
        .map(([first]) => first),
    )
    expect([...starts].sort((a, b) => a! - b!)).toEqual([...Array(16).keys()])
  })

  it('of an epoch predict every token of their grid once, in an order of each epoch', () => {
    const sampler = epochWindows(counting(31), { batchSize: 1, contextLength: 4 }, 2)
    expect(sampler.windowsPerEpoch).toBe(7)
    const epochs = [0, 1, 2, 3, 4, 5].map((epoch) =>
      Array.from({ length: 7 }, (_, i) => sampler.batch(7 * epoch + i)[0]!),
    )
    for (const starts of epochs) {
      const sorted = [...starts].sort((a, b) => a - b)
      expect(sorted).toEqual(sorted.map((_, i) => sorted[0]! + 4 * i))
      expect(sorted.at(-1)! + 4).toBeLessThan(31)
    }
    expect(new Set(epochs.map(String)).size).toBe(6)
    expect(new Set(epochs.map((starts) => Math.min(...starts)))).toEqual(new Set([0, 1, 2]))
  })

  it('for validation predict every token but the first exactly once, padding the rest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 4 }), (tokens, batchSize) => {
        const batches = [...sequentialWindows(counting(tokens), { batchSize, contextLength: 4 })]
        const predicted = batches.flatMap((batch) => {
          const targets = rowsOf(batch.tokens).flatMap((row) => row.slice(1))
          return targets.filter((_, i) => batch.mask[i] === 1)
        })
        expect(predicted).toEqual(Array.from({ length: tokens - 1 }, (_, i) => i + 1))
        expect(batches.reduce((sum, batch) => sum + batch.predictions, 0)).toBe(tokens - 1)
        expect(countSequentialBatches(counting(tokens), { batchSize, contextLength: 4 })).toBe(batches.length)
      }),
    )
  })

  it('need text longer than they are', () => {
    expect(() => randomWindows(counting(4), shape, 0)).toThrow(
      'training windows: got 4 tokens of text, wanted more than contextLength 4; set a contextLength below 4 or add text',
    )
    expect(rowsOf(randomWindows(counting(5), shape, 0).batch(0))).toEqual(Array(3).fill([0, 1, 2, 3, 4]))
    expect(() => sequentialWindows(counting(1), shape)).toThrow(
      'validation windows: got 1 tokens of held-out text, wanted at least 2; add text',
    )
  })
})

describe('TokenDataset', () => {
  it.each(['uint16', 'uint32'] as const)('reads %s ids anywhere and refuses what is outside', async (dtype) => {
    const folder = mkdtempSync(join(tmpdir(), 'atelier-tokens-'))
    const writer = await ShardWriter.create(join(folder, 'train.bin'))
    const ids = dtype === 'uint16' ? Uint16Array.of(0, 65_535, 3, 4) : Uint32Array.of(0, 4_000_000, 3, 4)
    await writer.append(ids.subarray(0, 1))
    await writer.append(ids.subarray(1))
    const shard = { file: 'train.bin', documents: 1, bytes: 9, ...(await writer.finish()) }
    const dataset = new TokenDataset(folder, shard, dtype)
    expect(dataset.tokens).toBe(4)
    expect([...dataset.slice(1, 2)]).toEqual([...ids.subarray(1, 3)])
    expect(() => dataset.slice(3, 2)).toThrow(/got tokens 3 to 5, wanted within 0 to 4/)
    dataset.close()
    dataset.close()
    rmSync(folder, { recursive: true })
    expect(() => new TokenDataset(folder, shard, dtype)).toThrow(/does not exist/)
  })
})

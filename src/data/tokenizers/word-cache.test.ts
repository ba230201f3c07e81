import { expect, test } from 'vitest'
import { IdBuffer } from './id-buffer.ts'
import { WordCache } from './word-cache.ts'

test('finds words in place, and only those', () => {
  const cache = new WordCache()
  const ids = new IdBuffer(1)
  cache.add('the word', 3, 8, Int32Array.of(7, 8, 9), 2)
  expect(cache.find('a word', 1, 6, ids)).toBe(true)
  expect(cache.find(' words', 0, 5, ids)).toBe(true)
  expect(cache.find(' words', 0, 6, ids)).toBe(false)
  expect(cache.find(' ward', 0, 5, ids)).toBe(false)
  expect([...ids.toArray()]).toEqual([7, 8, 7, 8])
})

test('never gives the ids of another word, however many there are', () => {
  const cache = new WordCache()
  const ids = new IdBuffer()
  for (let i = 0; i < 200_000; i++) {
    const word = `w${i}`
    if (!cache.find(word, 0, word.length, ids)) cache.add(word, 0, word.length, Int32Array.of(i, -i), 1 + (i % 2))
  }
  expect(ids.length).toBe(0)
  for (let i = 150_000; i < 200_000; i++) expect(cache.find(`w${i}`, 0, 7, ids)).toBe(true)
  expect(ids.length).toBe(75_000)
  expect([...ids.view().subarray(0, 3)]).toEqual([150_000, 150_001, -150_001])
})

import { describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { bitsPerByte, perplexity } from './likelihood.ts'
import { countNgrams, distinctN, repetitionRate, wordsOf } from './ngrams.ts'

describe('wordsOf', () => {
  it('keeps words with apostrophes, accents and numbers, and single marks', () => {
    expect(wordsOf("Don't go, l’été 1914… 3.5 naïve—yes")).toEqual([
      "don't",
      'go',
      ',',
      'l’été',
      '1914',
      '…',
      '3',
      '.',
      '5',
      'naïve',
      '—',
      'yes',
    ])
    expect(wordsOf(' \n')).toEqual([])
  })
})

describe('n-grams', () => {
  it('counts', () => {
    expect([...countNgrams(['a', 'b', 'a', 'b'], 2).values()]).toEqual([2, 1])
    expect(countNgrams(['a'], 2).size).toBe(0)
  })

  it('tells units apart whatever they contain', () => {
    expect(countNgrams(['a b', 'c', 'a', 'b c'], 2).size).toBe(3)
    expect(countNgrams(['1', 1, '1,1'], 1).size).toBe(3)
  })

  it('distinct-n over all texts: a b a b | a b → {ab, ba} of 4 bigrams', () => {
    const texts = [
      ['a', 'b', 'a', 'b'],
      ['a', 'b'],
    ]
    expect(distinctN(texts, 1)).toBe(2 / 6)
    expect(distinctN(texts, 2)).toBe(2 / 4)
    expect(distinctN(texts, 5)).toBe(1)
  })

  it('repetition: 1 2 3 1 2 3 has bigrams 12 23 31 12 23', () => {
    expect(repetitionRate([1, 2, 3, 1, 2, 3], 2)).toBeCloseTo(2 / 5, 15)
    expect(repetitionRate([1, 2, 3, 4, 5])).toBe(0)
    expect(repetitionRate(Array.from({ length: 103 }, () => 1))).toBe(0.99)
    expect(repetitionRate([])).toBe(0)
  })
})

describe('likelihood', () => {
  it('converts nats', () => {
    expect(perplexity(Math.log(50))).toBeCloseTo(50, 10)
    expect(bitsPerByte(Math.LN2 * 8, 10, 10)).toBeCloseTo(8, 12)
    expect(bitsPerByte(Math.LN2 * 6, 100, 400)).toBeCloseTo(1.5, 12)
    expect(() => bitsPerByte(1, 0, 0)).toThrow(DataError)
  })
})

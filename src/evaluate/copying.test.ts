import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { measureCopying } from './copying.ts'
import { CorpusIndex } from './corpus-index.ts'
import { evaluateSamples } from './evaluate-samples.ts'

const documents = ['It was the best of times, it was the worst of times.', 'Call me Ishmael. Some years ago', '']

describe('CorpusIndex', () => {
  it('finds the longest copy with its place', async () => {
    const index = await CorpusIndex.build(documents)
    expect(index.characters).toBe(documents.join('').length)
    expect(index.longestAt('xx me Ishmael! Some', 2)).toEqual({
      start: 2,
      length: 11,
      text: ' me Ishmael',
      document: 1,
      offset: 4,
    })
    expect(index.longestAt('Q', 0)).toMatchObject({ length: 0 })
  })

  it('never crosses from one document into the next', async () => {
    const index = await CorpusIndex.build(['ab', 'cd'])
    expect(index.passages('abcd').map(({ text }) => text)).toEqual(['ab', 'cd'])
  })

  it('works for alphabets beyond a byte and characters that the corpus lacks', async () => {
    const many = String.fromCharCode(...Array.from({ length: 600 }, (_, i) => 0x4e00 + i))
    const index = await CorpusIndex.build([many])
    expect(index.passages(`?${many.slice(100, 200)}\u{1f600}${many.slice(590)}`)).toMatchObject([
      { start: 1, length: 100, offset: 100 },
      { start: 103, length: 10, offset: 590 },
    ])
  })

  it('answers for an empty corpus and an empty text', async () => {
    expect((await CorpusIndex.build([])).passages('abc')).toEqual([])
    expect((await CorpusIndex.build(documents)).passages('')).toEqual([])
  })

  it('finds what looking at every substring finds', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 3 }),
        text,
        fc.integer({ min: 1, max: 4 }),
        async (corpus, sample, minimum) => {
          const passages = (await CorpusIndex.build(corpus)).passages(sample, minimum)
          expect(passages.map(({ start, length }) => [start, length])).toEqual(naivePassages(corpus, sample, minimum))
          for (const { text, document, offset } of passages)
            expect(corpus[document]?.startsWith(text, offset)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** Maximal copies by trying all: [start, length]. */
function naivePassages(corpus: readonly string[], sample: string, minimum: number): number[][] {
  const stands = (text: string) => corpus.some((document) => document.includes(text))
  const found: number[][] = []
  for (let start = 0, reached = 0; start < sample.length; start++) {
    let end = start
    while (end < sample.length && stands(sample.slice(start, end + 1))) end++
    if (end > reached && end > start) {
      reached = end
      if (end - start >= minimum) found.push([start, end - start])
    }
  }
  return found
}

describe('measureCopying', () => {
  it('gives the share of characters in long passages, overlaps counted once', async () => {
    const index = await CorpusIndex.build(['abcdefgh', 'fghijk'])
    const { rate, samples, longest } = measureCopying(index, ['abcdefghijkXX', 'ZZabZZZ'], { minimum: 4, list: 2 })
    expect(samples).toEqual([
      { characters: 13, copiedCharacters: 11, longest: 8 },
      { characters: 7, copiedCharacters: 0, longest: 2 },
    ])
    expect(rate).toBe(11 / 20)
    expect(longest.map(({ text, sample }) => [text, sample])).toEqual([
      ['abcdefgh', 0],
      ['fghijk', 0],
    ])
  })

  it('is 1 for the corpus itself, 0 for no text, and refuses a minimum of 0', async () => {
    const index = await CorpusIndex.build(documents)
    expect(measureCopying(index, [documents[0] as string]).rate).toBe(1)
    expect(measureCopying(index, []).rate).toBe(0)
    expect(() => measureCopying(index, [], { minimum: 0 })).toThrow(ConfigError)
  })
})

describe('evaluateSamples', () => {
  it('puts all measures together, the same each time', async () => {
    const index = await CorpusIndex.build(documents)
    const texts = ['It was the best of times, it was a ship.', 'Some years ago it was the worst.']
    const metrics = evaluateSamples(texts, { random: Random.seed(1), index, minimum: 20 })
    expect(metrics).toMatchObject({ samples: 2, words: 20, distinct1: 14 / 20, repetition: { estimate: 0 } })
    expect(metrics.copying?.rate).toBeCloseTo(33 / (40 + 32), 12)
    expect(metrics.copying?.interval.estimate).toBe(metrics.copying?.rate)
    expect(metrics.selfBleu?.estimate).toBeGreaterThan(0.05)
    expect(evaluateSamples(texts, { random: Random.seed(1), index, minimum: 20 })).toEqual(metrics)
    expect(evaluateSamples(['alone'], { random: Random.seed(1) })).not.toHaveProperty('selfBleu')
  })
})

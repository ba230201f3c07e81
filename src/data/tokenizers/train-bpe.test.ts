import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ConfigError } from '../../errors.ts'
import { byteTokenizer, charTokenizer, collectCharacters } from './simple-tokenizers.ts'
import { trainBpe } from './train-bpe.ts'
import { countWords, mergeWordCounts } from './word-counts.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/tokenizers/${name}`, import.meta.url), 'utf8')
const corpus = fixture('corpus.txt')

const mergesOf = (counts: ReadonlyMap<string, number>, vocabSize: number, minFrequency = 1) =>
  trainBpe(counts, { vocabSize, minFrequency }).toJSON().model.merges

test('merges the most frequent pair, ties by lower ids, and counts each word as often as it occurs', () => {
  const counts = new Map([
    ['low', 5],
    ['lower', 2],
    ['newest', 6],
    ['widest', 3],
  ])
  // Sennrich et al. (2016), section 3.2, without their end-of-word mark. e+s and s+t both occur nine times.
  const expected = ['e s', 'es t', 'l o', 'lo w', 'e w', 'n ew', 'new est']
  expect(mergesOf(counts, 257 + 7)).toEqual(expected.map((merge) => merge.split(' ')))
})

test('counts overlapping pairs as Hugging Face does, and leaves what is too rare', () => {
  const counts = new Map([['aaaa', 2]])
  expect(mergesOf(counts, 300)).toEqual([
    ['a', 'a'],
    ['aa', 'aa'],
  ])
  expect(mergesOf(counts, 300, 3)).toEqual([['a', 'a']])
  expect(trainBpe(new Map(), { vocabSize: 300 }).vocabSize).toBe(257)
})

test('writes the tokenizer.json that Hugging Face’s trainer writes', () => {
  const trained = trainBpe(countWords([corpus]), { vocabSize: 900 })
  expect(JSON.parse(JSON.stringify(trained))).toEqual(JSON.parse(fixture('bpe.json')))
  const characters = charTokenizer(collectCharacters([corpus]))
  expect(JSON.parse(JSON.stringify(characters))).toEqual(JSON.parse(fixture('char.json')))
  expect(JSON.parse(JSON.stringify(byteTokenizer()))).toEqual(JSON.parse(fixture('byte.json')))
})

test('depends neither on the order of words nor on how they were counted', () => {
  const lines = corpus.split(/(?<=\n)(?=\S)/)
  const parts = [0, 1, 2].map((part) => countWords(lines.filter((_, i) => i % 3 === part)))
  const counts = parts.reduceRight((sum, part) => mergeWordCounts(sum, part), new Map<string, number>())
  const reversed = new Map([...counts].reverse())
  expect(trainBpe(reversed, { vocabSize: 600 }).toJSON()).toEqual(trainBpe(counts, { vocabSize: 600 }).toJSON())
  expect(counts).toEqual(countWords(lines))
})

test('counts a word without end in parts, between characters', () => {
  const counts = countWords([`x${'🙂'.repeat(128)}`, `${'🙂'.repeat(200)}`, 'ab'.repeat(300)])
  const sizes = [...counts].map(([word, count]) => [word.length, count])
  expect(sizes).toEqual([
    [1, 1],
    [256, 2],
    [144, 1],
    [256, 2],
    [88, 1],
  ])
  expect([...counts.keys()].some((word) => /\p{Surrogate}/u.test(word))).toBe(false)
})

test('reports progress and refuses a vocabulary that is too small', () => {
  const seen: number[] = []
  const counts = countWords([corpus])
  trainBpe(counts, { vocabSize: 400, onProgress: ({ merges, wanted }) => seen.push(merges / wanted) })
  expect(seen).toEqual([64 / 143, 128 / 143, 1])
  expect(() => trainBpe(counts, { vocabSize: 256 })).toThrow(ConfigError)
  expect(() => trainBpe(counts, { vocabSize: 256 })).toThrow('vocabulary of 256, wanted 257')
})

test('keeps a token whose name is special to JavaScript', () => {
  const trained = trainBpe(new Map([['__proto__', 9]]), { vocabSize: 300 })
  expect(trained.idOf('__proto__')).toBe(262)
  expect(trained.decode([262])).toBe('__proto__')
})

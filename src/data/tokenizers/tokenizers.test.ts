import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataError } from '../../errors.ts'
import { IdBuffer } from './id-buffer.ts'
import { loadTokenizer } from './load.ts'
import { byteTokenizer, charTokenizer, collectCharacters } from './simple-tokenizers.ts'
import { trainBpe } from './train-bpe.ts'
import { countWords } from './word-counts.ts'

const corpus = readFileSync(new URL('../../../test/fixtures/tokenizers/corpus.txt', import.meta.url), 'utf8')
const bpe = trainBpe(countWords([corpus]), { vocabSize: 900 })
const byte = byteTokenizer()
const char = charTokenizer(collectCharacters([corpus]))

const graphemes = fc.string({ unit: 'grapheme', maxLength: 60 })
const binary = fc.string({ unit: 'binary', maxLength: 60 })
const points = [...corpus]
const slices = fc.tuple(fc.nat(points.length), fc.nat(200)).map(([at, n]) => points.slice(at, at + n).join(''))
const wellFormed = fc.oneof(graphemes, binary, slices).filter((text) => !/\p{Surrogate}/u.test(text))

describe.each([bpe, byte])('$kind', (tokenizer) => {
  test('gives back any well-formed text, in NFC', () => {
    fc.assert(
      fc.property(wellFormed, fc.boolean(), (text, parseSpecial) => {
        expect(tokenizer.decode(tokenizer.encode(text, { parseSpecial }))).toBe(text.normalize('NFC'))
      }),
      { numRuns: 500 },
    )
  })

  test('spells a token’s bytes', () => {
    const text = 'naïve 🙂 — the end<|endoftext|>'
    const bytes = [...tokenizer.encode(text)].flatMap((id) => [...tokenizer.bytesOf(id)])
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(text)
  })
})

test('char gives back any text of its characters', () => {
  const own = fc.array(fc.constantFrom(...collectCharacters([corpus]), '<|endoftext|>'))
  fc.assert(
    fc.property(own, (parts) => {
      const text = parts.join('')
      expect(char.decode(char.encode(text))).toBe(text.normalize('NFC'))
    }),
  )
})

test.each([bpe, byte, char])(
  '$kind streams any ids to the text of all of them, never half a character',
  (tokenizer) => {
    const ids = fc.array(fc.nat(tokenizer.vocabSize - 1))
    const texts = slices.map((text) => [...tokenizer.encode(text)])
    fc.assert(
      fc.property(fc.oneof(ids, texts), fc.boolean(), (list, skipSpecial) => {
        const decoder = tokenizer.streamDecoder({ skipSpecial })
        const streamed = list.map((id) => decoder.push(id)).join('') + decoder.flush()
        expect(streamed).toBe(tokenizer.decode(list, { skipSpecial }))
      }),
      { numRuns: 500 },
    )
  },
)

test('a stream holds a character back until it is whole', () => {
  const decoder = byte.streamDecoder()
  expect([...byte.encode('é🙂!')].map((id) => decoder.push(id))).toEqual(['', 'é', '', '', '', '🙂', '!'])
  expect(decoder.push(0xe2) + decoder.flush()).toBe('\ufffd')
  expect(decoder.push(0x41)).toBe('A')
})

test('special tokens in a text become ids, or stay text', () => {
  const text = 'a<|endoftext|>b'
  expect([...byte.encode(text)]).toEqual([97, 256, 98])
  expect([...byte.encode(text, { parseSpecial: false })]).toEqual([...new TextEncoder().encode(text)])
  expect([...byte.encode('a', { bos: true, eos: true })]).toEqual([256, 97, 256])
  expect(byte.decode([97, 256, 98], { skipSpecial: true })).toBe('ab')
  expect(byte.specialIds).toEqual([256])
})

test('of special tokens that start alike the longer is found', () => {
  const tokenizer = byteTokenizer(['<a>', '<a><b>', '.*'])
  expect([...tokenizer.encode('<a><a><b>.*')]).toEqual([256, 257, 258])
})

test('encodeInto appends', () => {
  const ids = new IdBuffer(1)
  bpe.encodeInto('one ', ids)
  bpe.encodeInto('two', ids, { eos: true })
  expect([...ids.view()]).toEqual([...bpe.encode('one '), ...bpe.encode('two'), 899])
  ids.clear()
  expect(ids.toArray()).toHaveLength(0)
})

test('char names a character that it doesn’t know, and where it is', () => {
  expect(() => char.encode('abc☃')).toThrow(DataError)
  expect(() => char.encode('abc☃')).toThrow('character "☃" (U+2603) at position 3 is not among the')
  const forgiving = charTokenizer('abc', { unknown: 'token' })
  expect([...forgiving.encode('a☃🙂c')]).toEqual([0, 4, 4, 2])
  expect(forgiving.unknown).toBe(4)
  expect(loadTokenizer(forgiving.toJSON()).decode([0, 4, 2])).toBe('a<unk>c')
})

test('decode names an id that no token has', () => {
  for (const id of [-1, 900, 0.5, Number.NaN]) expect(() => bpe.decode([1, id])).toThrow('no token has the id')
  expect(() => bpe.streamDecoder().push(900)).toThrow(DataError)
})

test('a word of a million bytes without a space comes back', () => {
  const word = Array.from({ length: 2 ** 18 }, (_, i) => `th${i}`).join('')
  expect(bpe.decode(bpe.encode(word))).toBe(word)
  const letter = bpe.idOf('e')
  expect(bpe.encode('e'.repeat(2 ** 20)).every((id) => id === letter)).toBe(true)
})

test('files say what the tokenizer is', () => {
  const config = bpe.configJson(1024)
  expect(config).toMatchObject({ bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', model_max_length: 1024 })
  const again = loadTokenizer(JSON.stringify(bpe), JSON.stringify(config))
  expect(again.toJSON()).toEqual(bpe.toJSON())
  expect(again.configJson(1024)).toEqual(config)
  expect([again.kind, again.bos, again.eos, again.pad, again.unknown]).toEqual(['bpe', 899, 899, undefined, undefined])
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CheckpointError, ConfigError } from '../../errors.ts'
import { countBertWords } from './bert-words.ts'
import { loadTokenizer } from './load.ts'
import { bertCased, trainWordPiece } from './train-wordpiece.ts'

const corpus = readFileSync(new URL('../../../test/fixtures/tokenizers/corpus.txt', import.meta.url), 'utf8')
const counts = countBertWords([corpus], bertCased)
const wordpiece = trainWordPiece(counts, { vocabSize: 900 })
const tokensOf = (tokenizer: typeof wordpiece, text: string) =>
  [...tokenizer.encode(text)].map((id) => tokenizer.tokenOf(id))

describe('words', () => {
  const wordsOf = (text: string, part: object = {}) => [...countBertWords([text], { ...bertCased, ...part }).keys()]

  test('are cut as BERT cuts them, accents and case kept', () => {
    expect(wordsOf('L’État, c’est moi!')).toEqual(['L', '’', 'État', ',', 'c', 'est', 'moi', '!'])
    expect(wordsOf('春眠a\u0000b\u200dc\u00a0d')).toEqual(['春', '眠', 'abc', 'd'])
    expect(wordsOf('春眠a', { splitIdeographs: false })).toEqual(['春眠a'])
  })

  test('lose case and accents when asked', () => {
    const uncased = { lowercase: true, stripAccents: true }
    expect(wordsOf('ÉCOLE ΟΔΟΣ', uncased)).toEqual(['ecole', 'οδοσ'])
    expect(wordsOf('École', { lowercase: true })).toEqual(['école'])
    // U+1FEF decomposes to a grave accent, which is punctuation.
    expect(wordsOf('a\u1fefb', uncased)).toEqual(['a', '`', 'b'])
  })
})

describe('training', () => {
  test('merges the most frequent pair, and pieces within words have ##', () => {
    const words = new Map([
      ['low', 5],
      ['lower', 2],
      ['newest', 6],
      ['widest', 3],
    ])
    const trained = trainWordPiece(words, { vocabSize: 24, minFrequency: 1 })
    const pieces = Array.from({ length: 24 }, (_, id) => trained.tokenOf(id))
    expect(pieces.slice(0, 5)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])
    expect(pieces.slice(5, 15)).toEqual([...'deilnorstw'])
    expect(pieces.slice(15, 23)).toEqual(['##d', '##e', '##i', '##o', '##r', '##s', '##t', '##w'])
    expect(pieces[23]).toBe('##es')
  })

  test('depends on the counts alone', () => {
    const again = trainWordPiece(new Map([...counts].reverse()), { vocabSize: 900 })
    expect(JSON.stringify(again)).toBe(JSON.stringify(wordpiece))
  })

  test('leaves rare characters and endless words out, and refuses a vocabulary that is too small', () => {
    const words = new Map([
      ['aa', 9],
      ['ab', 9],
      ['xa', 1],
      ['c'.repeat(101), 1],
    ])
    const trained = trainWordPiece(words, { vocabSize: 20, mostCharacters: 3 })
    expect(trained.idOf('x')).toBeUndefined()
    expect(tokensOf(trained, `xa ${'c'.repeat(101)} ab`)).toEqual(['[UNK]', '[UNK]', 'ab'])
    expect(() => trainWordPiece(counts, { vocabSize: 100 })).toThrow(ConfigError)
    expect(() => trainWordPiece(counts, { vocabSize: 100 })).toThrow(
      /vocabulary of 100, wanted \d+ \(special tokens and characters\)/,
    )
  })

  test('takes fewer tokens than bytes: a third at most', () => {
    expect(wordpiece.encode(corpus).length * 3).toBeLessThan(Buffer.byteLength(corpus))
  })
})

describe('encoding', () => {
  test('takes the longest piece first', () => {
    const { vocab } = wordpiece.toJSON().model as unknown as { vocab: Record<string, number> }
    const oracle = (word: string): string[] => {
      const found: string[] = []
      for (let at = 0; at < word.length; ) {
        let end = word.length
        const piece = () => (at > 0 ? '##' : '') + word.slice(at, end)
        while (end > at && !(piece() in vocab)) end--
        if (end === at) return ['[UNK]']
        found.push(piece())
        at = end
      }
      return found
    }
    const letters = fc.string({ unit: fc.constantFrom(...'etaoinshrdlu'), minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(letters, (word) => {
        expect(tokensOf(wordpiece, word)).toEqual(oracle(word))
      }),
    )
  })

  test('gives back words with one space between them', () => {
    const text = 'The people of the United States, and the Constitution.'
    expect(wordpiece.decode(wordpiece.encode(` ${text} `))).toBe(text)
  })

  test('has BERT’s special tokens, says which tokens begin a word, and drops halves of surrogate pairs', () => {
    const { pad, unknown, cls, sep, mask, bos, eos, addBos } = wordpiece
    expect([pad, unknown, cls, sep, mask, bos, eos, addBos]).toEqual([0, 1, 2, 3, 4, undefined, 3, false])
    const ids = [...wordpiece.encode('Representatives[MASK]')]
    expect(ids.map((id) => wordpiece.beginsWord(id))).toEqual([true, ...ids.slice(2).map(() => false), true])
    expect(wordpiece.encode('\ud800')).toHaveLength(0)
    expect(tokensOf(wordpiece, 'a\udc00')).toEqual(['a'])
    expect([...wordpiece.encode('[MASK]', { parseSpecial: false })].includes(4)).toBe(false)
  })

  test('is read again with its roles', () => {
    const again = loadTokenizer(JSON.stringify(wordpiece), JSON.stringify(wordpiece.configJson(512)))
    expect([again.kind, again.cls, again.sep, again.mask, again.pad]).toEqual(['wordpiece', 2, 3, 4, 0])
    expect(again.configJson(512)).toEqual(wordpiece.configJson(512))
  })
})

test('a WordPiece file without its unknown token is refused; one of another normalizer is run by the library', () => {
  const json = wordpiece.toJSON()
  const broken = { ...json, model: { ...json.model, unk_token: '[NOPE]' } }
  expect(() => loadTokenizer(broken)).toThrow(CheckpointError)
  expect(() => loadTokenizer(broken)).toThrow('lacks the unknown token "[NOPE]"')
  const other = loadTokenizer({ ...json, normalizer: { type: 'Lowercase' } }, wordpiece.configJson())
  expect([other.kind, other.mask]).toEqual(['huggingface', 4])
  const ids = [...other.encode('the people')]
  expect(ids).toEqual([...wordpiece.encode('the people')])
  expect(ids.map((id) => other.beginsWord(id))).toEqual(ids.map((id) => wordpiece.beginsWord(id)))
  expect(ids.map((id, i) => [...other.bytesOf(id, i === 0)])).toEqual(
    ids.map((id, i) => [...wordpiece.bytesOf(id, i === 0)]),
  )
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Tokenizer as HuggingFace } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bertClass, bertClassOf } from './bert-characters.ts'
import { countBertWords } from './bert-words.ts'
import { loadTokenizer } from './load.ts'
import { countMetaspaceRuns } from './metaspace.ts'
import type { Tokenizer } from './tokenizer.ts'
import { trainUnigram } from './train-unigram.ts'
import { bertCased, trainWordPiece } from './train-wordpiece.ts'

const path = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tokenizers/${name}`, import.meta.url))
const read = (name: string) => readFileSync(path(name), 'utf8')

const corpus = read('corpus.txt')
const uncased = { ...bertCased, lowercase: true, stripAccents: true }

const trained = {
  wordpiece: () => trainWordPiece(countBertWords([corpus], bertCased), { vocabSize: 900 }),
  uncased: () => trainWordPiece(countBertWords([corpus], uncased), { vocabSize: 700, normalization: uncased }),
  unigram: () => trainUnigram(countMetaspaceRuns([corpus]), { vocabSize: 1200 }),
  'unigram-unk': () =>
    trainUnigram(countMetaspaceRuns([corpus], { prefixSpace: true }), {
      vocabSize: 700,
      byteFallback: false,
      prefixSpace: true,
    }),
} satisfies Record<string, () => Tokenizer>

type Kind = keyof typeof trained

interface Fixture {
  readonly rows: readonly ({ readonly text: string } & {
    readonly [kind in Kind]: { readonly ids: readonly number[]; readonly decoded: string }
  })[]
  readonly pairs: {
    readonly [kind in Kind]: {
      readonly single: readonly number[]
      readonly pair: readonly number[]
      readonly typeIds: readonly number[]
    }
  }
  readonly vocabulary: readonly string[]
  readonly classes: readonly (readonly [first: number, kind: 'd' | 's' | 'c' | 'p' | 'w'])[]
}

const fixture = JSON.parse(read('trained.json')) as Fixture

describe.each(Object.keys(trained) as Kind[])('%s', (kind) => {
  const tokenizer = loadTokenizer(read(`${kind}.json`))

  test('is trained to the committed file, on every machine', async () => {
    await expect(`${JSON.stringify(trained[kind]())}\n`).toMatchFileSnapshot(path(`${kind}.json`))
  })

  test('gives the ids of Hugging Face’s tokenizers (Rust), which read the same file', () => {
    expect(tokenizer.kind).toBe(kind.startsWith('uni') ? 'unigram' : 'wordpiece')
    for (const row of fixture.rows)
      expect([row.text, ...tokenizer.encode(row.text)]).toEqual([row.text, ...row[kind].ids])
  })

  test('gives the text of Hugging Face’s tokenizers, at once and streamed', () => {
    for (const row of fixture.rows) {
      const { ids, decoded } = row[kind]
      expect(tokenizer.decode(ids)).toBe(decoded)
      const decoder = tokenizer.streamDecoder()
      expect(ids.map((id) => decoder.push(id)).join('') + decoder.flush()).toBe(decoded)
    }
  })

  test('frames one text and two as Hugging Face’s tokenizers do', () => {
    const [first, second] = [tokenizer.encode('One two'), tokenizer.encode('three')]
    const { single, pair, typeIds } = fixture.pairs[kind]
    expect([...tokenizer.template.frame(first).ids]).toEqual(single)
    const framed = tokenizer.template.frame(first, second)
    expect([[...framed.ids], [...framed.typeIds]]).toEqual([pair, typeIds])
  })

  test('spells each token’s bytes as it decodes them', () => {
    for (const { ids, decoded } of fixture.rows.map((row) => row[kind])) {
      const bytes = ids.flatMap((id, i) => [...tokenizer.bytesOf(id, i === 0)])
      expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))).toBe(decoded)
    }
  })
})

test('finds the tokens that Hugging Face’s WordPiece trainer finds', () => {
  const { vocab } = JSON.parse(read('wordpiece.json')).model as { vocab: Record<string, number> }
  expect(Object.keys(vocab).sort()).toEqual([...fixture.vocabulary].sort())
})

test('classes every code point as Hugging Face’s BERT normalizer and pre-tokenizer do', () => {
  const { word: w, punctuation: p, space: s, ideograph: c, dropped: d } = bertClass
  const kinds = { w, p, s, c, d }
  const wrong: number[] = []
  for (const [i, [first, kind]] of fixture.classes.entries()) {
    const end = fixture.classes[i + 1]?.[0] ?? 0x110000
    for (let code = first; code < end; code++) if (bertClassOf(code) !== kinds[kind]) wrong.push(code)
  }
  expect(wrong).toEqual([])
})

const words = fc.constantFrom(
  ...'the of Fellow-Citizens États-Unis l’aube 🙂 中文 e\u0301 ﬁ 1,000 [MASK] </s> <extra_id_1> \n \t  ,'.split(' '),
)
const texts = fc.oneof(
  fc.array(words, { maxLength: 20 }).map((parts) => parts.join(' ')),
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
)

test.each(['wordpiece', 'unigram-unk'] as const)('%s gives the ids of @huggingface/tokenizers on any text', (kind) => {
  const tokenizer = loadTokenizer(read(`${kind}.json`))
  const oracle = new HuggingFace(tokenizer.toJSON(), tokenizer.configJson())
  fc.assert(
    fc.property(texts, (text) => {
      expect([...tokenizer.encode(text)]).toEqual(oracle.encode(text, { add_special_tokens: false }).ids)
    }),
    { numRuns: 200 },
  )
})

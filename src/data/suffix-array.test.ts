import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { suffixArray } from './suffix-array.ts'

/** Sorts suffixes by comparing them: the definition. */
function naive(text: readonly number[]): number[] {
  const compare = (a: number, b: number) => {
    for (let i = 0; ; i++) {
      const difference = (text[a + i] ?? -1) - (text[b + i] ?? -1)
      if (difference !== 0) return difference
    }
  }
  return text.map((_, i) => i).sort(compare)
}

describe('suffixArray', () => {
  it('sorts the suffixes of banana and mmiissiissiippii', () => {
    const code = (text: string) => Uint8Array.from([...text].map((c) => c.charCodeAt(0) - 96).concat(0))
    expect([...suffixArray(code('banana'), 27)]).toEqual([6, 5, 3, 1, 0, 4, 2])
    const mississippi = code('mmiissiissiippii')
    // The example of the paper, section 2.
    expect([...suffixArray(mississippi, 27)]).toEqual([16, 15, 14, 10, 6, 2, 11, 7, 3, 1, 0, 13, 12, 9, 5, 8, 4])
  })

  it.each([[[0]], [[1, 0]], [[1, 1, 1, 1, 0]], [[1, 2, 1, 2, 1, 2, 0]], [[3, 2, 1, 0]], [[1, 2, 3, 0]]])(
    '%j',
    (text) => {
      expect([...suffixArray(Uint8Array.from(text), 4)]).toEqual(naive(text))
    },
  )

  it('agrees with sorting by comparison on random texts of small and large alphabets', () => {
    const text = fc
      .integer({ min: 1, max: 300 })
      .chain((size) => fc.array(fc.integer({ min: 1, max: size }), { maxLength: 200 }))
    fc.assert(
      fc.property(text, (symbols) => {
        const ended = [...symbols, 0]
        expect([...suffixArray(Uint16Array.from(ended), 301)]).toEqual(naive(ended))
      }),
      { numRuns: 500 },
    )
  })

  it('agrees on repetitive texts, which recurse deepest', () => {
    const block = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 20 }), (blocks, times) => {
        const ended = [
          ...Array.from({ length: times }, (_, i) => blocks[(i * i) % blocks.length] as number[]).flat(),
          0,
        ]
        expect([...suffixArray(Int32Array.from(ended), 3)]).toEqual(naive(ended))
      }),
      { numRuns: 300 },
    )
  })
})

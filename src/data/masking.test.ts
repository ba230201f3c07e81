import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { hiddenIn, Masker, maskedBatch } from './masking.ts'

const mask = 4
const special = Uint8Array.from({ length: 50 }, (_, id) => (id < 5 ? 1 : 0))
/** Even ids begin words, odd ones go on with them. */
const beginsWord = Uint8Array.from({ length: 50 }, (_, id) => (id % 2 === 0 ? 1 : 0))
const masker = (share: number, wholeWords = false) => new Masker({ share, wholeWords, mask, special, beginsWord })
const text = (length: number) =>
  Int32Array.from({ length }, (_, i) => (i === 0 ? 2 : i === length - 1 ? 3 : 5 + ((7 * i) % 45)))

describe('Masker', () => {
  it('hides the share asked for, rounded, never special tokens, and tells what stood there', () => {
    const ids = text(42)
    for (let step = 0; step < 50; step++) {
      const { ids: hidden, places, targets } = masker(0.15).hide(ids, Random.seed(1).at(step))
      expect(places).toHaveLength(hiddenIn(40, 0.15))
      expect(places.every((place) => place > 0 && place < 41)).toBe(true)
      expect([...places]).toEqual([...new Set(places)].sort((a, b) => a - b))
      expect(targets).toEqual(places.map((place) => ids[place]))
      const untouched = ids.map((id, i) => (places.includes(i) ? -1 : id))
      expect(hidden.map((id, i) => (places.includes(i) ? -1 : id))).toEqual(untouched)
    }
  })

  it('hides each place as often as any other, 80 % behind the mask, 10 % behind another id, 10 % not at all', () => {
    const ids = text(22)
    const counts = new Array<number>(22).fill(0)
    const kinds = { mask: 0, same: 0, other: 0 }
    const rounds = 4000
    for (let step = 0; step < rounds; step++) {
      const { ids: hidden, places } = masker(0.15).hide(ids, Random.seed(2).at(step))
      for (const place of places) {
        counts[place]!++
        kinds[hidden[place] === mask ? 'mask' : hidden[place] === ids[place] ? 'same' : 'other']++
        expect(special[hidden[place]!] === 0 || hidden[place] === mask).toBe(true)
      }
    }
    const all = 3 * rounds
    expect(kinds.mask / all).toBeCloseTo(0.8, 1)
    expect(kinds.same / all).toBeCloseTo(0.1 + 0.1 / 45, 1)
    for (const count of counts.slice(1, -1)) expect(Math.abs(count - all / 20)).toBeLessThan(5 * Math.sqrt(all / 20))
  })

  it('hides whole words together and never more than its share', () => {
    const ids = Int32Array.of(2, 6, 7, 9, 8, 10, 11, 12, 14, 3) // words: 6 7 9, 8, 10 11, 12, 14
    const words = [[1, 2, 3], [4], [5, 6], [7], [8]]
    const seen = new Set<string>()
    for (let step = 0; step < 200; step++) {
      const { places } = masker(0.4, true).hide(ids, Random.seed(3).at(step))
      expect(places.length).toBeLessThanOrEqual(hiddenIn(8, 0.4))
      for (const word of words) {
        const inside = word.filter((place) => places.includes(place)).length
        expect([0, word.length]).toContain(inside)
      }
      seen.add(places.join())
    }
    expect(seen.has('1,2,3')).toBe(true)
    expect(seen.has('5,6,8')).toBe(true)
  })

  it('hides part of a word that alone is longer than the share', () => {
    const ids = Int32Array.of(2, 6, 7, 9, 11, 3)
    expect(masker(0.25, true).hide(ids, Random.seed(0)).places).toEqual([1])
  })

  it('gives the same for the same stream and leaves the text as it is', () => {
    const ids = text(30)
    expect(masker(0.3).hide(ids, Random.seed(5).at(9))).toEqual(masker(0.3).hide(ids, Random.seed(5).at(9)))
    expect(ids).toEqual(text(30))
  })
})

it('puts texts of any length into a batch whose padding counts nothing', () => {
  const texts = [{ ids: Int32Array.of(2, 4, 6, 3), places: [1, 2], targets: [5, 6] }]
  const short = { ids: Int32Array.of(2, 4, 3), places: [1], targets: [9] }
  expect(maskedBatch([...texts, short], { batchSize: 3, contextLength: 4, blanks: 2 }, 0)).toEqual({
    ids: Int32Array.of(2, 4, 6, 3, 2, 4, 3, 0, 0, 0, 0, 0),
    mask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0),
    places: Int32Array.of(1, 2, 5, 0, 0, 0),
    targets: Int32Array.of(5, 6, 9, 0, 0, 0),
    weights: Float32Array.of(1, 1, 1, 0, 0, 0),
  })
})

import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { corruptedLengths, corruptSpans, longestText } from './span-corruption.ts'

const options = { share: 0.15, meanSpan: 3 }
const marks = { sentinels: Array.from({ length: 100 }, (_, i) => 999 - i), end: 1 }

/** The text that a source and a target come from. */
function restored(source: Int32Array, target: Int32Array): number[] {
  const spans = new Map<number, number[]>()
  let open: number[] = []
  for (const id of target.slice(0, -1)) {
    if (id < 900) open.push(id)
    else {
      open = []
      spans.set(id, open)
    }
  }
  return [...source.slice(0, -1)].flatMap((id) => spans.get(id) ?? [id])
}

describe('corruptSpans', () => {
  it.each([2, 3, 7, 20, 568])('takes spans out of %i ids that the target restores, in lengths known before', (n) => {
    const ids = Int32Array.from({ length: n }, (_, i) => 10 + i)
    const { hidden, spans, source: S, target: T } = corruptedLengths(n, options)
    for (let step = 0; step < 20; step++) {
      const { source, target } = corruptSpans(ids, options, marks, Random.seed(4).at(step))
      expect([source.length, target.length]).toEqual([S, T])
      expect([source.at(-1), target.at(-1)]).toEqual([1, 1])
      expect(target.filter((id) => id >= 900)).toEqual(Int32Array.from(marks.sentinels.slice(0, spans)))
      expect(target.filter((id) => id < 900)).toHaveLength(hidden + 1)
      expect(source[0]).toBe(10) // begins with what is kept
      expect(restored(source, target)).toEqual([...ids])
    }
  })

  it('has the lengths of T5: 568 tokens make 512 to read and 114 to write', () => {
    expect(longestText(512, options)).toBe(568)
    expect(corruptedLengths(568, options)).toEqual({ hidden: 85, spans: 28, source: 512, target: 114 })
  })

  it('takes every partition as often as any other', () => {
    // 8 ids, 4 of them hidden in 2 spans: 3 ways to part the hidden ones times 3 to part the kept ones.
    const counts = new Map<string, number>()
    const rounds = 4500
    const ids = Int32Array.of(10, 11, 12, 13, 14, 15, 16, 17)
    for (let step = 0; step < rounds; step++) {
      const { source } = corruptSpans(ids, { share: 0.5, meanSpan: 2 }, marks, Random.seed(6).at(step))
      counts.set(source.join(), (counts.get(source.join()) ?? 0) + 1)
    }
    expect(counts.size).toBe(9)
    for (const count of counts.values()) expect(Math.abs(count - rounds / 9)).toBeLessThan(5 * Math.sqrt(rounds / 9))
  })
})

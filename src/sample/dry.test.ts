import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DryOptions, dry } from './dry.ts'
import { createHistory } from './history.ts'

/** What DRY takes off each id's logit. */
function penalties(ids: number[], given: Partial<DryOptions> = {}, vocabSize = 10): Record<number, number> {
  const options = { multiplier: 0.8, base: 1.75, allowedLength: 2, breakers: [], ...given }
  const logits = new Float32Array(vocabSize)
  dry(options, vocabSize, 64)(logits, createHistory(ids, 64))
  return Object.fromEntries([...logits.entries()].flatMap(([id, logit]) => (logit === 0 ? [] : [[id, -logit]])))
}

/** The definition, by comparing at every earlier place: quadratic. */
function byDefinition(ids: number[], options: DryOptions): Record<number, number> {
  const { multiplier, base, allowedLength, breakers } = options
  const found: Record<number, number> = {}
  for (let end = 0; end < ids.length - 1; end++) {
    let match = 0
    while (match <= end && ids[end - match] === ids[ids.length - 1 - match] && !breakers.includes(ids[end - match]!))
      match++
    const next = ids[end + 1]!
    if (match < allowedLength || breakers.includes(next)) continue
    found[next] = Math.max(found[next] ?? 0, Math.fround(multiplier * base ** (match - allowedLength)))
  }
  return found
}

describe('dry', () => {
  it('punishes the id that would continue the longest repetition', () => {
    // … 1 2 3 4 … 1 2 3: a 4 would make four in a row; matched are 1 2 3, m = 3.
    expect(penalties([1, 2, 3, 4, 5, 1, 2, 3])).toEqual({ 4: Math.fround(0.8 * 1.75) })
    // Matched are 2 3, m = 2 = allowedLength: multiplier × base⁰.
    expect(penalties([2, 3, 4, 5, 1, 2, 3])).toEqual({ 4: Math.fround(0.8) })
    // m = 1: allowed.
    expect(penalties([3, 4, 5, 1, 2, 3])).toEqual({})
    expect(penalties([3, 4, 5, 1, 2, 3], { allowedLength: 1, multiplier: 2 })).toEqual({ 4: 2 })
  })

  it('takes the longest of several matches before the same id, and punishes each id that follows one', () => {
    // Ends in 1 2. Before: 9 1 2 → 3 (m = 2), 0 1 2 → 4 (m = 2), 7 0 1 2 … none longer.
    expect(penalties([9, 1, 2, 3, 0, 1, 2, 4, 5, 1, 2], { multiplier: 1 })).toEqual({ 3: 1, 4: 1 })
    // Ends in 6 7 1 2. Before: 3 7 1 2 → 3 (m = 3), 8 1 2 → 3 (m = 2).
    expect(penalties([8, 1, 2, 3, 7, 1, 2, 3, 6, 7, 1, 2], { multiplier: 1, base: 2 })).toEqual({ 3: 2 })
  })

  it('counts overlapping repetitions of one id', () => {
    // 5 5 5 5: the last three match the three before them.
    expect(penalties([5, 5, 5, 5], { multiplier: 1, base: 2 })).toEqual({ 5: 2 })
  })

  it('reaches across no breaker and never punishes one', () => {
    expect(penalties([1, 2, 3, 4, 5, 1, 2, 3], { breakers: [1] })).toEqual({ 4: Math.fround(0.8) })
    expect(penalties([1, 2, 3, 4, 5, 1, 2, 3], { breakers: [2] })).toEqual({})
    expect(penalties([1, 2, 3, 4, 5, 1, 2, 3], { breakers: [3] })).toEqual({})
    expect(penalties([1, 2, 3, 4, 5, 1, 2, 3], { breakers: [4] })).toEqual({})
  })

  it('agrees with the definition for any sequence', () => {
    const options = fc.record({
      multiplier: fc.constant(1),
      base: fc.constantFrom(1, 1.75),
      allowedLength: fc.integer({ min: 1, max: 4 }),
      breakers: fc.subarray([0, 1, 2]),
    })
    const sequence = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(sequence, options, (ids, given) => {
        expect(penalties(ids, given)).toEqual(byDefinition(ids, given))
      }),
      { numRuns: 1000 },
    )
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { selfBleu, selfBleuScores } from './self-bleu.ts'

const cases = JSON.parse(
  readFileSync(new URL('../../test/fixtures/self-bleu/self-bleu.json', import.meta.url), 'utf8'),
) as { texts: string[][]; scores: number[] }[]

describe('selfBleu', () => {
  it.each(cases.map((each, i) => [i, each] as const))('agrees with nltk, set %i', (_, { texts, scores }) => {
    selfBleuScores(texts).forEach((score, i) => {
      expect(score).toBeCloseTo(scores[i] as number, 12)
    })
  })

  it('is 1 for equal texts and 0 for texts that share no word', () => {
    expect(
      selfBleu([
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
      ]),
    ).toBeCloseTo(1, 12)
    expect(
      selfBleu([
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ]),
    ).toBe(0)
  })

  it('matches a hand computation', () => {
    // 1-grams 4/4, 2-grams 3/3, 3-grams 2/2, 4-grams 1/1; too short by 4 against 5: exp(1 − 5/4).
    expect(
      selfBleuScores([
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
      ])[0],
    ).toBeCloseTo(Math.exp(-0.25), 12)
    // 4/5 · 3/4 · 2/3 · 1/2 = 1/5, under the fourth root.
    expect(
      selfBleuScores([
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
      ])[1],
    ).toBeCloseTo(0.2 ** 0.25, 12)
  })

  it('scores an empty text 0 and wants two texts', () => {
    expect(selfBleuScores([[], [1, 2]])).toEqual([0, 0])
    expect(() => selfBleu([[1]])).toThrow(DataError)
  })
})

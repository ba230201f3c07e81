import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopMatcher } from './stop-matcher.ts'

function run(stops: string[], pieces: string[]): { texts: string[]; stop?: string; all: string } {
  const matcher = new StopMatcher(stops)
  const released = pieces.map((piece) => matcher.push(piece))
  const stop = released.at(-1)?.stop
  const rest = stop === undefined ? matcher.end() : ''
  const texts = released.map(({ text }) => text)
  return { texts, all: texts.join('') + rest, ...(stop !== undefined && { stop }) }
}

/** Character by character, the first string that ends where the text so far ends; the longest of several. */
function bySearch(stops: string[], text: string): string {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop))
    if (ending.length > 0) return text.slice(0, end - Math.max(...ending.map((stop) => stop.length)))
  }
  return text
}

describe('StopMatcher', () => {
  it('withholds what may begin a stop string, and no more', () => {
    expect(run(['\n\n'], ['one\n', 'two\n\nthree']).texts).toEqual(['one', '\ntwo'])
    expect(run(['END'], ['abE', 'N', 'x', 'EN']).texts).toEqual(['ab', '', 'ENx', ''])
    expect(run(['END'], ['abE', 'N', 'x', 'EN']).all).toBe('abENxEN')
  })

  it('lets everything through at once without stop strings', () => {
    expect(run([], ['a', '', 'bc']).texts).toEqual(['a', '', 'bc'])
  })

  it('says which one was met, and gives nothing afterwards', () => {
    expect(run(['b', 'abc'], ['xab', 'c'])).toEqual({ texts: ['xa', ''], all: 'xa', stop: 'b' })
    expect(run(['bc', 'abc'], ['xab', 'c'])).toEqual({ texts: ['x', ''], all: 'x', stop: 'abc' })
  })

  it('finds what a failed beginning hides', () => {
    expect(run(['aab'], ['a', 'a', 'a', 'b']).all).toBe('a')
  })

  it('gives the same however the text is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 0, maxLength: 12 })
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(stop, { maxLength: 3 }), fc.array(text, { maxLength: 8 }), (stops, pieces) => {
        const { all, texts } = run(stops, pieces)
        expect(all).toBe(bySearch(stops, pieces.join('')))
        // What was released early is never taken back.
        expect(all.startsWith(texts.join(''))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { createHistory } from './history.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import { Sampler, type SamplerHooks } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'
import { chiSquare } from './testing/chi-square.ts'
import { softmax, warpedProbabilities } from './testing/reference.ts'

const neutral = { temperature: 1, topP: 1 }

function makeSampler(vocabSize: number, given: Partial<SamplerSettings>, hooks: SamplerHooks = {}): Sampler {
  return new Sampler(resolveSamplerSettings({ ...neutral, ...given }), { vocabSize, capacity: 64, hooks })
}

function contextOf(prompt: readonly number[] = [0]) {
  return { row: 0, step: 0, history: createHistory(prompt, 64) }
}

/** The distribution that the sampler draws from, read off its candidates after a draw. */
function distribution(logits: readonly number[], given: Partial<SamplerSettings>): number[] {
  const sampler = makeSampler(logits.length, given)
  sampler.choose(Float32Array.from(logits), contextOf(), Random.seed(0))
  const { ids, weights, count } = sampler.room
  const total = weights.subarray(0, count).reduce((sum, weight) => sum + weight, 0)
  const p = new Array<number>(logits.length).fill(0)
  for (let i = 0; i < count; i++) p[ids[i]!] = weights[i]! / total
  return p
}

function countDraws(sampler: Sampler, logits: Float32Array, draws: number, seed: number): number[] {
  const counts = new Array<number>(logits.length).fill(0)
  const random = Random.seed(seed)
  for (let i = 0; i < draws; i++) counts[sampler.choose(logits, contextOf(), random)]! += 1
  return counts
}

const irregular = Float32Array.from({ length: 100 }, (_, id) => 3 * Math.sin(1 + 12.9 * id))

describe('Sampler: counts of many draws against the exact distribution', () => {
  const cases: Partial<SamplerSettings>[] = [
    {},
    { temperature: 0.8 },
    { temperature: 2.5 },
    { topK: 1 },
    { topK: 7 },
    { topK: 99 },
    { topP: 0.1 },
    { topP: 0.9 },
    { topP: 0.999 },
    { minP: 0.2 },
    { minP: 1 },
    { typicalP: 0.2 },
    { typicalP: 0.95 },
    { temperature: 0.8, topK: 50, topP: 0.95 },
    { temperature: 1.3, topK: 60, topP: 0.97, minP: 0.03, typicalP: 0.9 },
  ]
  for (const [index, settings] of cases.entries()) {
    it(JSON.stringify(settings), () => {
      const counts = countDraws(makeSampler(100, settings), irregular, 40_000, index)
      const exact = warpedProbabilities([...irregular], resolveSamplerSettings({ ...neutral, ...settings }))
      const { statistic, bound } = chiSquare(counts, exact)
      expect(statistic).toBeLessThan(bound)
    })
  }

  it('the measure tells a wrong sampler: temperature 0.8 is not 0.85, top-p 0.9 is not ignored', () => {
    const counts = countDraws(makeSampler(100, { temperature: 0.8, topP: 0.9 }), irregular, 40_000, 1)
    for (const wrong of [
      { temperature: 0.85, topP: 0.9 },
      { temperature: 0.8, topP: 1 },
    ]) {
      const exact = warpedProbabilities([...irregular], resolveSamplerSettings(wrong))
      const { statistic, bound } = chiSquare(counts, exact)
      expect(statistic).toBeGreaterThan(bound)
    }
  })

  it('penalties and bias, by hand', () => {
    // After the prompt [0] and the continuation [1, 1]: logits 2, 3, −1, 0.5.
    const history = { ids: Int32Array.of(0, 1, 1, 0), length: 3, promptLength: 1 }
    const logits = Float32Array.of(2, 3, -1, 0.5)
    const cases: [Partial<SamplerSettings>, number[]][] = [
      [{ logitBias: { 2: 4, 0: -1 } }, [1, 3, 3, 0.5]],
      [{ repetitionPenalty: 2 }, [1, 1.5, -1, 0.5]],
      [{ presencePenalty: 1.5 }, [2, 1.5, -1, 0.5]],
      [{ frequencyPenalty: 0.5 }, [2, 2, -1, 0.5]],
      [{ presencePenalty: 1, frequencyPenalty: 0.25 }, [2, 1.5, -1, 0.5]],
      // Order: bias first, then repetition, then counts. −1 + 0 − … id 0: (2 − 3) × 2 = −2.
      [{ logitBias: { 0: -3 }, repetitionPenalty: 2, presencePenalty: 1 }, [-2, 0.5, -1, 0.5]],
    ]
    for (const [settings, expected] of cases) {
      const sampler = makeSampler(4, settings)
      const processed = sampler.processed(logits, { row: 0, step: 2, history })
      expect([...processed]).toEqual(expected)
      const counts = [0, 0, 0, 0]
      const random = Random.seed(3)
      for (let i = 0; i < 20_000; i++) counts[sampler.choose(logits, { row: 0, step: 2, history }, random)]! += 1
      const { statistic, bound } = chiSquare(counts, softmax(expected))
      expect(statistic).toBeLessThan(bound)
    }
    expect([...logits]).toEqual([2, 3, -1, 0.5])
  })
})

describe('Sampler: its distribution against the slow reference', () => {
  const logit = fc.oneof(
    // A grid on which differences are exact, so that equal ones stay equal.
    fc.integer({ min: -20_000, max: 20_000 }).map((steps) => steps / 1024),
    fc.constantFrom(-1e4, 1e4, 0, -0, 5, -Infinity),
    fc.integer({ min: -3, max: 3 }),
  )
  const settings = fc.record({
    temperature: fc.constantFrom(0.05, 0.5, 0.8, 1, 2, 50),
    topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 120 })),
    topP: fc.constantFrom(0.0001, 0.1013, 0.5017, 0.9021, 0.9503, 1),
    minP: fc.constantFrom(0, 0.0503, 0.9),
    typicalP: fc.constantFrom(0.1019, 0.5023, 0.9507, 1),
  })

  it('agrees for any logits, ±1e4, equal and forbidden ones among them', () => {
    fc.assert(
      fc.property(fc.array(logit, { minLength: 1, maxLength: 150 }), settings, (values, given) => {
        const logits = [...Float32Array.from(values)]
        fc.pre(logits.some((value) => value > -Infinity))
        // Away from the places where a rounding error decides: a reached mass, an equal distance from the entropy.
        fc.pre(decided(logits, given))
        const expected = warpedProbabilities(logits, given)
        for (const [id, p] of distribution(logits, given).entries())
          expect(Math.abs(p - expected[id]!)).toBeLessThan(1e-9)
      }),
      { numRuns: 1500 },
    )
  })

  it('takes the lowest ids of equals, exactly as many as it needs', () => {
    const equal = new Array<number>(1000).fill(1e4)
    const kept = (given: Partial<SamplerSettings>) => distribution(equal, given).filter((p) => p > 0).length
    const firstKept = (given: Partial<SamplerSettings>) => distribution(equal, given).lastIndexOf(1 / kept(given)) + 1
    expect(kept({ topK: 10 })).toBe(10)
    expect(firstKept({ topK: 10 })).toBe(10)
    expect(kept({ topP: 0.2505 })).toBe(251)
    expect(firstKept({ topP: 0.2505 })).toBe(251)
    expect(kept({ typicalP: 0.2505 })).toBe(251)
    expect(kept({ minP: 1 })).toBe(1000)
  })

  it('leaves the only finite one', () => {
    const row = new Array<number>(300).fill(-Infinity)
    row[217] = -1e4
    for (const given of [{}, { topK: 3 }, { topP: 0.5 }, { minP: 0.5 }, { typicalP: 0.5 }, { temperature: 0 }]) {
      expect(makeSampler(300, given).choose(Float32Array.from(row), contextOf(), Random.seed(1))).toBe(217)
    }
  })

  it('selects the same of 8,192 as a full sort does', () => {
    const row = new Float32Array(8192)
    Random.seed(9).fillGaussian(row, 3)
    for (const given of [{ topK: 50 }, { topK: 3000 }, { topP: 0.95 }, { typicalP: 0.7 }, { topK: 40, topP: 0.9 }]) {
      const expected = warpedProbabilities([...row], resolveSamplerSettings({ ...neutral, ...given }))
      for (const [id, p] of distribution([...row], given).entries()) {
        if (Math.abs(p - expected[id]!) > 1e-11) expect.unreachable(`${JSON.stringify(given)}: id ${id}, ${p}`)
      }
    }
  })
})

describe('Sampler: hooks and errors', () => {
  it('temperature 0 takes the greatest, of equals the lowest id, and draws nothing', () => {
    const random = Random.seed(0)
    expect(makeSampler(5, { temperature: 0 }).choose(Float32Array.of(0, 7, 3, 7, -1), contextOf(), random)).toBe(1)
    expect(random.counter).toBe(0)
  })

  it('draws in order of ids by the inverse of the cumulative distribution', () => {
    const logits = Float32Array.from([0.1, 0.2, 0.3, 0.4].map(Math.log))
    const sampler = makeSampler(4, {})
    for (let draw = 0; draw < 200; draw++) {
      const random = new Random({ key: [1, 2], counter: draw })
      const uniform = new Random(random.state).uniform()
      const expected = uniform < 0.1 ? 0 : uniform < 0.3 ? 1 : uniform < 0.6 ? 2 : 3
      expect(sampler.choose(logits, contextOf(), random)).toBe(expected)
    }
  })

  it('lets a constraint forbid before, and a mark change after, the warpers', () => {
    const seen: number[][] = []
    const sampler = makeSampler(
      4,
      { topK: 2 },
      {
        beforeWarpers: (logits) => {
          logits[0] = -Infinity
        },
        afterWarpers: (logits) => {
          seen.push([...logits])
          logits[2] = -Infinity
        },
      },
    )
    expect(sampler.choose(Float32Array.of(9, 3, 1, 2), contextOf(), Random.seed(4))).toSatisfy(
      (id) => id === 1 || id === 3,
    )
    expect(seen).toEqual([[-Infinity, 0, -Infinity, -1]])
  })

  it('says so when nothing is left, or a hook writes what is not a number', () => {
    const forbid: SamplerHooks = { beforeWarpers: (logits) => void logits.fill(-Infinity) }
    const spoil: SamplerHooks = {
      afterWarpers: (logits) => {
        logits[2] = Number.NaN
      },
    }
    for (const temperature of [0, 1]) {
      const choose = (hooks: SamplerHooks) =>
        makeSampler(4, { temperature }, hooks).choose(new Float32Array(4), contextOf(), Random.seed(0))
      expect(() => choose(forbid)).toThrow(/^sample: got no id that may follow, wanted one; loosen/)
      expect(() => choose(spoil)).toThrow(/^sampler hook: got NaN at id 2/)
    }
    expect(() => makeSampler(4, { logitBias: { 4: 1 } })).toThrow(/^logitBias: got id 4, wanted one below/)
  })
})

/** Whether the reference keeps the same ids when top-p and typical-p move by a hair. */
function decided(logits: number[], given: Parameters<typeof warpedProbabilities>[1]): boolean {
  const kept = (factor: number) => {
    const [topP, typicalP] = [Math.min(given.topP * factor, 1), Math.min(given.typicalP * factor, 1)]
    return warpedProbabilities(logits, { ...given, topP, typicalP }).filter((p) => p > 0).length
  }
  return kept(1 + 1e-9) === kept(1) && kept(1 - 1e-9) === kept(1)
}

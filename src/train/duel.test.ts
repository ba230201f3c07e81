import { describe, expect, it } from 'vitest'
import { DivergenceError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { DuelWatch, duelStateSchema, type LookReport, type RoundReport } from './duel.ts'

/** A healthy round, as runs of the gallery's recipes look, with some noise of its own. */
function healthy(step: number, change: Partial<RoundReport> = {}): RoundReport {
  const random = Random.seed(3).at(step)
  const noisy = (value: number) => value * (1 + 0.2 * random.gaussian())
  const realLogit = noisy(1.2)
  return {
    discriminatorLoss: noisy(0.6),
    generatorLoss: noisy(1.1),
    realLogit,
    fakeLogit: realLogit - noisy(1.5),
    discriminatorGradientNorm: noisy(0.8),
    generatorGradientNorm: noisy(0.4),
    realAhead: Math.min(1, Math.max(0, noisy(0.75))),
    ...change,
  }
}

interface History {
  readonly rounds?: number
  readonly lookEvery?: number
  readonly round?: (step: number) => Partial<RoundReport>
  readonly look?: (step: number) => LookReport
  readonly watch?: DuelWatch
}

/** All warnings of a history, as `step kind`. */
function warnings({ rounds = 3000, lookEvery = 50, round, look, watch = new DuelWatch() }: History, from = 0) {
  const told: { step: number; kind: string; text: string }[] = []
  for (let step = from + 1; step <= rounds; step++) {
    const seen = watch.round(step, healthy(step, round?.(step)))
    if (step % lookEvery === 0) seen.push(...watch.look(step, look?.(step) ?? { diversity: 0.9, memorising: 0.1 }))
    told.push(...seen.map((warning) => ({ step, ...warning })))
  }
  return told
}

/** From 0 before `begin` to 1 after `end`. */
const ramp = (step: number, begin: number, end: number) => Math.min(1, Math.max(0, (step - begin) / (end - begin)))

describe('a healthy duel', () => {
  it('gives no warning, nor does one that begins with everything one-sided and no diversity', () => {
    expect(warnings({})).toEqual([])
    const beginning = warnings({
      round: (step) => ({ realAhead: 1 - 0.25 * ramp(step, 100, 300), generatorGradientNorm: 2 - ramp(step, 0, 400) }),
      look: (step) => ({ diversity: 0.9 * ramp(step, 0, 600) }),
    })
    expect(beginning).toEqual([])
  })

  it('gives none where samples begin more diverse than pictures are, as noise is', () => {
    expect(warnings({ look: (step) => ({ diversity: 2 - 1.3 * ramp(step, 0, 400) }) })).toEqual([])
  })
})

describe('what goes wrong is recognised and said once', () => {
  it('collapse, as diversity falls', () => {
    const told = warnings({ look: (step) => ({ diversity: 0.9 - 0.8 * ramp(step, 1500, 1700) }) })
    expect(told.map(({ kind }) => kind)).toEqual(['collapse'])
    expect(told[0]!.step).toBeGreaterThan(1550)
    expect(told[0]!.step).toBeLessThan(1900)
    expect(told[0]!.text).toMatch(/has fallen from 90 % to \d+ %.*raise penalty/)
  })

  it('collapse from the beginning, as diversity never rises', () => {
    const told = warnings({ rounds: 2000, look: () => ({ diversity: 0.01 }) })
    expect(told).toEqual([expect.objectContaining({ kind: 'collapse', text: expect.stringContaining('is only 1 %') })])
  })

  it('a discriminator that wins, as the gradient vanishes', () => {
    const round = (step: number) =>
      step < 1000 ? {} : { realAhead: 0.99, generatorGradientNorm: 0.4 * 0.98 ** (step - 1000) }
    const told = warnings({ rounds: 1900, round })
    expect(told.map(({ kind }) => kind)).toEqual(['discriminator-wins'])
    expect(told[0]!.text).toMatch(/99 % of real pictures.*gradient has sunk to \d %.*augmentation=ada/)
  })

  it('a discriminator that wins by all pairs, but for games in which it is meant to', () => {
    const history = { rounds: 1500, round: (step: number) => (step < 800 ? {} : { realAhead: 1 }) }
    expect(warnings(history).map(({ kind }) => kind)).toEqual(['discriminator-wins'])
    expect(warnings({ ...history, watch: new DuelWatch({ discriminatorLeads: true }) })).toEqual([])
  })

  it('memorising, as held-out pictures come to look as fake as generated ones', () => {
    const look = (step: number) => ({ diversity: 0.9, memorising: 0.9 * ramp(step, 500, 2000) })
    const told = warnings({ rounds: 2400, look })
    expect(told.map(({ kind }) => kind)).toEqual(['memorising'])
    expect(told[0]!.text).toContain('by heart')
  })

  it('logits that run away', () => {
    const told = warnings({ rounds: 1500, round: (step) => ({ fakeLogit: step < 900 ? -1 : -5000 }) })
    expect(told.map(({ kind }) => kind)).toEqual(['divergence'])
    expect(told[0]!.text).toContain('lower learningRate')
  })

  it('again only when the run is twice as old', () => {
    const told = warnings({ rounds: 8000, round: (step) => (step < 1000 ? {} : { realAhead: 1 }) })
    expect(told.map(({ kind }) => kind)).toEqual(['discriminator-wins', 'discriminator-wins', 'discriminator-wins'])
    expect(told[1]!.step).toBe(2 * told[0]!.step)
  })
})

describe('divergence ends the run', () => {
  it.each([
    ['discriminatorLoss', { discriminatorLoss: Number.NaN }],
    ['generatorGradientNorm', { generatorGradientNorm: Number.POSITIVE_INFINITY }],
    ['fakeLogit', { fakeLogit: Number.NEGATIVE_INFINITY }],
    ['discriminatorGradientNorm', { discriminatorGradientNorm: 1e12 }],
    ['realLogit', { realLogit: 1e7 }],
  ])('%s', (name, change) => {
    const watch = new DuelWatch()
    watch.round(1, healthy(1))
    expect(() => watch.round(2, healthy(2, change))).toThrow(DivergenceError)
    expect(() => watch.round(2, healthy(2, change))).toThrow(new RegExp(`round 2 gave ${name}.*last checkpoint stands`))
  })
})

it('goes on from its state as if it had never stopped, also through JSON', () => {
  const history = {
    round: (step: number) => (step < 900 ? {} : { realAhead: 1 }),
    look: (step: number) => ({ diversity: 0.9 - 0.8 * ramp(step, 1000, 1600) }),
  }
  const whole = warnings(history)
  const first = new DuelWatch()
  const before = warnings({ ...history, rounds: 1125, watch: first })
  const state = duelStateSchema.parse(JSON.parse(JSON.stringify(first.state)))
  const after = warnings({ ...history, watch: new DuelWatch({ state }) }, 1125)
  expect([...before, ...after]).toEqual(whole)
  expect(whole.length).toBeGreaterThan(1)
})

import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { Pace, plansToGoOnWith } from './pace.ts'

describe('Pace', () => {
  it('goes evenly through a number of steps', () => {
    const pace = new Pace({ steps: 8 })
    expect([0, 2, 8, 9].map((step) => pace.progress(step))).toEqual([0, 0.25, 1, 1])
    expect([7, 8].map((step) => pace.done(step))).toEqual([false, true])
    pace.measure(7, 1e9)
    expect(pace.plans).toEqual([{ step: 0, total: 8 }])
  })

  it('follows plans: each shares out what the ones before left', () => {
    const pace = new Pace({
      plans: [
        { step: 10, total: 110 },
        { step: 60, total: 80 },
      ],
    })
    expect([0, 10, 35, 60, 70, 80].map((step) => pace.progress(step))).toEqual([0, 0, 0.25, 0.5, 0.75, 1])
    expect(pace.total).toBe(80)
  })

  /** Steps of `msAt(step)` each until the pace says stop. */
  function run(pace: Pace, msAt: (step: number) => number, from = { step: 0, elapsedMs: 0 }) {
    let { step, elapsedMs } = from
    for (let first = true; !pace.done(step); first = false) {
      elapsedMs += msAt(step++)
      if (first) pace.mark(step, elapsedMs)
      else pace.measure(step, elapsedMs)
    }
    return { step, elapsedMs }
  }

  it.each([
    ['an even speed', () => 100, 600],
    ['a slow first step', (step: number) => (step === 0 ? 10_000 : 100), 501],
    ['a speed that halves', (step: number) => (step < 300 ? 100 : 200), 450],
    ['a speed that doubles', (step: number) => (step < 300 ? 100 : 50), 900],
  ])('fits steps into a minute at %s, and only ever moves forward', (_, msAt, expected) => {
    const pace = new Pace({ minutes: 1 })
    const { step, elapsedMs } = run(pace, msAt)
    expect(Math.abs(step / expected - 1)).toBeLessThan(0.03)
    expect(Math.abs(elapsedMs / 60_000 - 1)).toBeLessThan(0.03)
    const shares = Array.from({ length: step + 1 }, (_, i) => pace.progress(i))
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    expect(shares.at(-1)).toBe(1)
    expect(new Pace({ plans: pace.plans }).progress(step / 2)).toBe(pace.progress(step / 2))
  })

  it('stops after the second step where one alone outlasts the budget', () => {
    const pace = new Pace({ minutes: 1 })
    expect(run(pace, () => 90_000).step).toBe(2)
  })

  it('goes on from the plans of a checkpoint', () => {
    const unbroken = new Pace({ minutes: 1 })
    const half = { step: 300, elapsedMs: 30_000 }
    const first = new Pace({ minutes: 1 })
    for (let step = 2; step <= 300; step++) first.measure(step, 100 * step)
    const second = new Pace({ minutes: 1 }, first.plans)
    expect(second.progress(300)).toBeCloseTo(0.5, 1)
    expect(run(second, () => 100, half).step).toBeCloseTo(run(unbroken, () => 100).step, -1)
  })

  it('plans anew for a finished run that is given more minutes', () => {
    const from = { step: 600, elapsedMs: 60_000, plans: [{ step: 6, total: 600 }] }
    expect(plansToGoOnWith({ minutes: 2 }, from)).toEqual([{ step: 0, total: 1200 }])
    expect(plansToGoOnWith({ minutes: 1 }, from)).toEqual(from.plans)
    expect(plansToGoOnWith({ minutes: 2 }, { ...from, step: 300 })).toEqual(from.plans)
  })

  it.each([
    { steps: 0 },
    { steps: 2.5 },
    { steps: Number.NaN },
    { minutes: -1 },
    { minutes: Number.NaN },
    { plans: [] },
  ])('refuses %j', (budget) => {
    expect(() => new Pace(budget)).toThrow(ConfigError)
  })
})

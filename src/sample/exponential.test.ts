import { describe, expect, it } from 'vitest'
import { expNegative } from './exponential.ts'

describe('expNegative', () => {
  it('is e^x to a relative 1e-11 from 0 down to −700', () => {
    for (let x = 0; x >= -700; x -= 0.00731) expect(Math.abs(expNegative(x) / Math.exp(x) - 1)).toBeLessThan(1e-11)
    expect(expNegative(-700)).toBeGreaterThan(0)
  })

  it('is exact at 0, and says 0 and NaN where it should', () => {
    expect(expNegative(0)).toBe(1)
    expect(expNegative(-0)).toBe(1)
    expect(expNegative(-1e-300)).toBe(1)
    expect(expNegative(-701)).toBe(0)
    expect(expNegative(-Infinity)).toBe(0)
    expect(expNegative(Number.NaN)).toBeNaN()
  })
})

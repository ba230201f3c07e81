import { expect } from 'vitest'
import type { TypedArray } from '../dtype.ts'

/**
 * Expects |got − wanted| ≤ relative · |wanted| + absolute of every element, and names the worst that fails.
 * NaN fits nothing; infinities fit themselves.
 */
export function expectClose(
  got: TypedArray | readonly number[],
  wanted: TypedArray | readonly number[],
  { relative = 1e-5, absolute = 1e-6, what = 'values' } = {},
): void {
  expect(got.length, `${what}: length`).toBe(wanted.length)
  let worst = { excess: 0, at: -1 }
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(got[i]), Number(wanted[i])]
    const excess = Object.is(a, b) ? 0 : Math.abs(a - b) - (relative * Math.abs(b) + absolute)
    if (!(excess <= worst.excess)) worst = { excess, at: i }
  }
  const { at } = worst
  expect.soft(at, `${what}: element ${at} is ${got[at]}, wanted ${wanted[at]}`).toBe(-1)
}

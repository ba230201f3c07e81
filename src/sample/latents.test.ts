import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { drawLatent, latentLoop, slerp } from './latents.ts'

const norm = (x: Float32Array) => Math.hypot(...x)

describe('a latent', () => {
  test('is the stream of its seed and index', () => {
    const wanted = new Float32Array(5)
    Random.seed(3).split('latents').at(2).fillGaussian(wanted)
    expect(drawLatent(3, 2, 5)).toEqual(wanted)
  })

  test('of truncation keeps what lies within, and draws the rest anew', () => {
    const [free, within] = [drawLatent(1, 0, 4000), drawLatent(1, 0, 4000, 0.7)]
    expect(Math.max(...within.map(Math.abs))).toBeLessThanOrEqual(0.7)
    const kept = free.filter((value, i) => value === within[i]).length / 4000
    // P(|z| ≤ 0.7) = 0.516
    expect(Math.abs(kept - 0.516)).toBeLessThan(0.03)
    // Of a normal truncated at ±0.7 the deviation is 0.389: what was drawn anew is as spread as what was kept.
    const anew = within.filter((value, i) => value !== free[i])
    expect(Math.abs(norm(anew) / Math.sqrt(anew.length) - 0.389)).toBeLessThan(0.02)
  })

  test.for([0, -1, 0.01, 11, Number.NaN])('refuses truncation %s', (truncation) => {
    expect(() => drawLatent(1, 0, 4, truncation)).toThrow(ConfigError)
    expect(() => drawLatent(1, 0, 4, truncation)).toThrow(`truncation: got ${truncation}, wanted 0.05 to 10`)
  })
})

describe('an arc', () => {
  const [a, b] = [Float32Array.of(3, 0, 0), Float32Array.of(0, 3, 0)]

  test('begins and ends exactly at its ends', () => {
    const [x, y] = [drawLatent(1, 0, 64), drawLatent(2, 0, 64)]
    expect(slerp(x, y, 0)).toEqual(x)
    expect(slerp(x, y, 1)).toEqual(y)
  })

  test('stays as far from 0, at half the angle half-way', () => {
    expect([...slerp(a, b, 0.5)].map((value) => value.toFixed(4))).toEqual(['2.1213', '2.1213', '0.0000'])
    for (const t of [0.1, 0.3, 0.77]) expect(norm(slerp(a, b, t))).toBeCloseTo(3, 5)
    expect(Math.atan2(slerp(a, b, 0.2)[1]!, slerp(a, b, 0.2)[0]!)).toBeCloseTo(0.2 * (Math.PI / 2), 6)
  })

  test('is a straight line where there is no angle, or no one way round', () => {
    expect([...slerp(a, a, 0.4)]).toEqual([3, 0, 0])
    expect(
      slerp(
        a,
        a.map((value) => -value),
        0.25,
      )[0],
    ).toBeCloseTo(1.5)
    expect([...slerp(Float32Array.of(0, 0), Float32Array.of(0, 2), 0.5)]).toEqual([0, 1])
  })
})

describe('a loop', () => {
  const stops = [1, 2, 3].map((seed) => drawLatent(seed, 0, 16))

  test('passes every stop and returns: its last frame is one step before its first', () => {
    const frames = latentLoop(stops, 12)
    expect(frames).toHaveLength(12)
    expect([frames[0], frames[4], frames[8]]).toEqual(stops)
    expect(frames[11]).toEqual(slerp(stops[2]!, stops[0]!, 0.75))
  })

  test('refuses one stop, and fewer frames than stops', () => {
    expect(() => latentLoop(stops.slice(0, 1), 5)).toThrow('got 1 stop(s), wanted two or more')
    expect(() => latentLoop(stops, 2)).toThrow('got 2 frames, wanted a whole number from 3')
  })
})

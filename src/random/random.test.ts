import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from './random.ts'

/** Pearson's statistic of counts against equal expectations. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** A bound that a chi-square variable passes less than once in a million (Laurent and Massart 2000, lemma 1). */
function rareChiSquare(freedom: number): number {
  const x = Math.log(1e6)
  return freedom + 2 * Math.sqrt(freedom * x) + 2 * x
}

describe('Random', () => {
  it('draws uniform numbers from the known answer of the cipher', () => {
    const first = Random.seed(0).uniform()
    expect(first).toBe(((0x6b200159 >>> 5) * 2 ** 26 + (0x99ba4efe >>> 6)) / 2 ** 53)
    expect(Random.seed(0).uint32()).toBe(0x6b200159)
    expect(Random.seed(0).uniform24()).toBe(0x6b2001 / 2 ** 24)
  })

  it('continues from its state as if never stopped', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.nat(40), (seed, skipped) => {
        const stream = Random.seed(seed).split('test').at(seed)
        for (let i = 0; i < skipped; i++) stream.uniform()
        const resumed = new Random(JSON.parse(JSON.stringify(stream.state)))
        const jumped = Random.seed(seed).split('test').at(seed)
        jumped.counter = skipped
        const next = stream.gaussian()
        expect(resumed.gaussian()).toBe(next)
        expect(jumped.gaussian()).toBe(next)
      }),
    )
  })

  it('gives every seed, name and index a stream of its own', () => {
    const roots = [Random.seed(1), Random.seed(2), Random.seed(2 ** 32 + 1)]
    const names = ['', 'a', 'b', 'ab', 'a\0', 'longer than eight bytes', 'longer than eight bytez']
    const streams = roots.flatMap((root) => [
      root,
      ...names.map((name) => root.split(name)),
      ...[0, 1, 2 ** 32, 2 ** 32 + 1].map((index) => root.at(index)),
      root.split('a').split('b'),
      root.split('a').at(0),
    ])
    expect(new Set(streams.map((stream) => stream.uniform())).size).toBe(streams.length)
  })

  it('does not move when split', () => {
    const stream = Random.seed(3)
    stream.split('child').uniform()
    stream.at(4).uniform()
    expect(stream.counter).toBe(0)
  })

  it('spreads uniform numbers evenly', () => {
    const counts = new Array<number>(64).fill(0)
    const stream = Random.seed(5)
    for (let i = 0; i < 100_000; i++) counts[Math.floor(stream.uniform() * 64)]! += 1
    for (let i = 0; i < 100_000; i++) counts[Math.floor(stream.uniform24() * 64)]! += 1
    expect(chiSquare(counts)).toBeLessThan(rareChiSquare(63))
  })

  it('draws integers without bias, even where the bound is close to a power of two', () => {
    const stream = Random.seed(6)
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 70_000; i++) counts[stream.integer(7)]! += 1
    expect(chiSquare(counts)).toBeLessThan(rareChiSquare(6))
    // With a modulo instead of rejection, the lower half of 3·2^51 would come twice as often.
    const halves = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) halves[Math.floor(stream.integer(3 * 2 ** 51) / 2 ** 51)]! += 1
    expect(chiSquare(halves)).toBeLessThan(rareChiSquare(2))
    expect(stream.integer(1)).toBe(0)
  })

  it('draws gaussians with the right moments, singly and in bulk', () => {
    const stream = Random.seed(7)
    const filled = new Float64Array(100_001)
    stream.fillGaussian(filled, 3)
    const single = Float64Array.from({ length: 100_000 }, () => stream.gaussian())
    for (const [values, deviation] of [
      [filled, 3],
      [single, 1],
    ] as const) {
      const moment = (power: number) =>
        values.reduce((sum, value) => sum + (value / deviation) ** power, 0) / values.length
      // Five standard errors: √(1/n), √(2/n), √(15/n), √(96/n) with n = 100,000.
      expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / 1e5))
      expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / 1e5))
      expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / 1e5))
      expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / 1e5))
    }
  })

  it('makes all orders of four items equally likely', () => {
    const counts = new Map<string, number>()
    const stream = Random.seed(8)
    for (let i = 0; i < 24_000; i++) {
      const order = stream.permutation(4).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    expect(chiSquare([...counts.values()])).toBeLessThan(rareChiSquare(23))
  })

  it('refuses what is not a seed or a bound', () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => Random.seed(seed)).toThrow(/^seed: got/)
    for (const bound of [0, -3, 1.5, Number.NaN]) expect(() => Random.seed(0).integer(bound)).toThrow(/bound/)
  })
})

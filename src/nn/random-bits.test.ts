import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { float32 } from '../graph/dtype.ts'
import { gradients } from '../graph/gradient.ts'
import { sum } from '../graph/operations/reduce.ts'
import { concat, reshape } from '../graph/operations/shape.ts'
import { constant, input } from '../graph/tensor.ts'
import { evaluate } from '../graph/testing/program.ts'
import { Random } from '../random/random.ts'
import { threefry2x32 } from '../random/threefry.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { dropout, RandomKey, uniform } from './random-bits.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const key = () => RandomKey.from(input('key', 'uint32', [2]))
const words = (random: Random) => Uint32Array.from(random.key)
const ones = (...shape: number[]) =>
  constant(float32(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape))

/** The words of counters 0 to pairs − 1 by the host's generator: all first words, then all second words. */
function hostBits([low, high]: readonly [number, number], pairs: number): Uint32Array {
  const out = new Uint32Array(2)
  const bits = new Uint32Array(2 * pairs)
  for (let i = 0; i < pairs; i++) {
    threefry2x32(low, high, i, 0, out)
    bits[i] = out[0]!
    bits[pairs + i] = out[1]!
  }
  return bits
}

describe('RandomKey', () => {
  it.each([[[0, 0]], [[0xffffffff, 0xffffffff]], [[0x13198a2e, 0x03707344]], [[0x80000000, 1]]])(
    "draws the host's bits under key %j, bit for bit",
    async (seed) => {
      const got = await evaluate(engine, { y: key().bits(1000) }, { key: Uint32Array.from(seed) })
      expect(got.y).toEqual(hostBits(seed as [number, number], 1000))
    },
  )

  it.each(['', 'a', 'dropout', '12345678', 'model.layers.0.mlp', 'Überraschung · 驚き'])(
    'splits by the name “%s” as the host does',
    async (name) => {
      const child = key().split(name)
      const y = concat(
        child.words.map((word) => reshape(word, [1])),
        0,
      )
      const host = Random.seed(2 ** 40 + 7)
      const got = await evaluate(engine, { y }, { key: words(host) })
      expect(got.y).toEqual(words(host.split(name)))
    },
  )

  it('gives every name and every key other bits', async () => {
    const parent = key()
    const outputs = { a: parent.split('a').bits(50), b: parent.split('b').bits(50) }
    const first = await evaluate(engine, outputs, { key: words(Random.seed(1)) })
    const second = await evaluate(engine, outputs, { key: words(Random.seed(2)) })
    expect(new Set([...first.a!, ...first.b!, ...second.a!, ...second.b!]).size).toBe(400)
  })
})

describe('dropout', () => {
  const shape = [40, 500] as const
  const run = async (rate: number, random: Random, name = 'x') => {
    const got = await evaluate(engine, { y: dropout(ones(...shape), rate, key().split(name)) }, { key: words(random) })
    return got.y as Float32Array
  }

  it.each([0.1, 0.5, 0.9])('of rate %d zeroes its share and divides the rest by what is kept', async (rate) => {
    const y = await run(rate, Random.seed(3))
    const dropped = y.filter((value) => value === 0).length
    const share = Math.round((1 - rate) * 256) / 256
    // Six deviations of a binomial: a false alarm in 10⁹ seeds, and the seed is fixed.
    const deviation = Math.sqrt(y.length * share * (1 - share))
    expect(Math.abs(dropped - y.length * (1 - share))).toBeLessThan(6 * deviation)
    const kept = Math.fround(1 / share)
    expect(y.every((value) => value === 0 || Math.abs(value - kept) < 1e-6)).toBe(true)
  })

  it('decides neighbours apart: pairs at every short distance agree as often as chance has it', async () => {
    const y = await run(0.5, Random.seed(4))
    for (const distance of [1, 2, 3, 4, 500, y.length / 4, y.length / 2]) {
      const pairs = y.length - distance
      const agree = y.subarray(distance).filter((value, i) => (value === 0) === (y[i] === 0)).length
      expect(Math.abs(agree - pairs / 2), `distance ${distance}`).toBeLessThan(3 * Math.sqrt(pairs))
    }
  })

  it('draws the same mask for the same seed, step and name, another for any other', async () => {
    const first = await run(0.5, Random.seed(5).at(7))
    expect(await run(0.5, Random.seed(5).at(7))).toEqual(first)
    for (const other of [
      run(0.5, Random.seed(6).at(7)),
      run(0.5, Random.seed(5).at(8)),
      run(0.5, Random.seed(5).at(7), 'y'),
    ])
      expect(await other).not.toEqual(first)
  })

  it('passes the gradient where it passed the value', async () => {
    const x = input('x', 'float32', [9])
    const y = dropout(x, 0.4, key())
    const [gradient] = gradients(sum(y), [x])
    const got = await evaluate(
      engine,
      { y, gradient: gradient! },
      { x: new Float32Array(9).fill(1), key: words(Random.seed(1)) },
    )
    expect(got.gradient).toEqual(got.y)
  })

  it('of rate 0 is no operation and needs no key', () => {
    const x = ones(3)
    expect(dropout(x, 0, undefined)).toBe(x)
  })

  it('refuses a missing key and a rate out of range', () => {
    expect(() => dropout(ones(3), 0.1, undefined)).toThrow(
      new ConfigError('dropout: needs a random key; pass the step’s key, or rate 0 for inference'),
    )
    for (const rate of [1, -0.1, Number.NaN])
      expect(() => dropout(ones(3), rate, key())).toThrow(
        new ConfigError(`dropout: got rate ${rate}, wanted 0 up to but not 1`),
      )
  })
})

describe('uniform', () => {
  it("is the host's 24 high bits over 2²⁴", async () => {
    const random = Random.seed(8)
    const got = await evaluate(engine, { y: uniform([3, 5], key()) }, { key: words(random) })
    const bits = hostBits(random.key, 8).subarray(0, 15)
    expect(got.y).toEqual(Float32Array.from(bits, (word) => (word >>> 8) / 2 ** 24))
  })

  it('fills [0, 1) evenly', async () => {
    const got = await evaluate(engine, { y: uniform([20000], key()) }, { key: words(Random.seed(9)) })
    const counts = new Array<number>(16).fill(0)
    for (const value of got.y as Float32Array) counts[Math.floor(value * 16)]!++
    const chi = counts.reduce((total, count) => total + (count - 1250) ** 2 / 1250, 0)
    // The 10⁻⁶ quantile of chi-square with 15 degrees of freedom is 57.
    expect(chi).toBeLessThan(57)
  })
})

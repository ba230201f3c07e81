import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ShapeError } from '../errors.ts'
import { gradients } from '../graph/gradient.ts'
import { add, mul } from '../graph/operations/elementwise.ts'
import { sum } from '../graph/operations/reduce.ts'
import { input } from '../graph/tensor.ts'
import { expectSlopes, slopes } from '../graph/testing/differences.ts'
import { readFixture } from '../graph/testing/fixture.ts'
import { evaluate, type Values } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { CrossAttention } from './cross-attention.ts'
import { initialize, Scope } from './parameters.ts'
import { TextEncoder, type TextEncoderOptions } from './text-encoder.ts'

type Flat = Readonly<Record<string, readonly number[]>>
interface Reference {
  readonly options: TextEncoderOptions
  readonly weights: Flat
  readonly ids: readonly number[]
  readonly words: readonly number[]
  readonly pooled: readonly number[]
  readonly cross: Flat
  readonly features: readonly number[]
  readonly attended: readonly number[]
}

const reference = readFixture<Reference>('nn/text.json')
const floats = (values: Flat): Values =>
  Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Float32Array.from(data)]))
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

/** The encoder of the fixture, and what feeds it. */
function encoder() {
  const scope = new Scope()
  const encoded = new TextEncoder(scope, reference.options).forward(input('ids', 'int32', [3, 5]))
  return { scope, encoded, feeds: { ...floats(reference.weights), ids: Int32Array.from(reference.ids) } }
}

/** Attention of the fixture's features [3, 3, 2, 3] to its words. */
function attending() {
  const scope = new Scope('cross')
  const layer = new CrossAttention(scope, { channels: 3, wordWidth: 8, width: 4, nHeads: 2 })
  const features = input('features', 'float32', [3, 3, 2, 3])
  const weights = Object.entries(floats(reference.cross)).map(([name, data]) => [`cross.${name}`, data] as const)
  return { layer, features, feeds: { features: Float32Array.from(reference.features), ...Object.fromEntries(weights) } }
}

/** Weights of a scope, moved from where they begin; vectors of words so large that differences move them little. */
function weightsOf(scope: Scope, seed: number): Values {
  const random = Random.seed(seed)
  return Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => {
      const data = initialize(parameter, random).data as Float32Array
      const deviation = /words|positions/.test(parameter.name) ? 5 : 0.3
      return [parameter.name, data.map((value) => value + deviation * random.gaussian())]
    }),
  )
}

const times = (values: readonly number[], factor: number) => Float32Array.from(values, (value) => value * factor)

describe('TextEncoder', () => {
  it("gives PyTorch's words and their mean, with padding hidden and where there are no words at all", async () => {
    const { scope, encoded, feeds } = encoder()
    expect([...scope.parameters.keys()].sort()).toEqual(Object.keys(reference.weights).sort())
    const got = await evaluate(engine, { words: encoded.words, pooled: encoded.pooled, mask: encoded.mask }, feeds)
    expectClose(got.words!, reference.words, { relative: 2e-5, absolute: 5e-6 })
    expectClose(got.pooled!, reference.pooled, { relative: 2e-5, absolute: 5e-6 })
    expect([...got.mask!].map(Number)).toEqual([0, 0, 0, 0, 0, 0, 0, -1e4, -1e4, -1e4, 0, -1e4, -1e4, -1e4, -1e4])
  })

  it('does not let the vectors of hidden positions reach the words that may be seen', async () => {
    const { encoded, feeds } = encoder()
    const positions = Float32Array.from(reference.weights.positions!)
    const moved = positions.map((value, i) => (i >= 2 * 8 ? value + 5 : value))
    const words = async (values: Float32Array) => {
      const got = await evaluate(engine, { y: encoded.words }, { ...feeds, positions: values })
      return (got.y as Float32Array).slice(5 * 8, 7 * 8)
    }
    expect(await words(moved)).toEqual(await words(positions))
  })

  it('has the first and second derivatives that differences give', async () => {
    const scope = new Scope('text')
    const options = { vocabSize: 4, maxTokens: 3, width: 4, nLayers: 1, nHeads: 2 }
    const { words, pooled } = new TextEncoder(scope, options).forward(input('ids', 'int32', [2, 3]))
    const wrt = [...scope.parameters.values()].filter(({ name }) => !/norm/.test(name)).map(({ tensor }) => tensor)
    const feeds = { ...weightsOf(scope, 3), ids: Int32Array.of(2, 4, 1, 3, 0, 0) }
    expectSlopes(await slopes(engine, [words, pooled], wrt, feeds), 1e-2)
  })

  it('refuses ids of another length and heads that do not divide the width', () => {
    const make = (width: number) => new TextEncoder(new Scope(), { ...reference.options, width })
    expect(() => make(8).forward(input('ids', 'int32', [3, 4]))).toThrow(
      new ShapeError('text encoder: ids are [3, 4], wanted [B, 5]'),
    )
    expect(() => make(7)).toThrow(/^text encoder: width 7 is not a multiple of 2 heads; change one$/)
  })
})

describe('CrossAttention', () => {
  it("gives PyTorch's scaled dot-product attention to the words that may be seen", async () => {
    const { encoded, feeds } = encoder()
    const cross = attending()
    const y = cross.layer.forward(cross.features, encoded)
    const got = await evaluate(engine, { y }, { ...feeds, ...cross.feeds })
    expectClose(got.y!, reference.attended, { relative: 5e-5, absolute: 2e-5 })
  })

  it('begins with nothing to add', async () => {
    const scope = new Scope('cross')
    const layer = new CrossAttention(scope, { channels: 3, wordWidth: 8, width: 4, nHeads: 2 })
    const { encoded, feeds } = encoder()
    const first = [...scope.parameters.values()].map((p) => [p.name, initialize(p, Random.seed(1)).data] as const)
    const y = layer.forward(input('features', 'float32', [3, 3, 2, 3]), encoded)
    const features = Float32Array.from(reference.features)
    const got = await evaluate(engine, { y }, { ...feeds, ...Object.fromEntries(first), features })
    expect(got.y!.every((value) => Number(value) === 0)).toBe(true)
  })

  it('has the first and second derivatives that differences give, of features, words and weights', async () => {
    const cross = attending()
    const [words, mask] = [input('words', 'float32', [3, 5, 8]), input('mask', 'float32', [3, 1, 1, 5])]
    const { q, k, v, o } = cross.layer
    const wrt = [cross.features, words, ...[q, k, v, o].map(({ weight }) => weight)]
    const y = cross.layer.forward(cross.features, { words, mask })
    const hidden = Float32Array.from({ length: 15 }, (_, i) => (i > 6 && i !== 10 ? -1e4 : 0))
    // Large: norms forget the scale, and differences then move directions little.
    const large = Object.fromEntries(
      ['q', 'k'].map((x) => [`cross.${x}_proj.weight`, times(reference.cross[`${x}_proj.weight`]!, 10)]),
    )
    const fed = { features: times(reference.features, 10), words: times(reference.words, 10), mask: hidden }
    const feeds = { ...cross.feeds, ...large, ...fed }
    expectSlopes(await slopes(engine, [y], wrt, feeds), 1e-2)
  })

  it('passes a penalty on the gradient of the picture to every weight, finite where features are zeros', async () => {
    const { scope, encoded, feeds } = encoder()
    const cross = attending()
    const y = cross.layer.forward(cross.features, encoded)
    const [slope] = gradients(sum(mul(y, y)), [cross.features])
    const wrt = [...scope.parameters.values()].map(({ tensor }) => tensor)
    const penalty = add(sum(mul(slope!, slope!)), sum(y))
    const all = Object.fromEntries(gradients(penalty, wrt).map((g, i) => [`g${i}`, g]))
    const at = (features: Float32Array) => evaluate(engine, all, { ...feeds, ...cross.feeds, features })
    const got = await at(Float32Array.from(reference.features))
    for (const [name, values] of Object.entries(got))
      expect(
        values.some((x) => Number(x) !== 0),
        name,
      ).toBe(true)
    for (const values of Object.values(await at(new Float32Array(54))))
      expect(values.every((x) => Number.isFinite(Number(x)))).toBe(true)
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, ShapeError } from '../errors.ts'
import { input } from '../graph/tensor.ts'
import { expectSlopes, slopes } from '../graph/testing/differences.ts'
import { evaluate, type Values } from '../graph/testing/program.ts'
import { initialize, type Scope } from '../nn/parameters.ts'
import { RandomKey } from '../nn/random-bits.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { SequenceConfig } from './sequence-architecture.ts'
import { T5 } from './t5.ts'

const settings: SequenceConfig = {
  vocabSize: 5,
  contextLength: 16,
  dModel: 4,
  nEncoderLayers: 1,
  nLayers: 1,
  nHeads: 2,
  dHead: 3,
  dFf: 6,
  gated: true,
  dropout: 0,
  tieEmbeddings: true,
  normEpsilon: 1e-5,
  buckets: 4,
  maxDistance: 3,
  padTokenId: 0,
  eosTokenId: 1,
  startTokenId: 0,
}
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const source = { ids: input('source', 'int32', [2, 3]), mask: input('mask', 'int32', [2, 3]) }
const target = input('target', 'int32', [2, 4])
const fed = {
  source: Int32Array.of(1, 4, 2, 3, 2, 0),
  mask: Int32Array.of(1, 1, 1, 1, 1, 0),
  target: Int32Array.of(0, 3, 2, 2, 0, 4, 4, 1),
}

/** Weights moved from where they begin; vectors of words so large that differences move them little. */
function weightsOf(scope: Scope): Values {
  const random = Random.seed(3)
  return Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => {
      const data = initialize(parameter, random).data as Float32Array
      const deviation = parameter.name === 'shared.weight' ? 5 : 0.3
      return [parameter.name, data.map((value) => value * 0.3 + deviation * random.gaussian())]
    }),
  )
}

const model = new T5(settings)
const feeds = { ...weightsOf(model.scope), ...fed }

describe('T5', () => {
  it('has the derivatives that differences give, of every weight of encoder and decoder', async () => {
    const wrt = [...model.scope.parameters.values()].map(({ tensor }) => tensor)
    const found = await slopes(engine, [model.logits(source, target)], wrt, feeds)
    expectSlopes(
      found.filter(({ order }) => order === 1),
      1e-2,
    )
  })

  it('lets no position see a later one, and none the padding of the source', async () => {
    const y = model.logits(source, target)
    const before = (await evaluate(engine, { y }, feeds)).y!
    const later = (await evaluate(engine, { y }, { ...feeds, target: fed.target.with(2, 1) })).y!
    expect(later.slice(0, 2 * 5)).toEqual(before.slice(0, 2 * 5))
    expect(later.slice(2 * 5, 3 * 5)).not.toEqual(before.slice(2 * 5, 3 * 5))
    const padding = (await evaluate(engine, { y }, { ...feeds, source: fed.source.with(5, 4) })).y!
    expect(padding).toEqual(before)
    const seen = (await evaluate(engine, { y }, { ...feeds, source: fed.source.with(4, 4) })).y!
    expect(seen.slice(4 * 5)).not.toEqual(before.slice(4 * 5))
  })

  it('drops activations by the key alone, and none without a key', async () => {
    const dropping = new T5({ ...settings, dropout: 0.5 })
    const key = RandomKey.from(input('key', 'uint32', [2]))
    const graph = { plain: dropping.logits(source, target), dropped: dropping.logits(source, target, key) }
    const run = (word: number) => evaluate(engine, graph, { ...feeds, key: Uint32Array.of(word, 7) })
    const [one, again, other] = [await run(1), await run(1), await run(2)]
    expect(again.dropped).toEqual(one.dropped)
    expect(other.dropped).not.toEqual(one.dropped)
    expect(one.dropped).not.toEqual(one.plain)
  })

  it('stays finite where weights are zero and where they are large', async () => {
    const y = new T5({ ...settings, gated: false }).logits(source, target)
    const weights = weightsOf(new T5({ ...settings, gated: false }).scope)
    for (const factor of [0, 1e3]) {
      const scaled = Object.entries(weights).map(([name, x]) => [name, (x as Float32Array).map((v) => v * factor)])
      const got = (await evaluate(engine, { y }, { ...Object.fromEntries(scaled), ...fed })).y!
      expect(got.every((value) => Number.isFinite(Number(value)))).toBe(true)
    }
  })

  it('begins unsure, and with logits as far from its table tied as untied', async () => {
    const wide = { ...settings, vocabSize: 40, dModel: 64, nHeads: 4, dHead: 16, dFf: 64 }
    for (const tieEmbeddings of [true, false]) {
      const model = new T5({ ...wide, tieEmbeddings })
      const weights = [...model.scope.parameters.values()].map((one) => [
        one.name,
        initialize(one, Random.seed(5)).data,
      ])
      const y = model.logits(source, target)
      const logits = (await evaluate(engine, { y }, { ...Object.fromEntries(weights), ...fed })).y as Float32Array
      const deviation = Math.sqrt(logits.reduce((sum, value) => sum + value * value, 0) / logits.length)
      // 0.02 √64 = 0.16 where states and vectors of words know nothing of one another.
      expect(deviation, `tied: ${tieEmbeddings}`).toBeGreaterThan(0.1)
      expect(deviation, `tied: ${tieEmbeddings}`).toBeLessThan(0.25)
    }
  })

  it('describes itself without whole numbers where transformers insists on fractions, which JSON cannot tell apart', () => {
    const fractions = ['layer_norm_epsilon', 'initializer_factor'] // typed `float` there; others are `float | int`
    const { config } = new T5(settings)
    expect(fractions.filter((key) => Number.isInteger(config[key]))).toEqual([])
  })

  it('refuses buckets that do not halve, and a source of unknown length without positions', () => {
    expect(() => new T5({ ...settings, buckets: 5 })).toThrow(ConfigError)
    expect(() => new T5({ ...settings, maxDistance: 2 })).toThrow(
      't5: 4 buckets up to distance 2, wanted an even number from 4 and more than half of it as distance',
    )
    expect(() => new T5({ ...settings, nEncoderLayers: 0 })).toThrow('nLayers is 0')
    const ids = input('ids', 'int32', [1, 'length'])
    expect(() => model.encode({ ids, mask: ids })).toThrow(ShapeError)
  })
})

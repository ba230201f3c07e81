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
import { Bert } from './bert.ts'
import { bertForms } from './bert-forms.ts'
import type { MaskedConfig } from './masked-architecture.ts'

const settings: MaskedConfig = {
  vocabSize: 5,
  contextLength: 4,
  dModel: 4,
  nLayers: 1,
  nHeads: 2,
  dFf: 6,
  dropout: 0,
  tieEmbeddings: true,
  normEpsilon: 1e-5,
  tokenTypes: 2,
  padTokenId: 0,
}
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const texts = (T: number) => ({ ids: input('ids', 'int32', [2, T]), mask: input('mask', 'int32', [2, T]) })
const fed = { ids: Int32Array.of(1, 4, 2, 3, 2, 0), mask: Int32Array.of(1, 1, 1, 1, 1, 0) }

/** Weights moved from where they begin; vectors of words and places so large that differences move them little. */
function weightsOf(scope: Scope): Values {
  const random = Random.seed(3)
  return Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => {
      const data = initialize(parameter, random).data as Float32Array
      const deviation = /embeddings\.weight/.test(parameter.name) ? 5 : 0.3
      return [parameter.name, data.map((value) => value + deviation * random.gaussian())]
    }),
  )
}

describe.each(['bert', 'roberta'] as const)('%s', (name) => {
  const form = bertForms[name]

  it('has the derivatives that differences give', async () => {
    const model = new Bert({ ...settings, tieEmbeddings: name === 'bert' }, form)
    const { scope } = model
    const wrt = [...scope.parameters.values()].map(({ tensor }) => tensor)
    const found = await slopes(engine, [model.logits(texts(3))], wrt, { ...weightsOf(scope), ...fed })
    expectSlopes(
      found.filter(({ order }) => order === 1),
      1e-2,
    )
  })

  it('does not let what is hidden reach what may be seen', async () => {
    const model = new Bert(settings, form)
    const feeds = { ...weightsOf(model.scope), ...fed }
    const y = model.logits(texts(3))
    const before = (await evaluate(engine, { y }, feeds)).y!
    const ids = fed.ids.with(5, 4)
    const after = (await evaluate(engine, { y }, { ...feeds, ids })).y!
    expect(after.slice(0, 5 * 5)).toEqual(before.slice(0, 5 * 5))
    expect(after.slice(5 * 5)).not.toEqual(before.slice(5 * 5))
  })
})

describe('BERT', () => {
  it('drops activations by the key alone, and none without a key', async () => {
    const model = new Bert({ ...settings, dropout: 0.5 })
    const key = RandomKey.from(input('key', 'uint32', [2]))
    const given = texts(3)
    const graph = { plain: model.logits(given), dropped: model.logits(given, key) }
    const weights = weightsOf(model.scope)
    const run = (word: number) => evaluate(engine, graph, { ...weights, ...fed, key: Uint32Array.of(word, 7) })
    const [one, again, other] = [await run(1), await run(1), await run(2)]
    expect(again.dropped).toEqual(one.dropped)
    expect(other.dropped).not.toEqual(one.dropped)
    expect(one.dropped).not.toEqual(one.plain)
    const { y } = await evaluate(engine, { y: new Bert(settings).logits(texts(3)) }, { ...weights, ...fed })
    expect(y).toEqual(one.plain)
  })

  it('stays finite where weights are zero, where they are large, and where nothing may be seen', async () => {
    const model = new Bert(settings)
    const y = model.logits(texts(3))
    const weights = Object.entries(weightsOf(model.scope))
    for (const [factor, mask] of [
      [0, fed.mask],
      [1e4, fed.mask],
      [1, new Int32Array(6)],
    ] as const) {
      const scaled = weights.map(([name, data]) => [name, (data as Float32Array).map((x) => x * factor)] as const)
      const got = (await evaluate(engine, { y }, { ...Object.fromEntries(scaled), ...fed, mask })).y!
      expect(got.every((value) => Number.isFinite(Number(value)))).toBe(true)
    }
  })

  it('refuses texts that are longer than it sees or of unknown length, and heads that do not divide the width', () => {
    const model = new Bert(settings)
    expect(() => model.logits(texts(5))).toThrow(
      new ShapeError('bert: ids are [2, 5], wanted [B, T] with T known and up to 4; cut the text into parts'),
    )
    const ids = input('ids', 'int32', [2, 'length'])
    expect(() => model.logits({ ids, mask: ids })).toThrow(/^bert: ids are \[2, length\], wanted \[B, T\] with T known/)
    expect(() => new Bert({ ...settings, nHeads: 3 })).toThrow(ConfigError)
    expect(() => new Bert({ ...settings, nHeads: 3 })).toThrow(/^model: dModel 4 is not a multiple of nHeads 3; change/)
  })
})

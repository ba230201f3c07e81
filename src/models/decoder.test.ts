import { afterAll, beforeAll, expect, it } from 'vitest'
import { input } from '../graph/tensor.ts'
import { expectSlopes, slopes } from '../graph/testing/differences.ts'
import { evaluate } from '../graph/testing/program.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { CausalConfig } from './architecture.ts'
import { Decoder } from './decoder.ts'

const settings: CausalConfig = {
  vocabSize: 5,
  contextLength: 8,
  dModel: 4,
  nLayers: 1,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 6,
  dropout: 0,
  tieEmbeddings: false,
  ropeTheta: 100,
  normEpsilon: 1e-5,
}
const kin: Readonly<Record<string, Partial<CausalConfig>>> = {
  'a window of 2': { slidingWindow: 2 },
  'biases and slowed angles': { qkvBias: true, ropeScaling: { kind: 'linear', factor: 3 } },
  'wider heads with norms': { queryKeyNorm: true, dHead: 6 },
}
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

/** Weights moved from where they begin; what norms divide by is large, so that differences move it little. */
function weightsOf({ scope }: Decoder): Record<string, Float32Array> {
  const random = Random.seed(3)
  return Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => {
      const data = initialize(parameter, random).data as Float32Array
      const deviation = /embed_tokens|[qk]_proj.weight/.test(parameter.name) ? 3 : 0.3
      return [parameter.name, data.map((value) => value + deviation * random.gaussian())]
    }),
  )
}

it.each(Object.keys(kin))(
  'a decoder of %s has the derivatives that differences give, of every weight',
  async (name) => {
    const model = new Decoder({ ...settings, ...kin[name] })
    const wrt = [...model.scope.parameters.values()].map(({ tensor }) => tensor)
    const feeds = { ...weightsOf(model), ids: Int32Array.of(1, 4, 2, 0, 3, 3) }
    const found = await slopes(engine, [model.logits(input('ids', 'int32', [2, 3]))], wrt, feeds)
    expectSlopes(
      found.filter(({ order }) => order === 1),
      1e-2,
    )
  },
)

it('a decoder stays finite with weights of zeros and with large ones, biases and norms of heads included', async () => {
  const model = new Decoder({ ...settings, qkvBias: true, queryKeyNorm: true, slidingWindow: 1 })
  const y = model.logits(input('ids', 'int32', [2, 3]))
  for (const factor of [0, 1e4]) {
    const scaled = Object.entries(weightsOf(model)).map(([name, x]) => [name, x.map((value) => value * factor)])
    const feeds = { ...Object.fromEntries(scaled), ids: Int32Array.of(1, 4, 2, 0, 3, 3) }
    const got = (await evaluate(engine, { y }, feeds)).y!
    expect(got.every((value) => Number.isFinite(Number(value)))).toBe(true)
  }
})

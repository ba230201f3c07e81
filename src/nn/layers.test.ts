import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { evaluate, type Values } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import {
  Embedding,
  initialize,
  initializeAll,
  LayerNorm,
  Linear,
  RmsNorm,
  type RopeScaling,
  rotaryTables,
  Scope,
} from './index.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const x = input('x', 'float32', [1, 2])
const evaluated = async (y: Tensor, feeds: Values = {}) => [...(await evaluate(engine, { y }, feeds)).y!] as number[]

describe('layers', () => {
  it('Linear multiplies by the transpose of [out, in] and adds the bias', async () => {
    const layer = new Linear(new Scope('a'), 2, 3, { deviation: 1, bias: true })
    const feeds = { 'a.weight': Float32Array.of(1, 2, 3, 4, 5, 6), 'a.bias': Float32Array.of(10, 20, 30) }
    expect(await evaluated(layer.forward(x), { ...feeds, x: Float32Array.of(1, -1) })).toEqual([9, 19, 29])
    expect(new Linear(new Scope('b'), 2, 3, { deviation: 1 }).bias).toBeUndefined()
  })

  it('Embedding picks rows', async () => {
    const layer = new Embedding(new Scope('e'), 3, 2, { deviation: 1 })
    const feeds = { 'e.weight': Float32Array.of(0, 1, 10, 11, 20, 21), ids: Int32Array.of(2, 0) }
    expect(await evaluated(layer.forward(input('ids', 'int32', [2])), feeds)).toEqual([20, 21, 0, 1])
  })

  it('RmsNorm divides by the root of the mean square', async () => {
    const layer = new RmsNorm(new Scope('n'), 2, 0)
    const wanted = [3 / Math.sqrt(12.5), (4 / Math.sqrt(12.5)) * 2]
    expectClose(
      await evaluated(layer.forward(x), { x: Float32Array.of(3, 4), 'n.weight': Float32Array.of(1, 2) }),
      wanted,
    )
  })

  it('LayerNorm takes the mean away first', async () => {
    const layer = new LayerNorm(new Scope('n'), 2, 0)
    const feeds = { x: Float32Array.of(3, 7), 'n.weight': Float32Array.of(1, 2), 'n.bias': Float32Array.of(0, 5) }
    expectClose(await evaluated(layer.forward(x), feeds), [-1, 7])
  })

  it('rotary tables hold cos and sin of position · base^(−2d/D)', async () => {
    const { cos, sin } = rotaryTables(3, 4, 100)
    const angles = [0, 0, 1, 0.1, 2, 0.2]
    expectClose(await evaluated(cos), angles.map(Math.cos))
    expectClose(await evaluated(sin), angles.map(Math.sin))
  })

  it('rotary tables slow all angles alike, or the slow ones only', async () => {
    const angles = async (scaling: RopeScaling) => {
      const { cos, sin } = rotaryTables(2, 8, 10_000, scaling)
      const [c, s] = [await evaluated(cos), await evaluated(sin)]
      return c.slice(4).map((x, i) => Math.atan2(s[4 + i]!, x))
    }
    expectClose(await angles({ kind: 'linear', factor: 4 }), [0.25, 0.025, 0.0025, 0.00025])
    // Over 200π positions the four frequencies turn 100, 10, 1 and 0.1 times; between 19 and 1 lies half of the way.
    const llama3 = { factor: 4, lowFrequency: 1, highFrequency: 19, originalContext: 200 * Math.PI }
    expectClose(await angles({ kind: 'llama3', ...llama3 }), [1, 0.1 * (0.5 / 4 + 0.5), 0.0025, 0.00025])
  })
})

describe('parameters', () => {
  it('carry the path of their scope, in order of declaration', () => {
    const scope = new Scope()
    new Linear(scope.child('layers').child(0), 2, 3, { deviation: 1, bias: true })
    new RmsNorm(scope.child('norm'), 2, 0)
    expect([...scope.parameters.keys()]).toEqual(['layers.0.weight', 'layers.0.bias', 'norm.weight'])
  })

  it('of one name are an error', () => {
    const scope = new Scope('a')
    scope.parameter('w', [1], { kind: 'zeros' })
    expect(() => scope.parameter('w', [1], { kind: 'zeros' })).toThrow(
      new ConfigError('parameter: a.w is declared twice; rename one', { name: 'a.w' }),
    )
  })

  it('begin by seed and name alone, with the deviation that was asked for', () => {
    const scope = new Scope()
    new Linear(scope.child('first'), 100, 200, { deviation: 0.02, bias: true })
    new RmsNorm(scope.child('norm'), 3, 0)
    const [weight, bias, gain] = [...scope.parameters.values()].map((p) => initialize(p, Random.seed(1)).data)
    const again = initialize(scope.parameters.get('first.weight')!, Random.seed(1)).data
    expect(again).toEqual(weight)
    expect(initialize(scope.parameters.get('first.weight')!, Random.seed(2)).data).not.toEqual(weight)
    const square = (weight as Float32Array).reduce((total, value) => total + value * value, 0) / 20_000
    // Six deviations of the estimate: 0.02 · (1 ± 6/√40,000).
    expect(Math.abs(Math.sqrt(square) / 0.02 - 1)).toBeLessThan(0.03)
    expect([...bias!, ...gain!].map(Number)).toEqual([...new Array(200).fill(0), 1, 1, 1])
  })

  it('begins the same in pieces, with turns of the event loop between', async () => {
    const scope = new Scope()
    scope.parameter('large', [3, 65_537], { kind: 'normal', deviation: 0.02 })
    scope.parameter('gain', [5], { kind: 'constant', value: 4 })
    const values = await initializeAll(scope.parameters.values(), Random.seed(3))
    for (const parameter of scope.parameters.values())
      expect(values.get(parameter.name)).toEqual(initialize(parameter, Random.seed(3)))
    expect([...values.get('gain')!.data].map(Number)).toEqual([4, 4, 4, 4, 4])
  })
})

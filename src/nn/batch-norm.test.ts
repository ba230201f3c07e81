import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input, type Tensor } from '../graph/tensor.ts'
import { expectSlopes, slopes } from '../graph/testing/differences.ts'
import { evaluate } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { BatchNorm } from './batch-norm.ts'
import { Scope } from './parameters.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const x = input('x', 'float32', [2, 2, 1, 2])
// Channel 0 holds 1, 3, 5, 7: mean 4, variance 5, unbiased 20/3. Channel 1 holds 2 four times.
const values = Float32Array.of(1, 3, 2, 2, 5, 7, 2, 2)
const weights = { 'n.weight': Float32Array.of(2, 1), 'n.bias': Float32Array.of(1, -1) }
const running = { 'n.running_mean': Float32Array.of(1, 1), 'n.running_var': Float32Array.of(4, 0.25) }

describe('BatchNorm', () => {
  it("in training normalizes by the batch and moves the running statistics a tenth towards the batch's", async () => {
    const updates = new Map<string, Tensor>()
    const y = new BatchNorm(new Scope('n'), 2, { epsilon: 4 }).forward(x, updates)
    expect([...updates.keys()]).toEqual(['n.running_mean', 'n.running_var'])
    const outputs = { y, mean: updates.get('n.running_mean')!, variance: updates.get('n.running_var')! }
    const got = await evaluate(engine, outputs, { x: values, ...weights, ...running })
    const to = (value: number) => 1 + (2 * (value - 4)) / Math.sqrt(5 + 4)
    expectClose(got.y!, [to(1), to(3), -1, -1, to(5), to(7), -1, -1])
    expectClose(got.mean!, [1 + 0.1 * 3, 1 + 0.1])
    expectClose(got.variance!, [4 + 0.1 * (20 / 3 - 4), 0.25 - 0.025])
  })

  it('at inference normalizes by the running statistics, whatever the batch', async () => {
    const y = new BatchNorm(new Scope('n'), 2, { epsilon: 0 }).forward(x)
    const got = await evaluate(engine, { y }, { x: values, ...weights, ...running })
    expectClose(got.y!, [1, 3, 1, 1, 5, 7, 1, 1])
  })

  it('without running statistics always takes those of the batch, and declares none', async () => {
    const scope = new Scope('n')
    const y = new BatchNorm(scope, 2, { tracked: false, epsilon: 4 }).forward(x)
    expect([...scope.parameters.keys()]).toEqual(['n.weight', 'n.bias'])
    const got = await evaluate(engine, { y }, { x: values, ...weights })
    expectClose([got.y![0] as number], [-1])
  })

  it('declares statistics that are not trained', () => {
    const scope = new Scope('n')
    new BatchNorm(scope, 2)
    expect([...scope.parameters.values()].map(({ trained }) => trained)).toEqual([undefined, undefined, false, false])
  })

  it.each(['the batch', 'the running statistics'])('has the derivatives that differences give, by %s', async (by) => {
    const layer = new BatchNorm(new Scope('n'), 3)
    const [picture, random] = [input('x', 'float32', [3, 3, 2, 2]), Random.seed(2)]
    const y = layer.forward(picture, by === 'the batch' ? new Map() : undefined)
    const data = new Float32Array(36)
    random.fillGaussian(data, 2)
    const feeds = {
      x: data,
      'n.weight': Float32Array.of(1, 0.5, -2),
      'n.bias': Float32Array.of(0, 1, 2),
      'n.running_mean': Float32Array.of(0, 1, -1),
      'n.running_var': Float32Array.of(1, 4, 2),
    }
    expectSlopes(await slopes(engine, [y], [picture, layer.weight, layer.bias], feeds), 2e-3)
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { float32, type TypedArray } from '../graph/dtype.ts'
import { gradients } from '../graph/gradient.ts'
import { crossEntropy } from '../graph/operations/loss.ts'
import { mean } from '../graph/operations/reduce.ts'
import { constant, input, type Tensor } from '../graph/tensor.ts'
import { readFixture } from '../graph/testing/fixture.ts'
import { compile, evaluate } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import type { Parameter } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import {
  adamW,
  clipScale,
  globalNorm,
  learningRateAt,
  muon,
  type Optimizer,
  orthogonalize,
  type Schedule,
} from './index.ts'
import { singularValues } from './testing/singular-values.ts'

type Flat = Readonly<Record<string, readonly number[]>>
interface Reference {
  readonly shapes: Flat
  readonly options: { beta1: number; beta2: number; epsilon: number; weightDecay: number }
  readonly clip: number
  readonly rates: readonly number[]
  readonly start: Flat
  readonly gradients: readonly Flat[]
  readonly norms: readonly number[]
  readonly adamw: readonly Flat[]
  readonly muon: readonly Flat[]
  readonly crossEntropy: {
    readonly logits: readonly number[]
    readonly targets: readonly number[]
    readonly smoothed: Readonly<Record<string, { loss: number; gradient: readonly number[] }>>
  }
}

const reference = readFixture<Reference>('optim/optim.json')
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

/** Runs the fixture's steps: the parameters and the norm after each. */
async function run(optimizer: Optimizer): Promise<{ values: Record<string, TypedArray>; norm: number }[]> {
  const parameters = Object.entries(reference.shapes).map(([name, shape]): Parameter => {
    return { name, shape, tensor: input(name, 'float32', shape), initializer: { kind: 'zeros' } }
  })
  const wrt = parameters.map(({ name, shape }) => input(`gradient.${name}`, 'float32', shape))
  const norm = globalNorm(wrt)
  const scalars: Record<string, Tensor> = {}
  for (const name of Object.keys(optimizer.scalars(1, 0))) scalars[name] = input(name, 'float32', [])
  const outputs: Record<string, Tensor> = { norm }
  const state: Record<string, TypedArray> = {}
  for (const [i, parameter] of parameters.entries()) {
    const { name, shape } = parameter
    const before: Record<string, Tensor> = {}
    for (const slot of optimizer.slots(parameter)) before[slot] = input(`${slot}.${name}`, 'float32', shape)
    const gradientScale = clipScale(norm, reference.clip)
    const after = optimizer.update({ parameter, gradient: wrt[i]!, gradientScale, state: before, scalars })
    state[name] = Float32Array.from(reference.start[name]!)
    outputs[`next.${name}`] = after.parameter
    for (const slot of optimizer.slots(parameter)) {
      outputs[`next.${slot}.${name}`] = after.state[slot]!
      state[`${slot}.${name}`] = new Float32Array(state[name]!.length)
    }
  }
  const program = await compile(engine, outputs)
  const history = []
  for (const [t, gradient] of reference.gradients.entries()) {
    const fed: Record<string, TypedArray> = {}
    for (const [name, data] of Object.entries(gradient)) fed[`gradient.${name}`] = Float32Array.from(data)
    for (const [name, value] of Object.entries(optimizer.scalars(t + 1, reference.rates[t]!)))
      fed[name] = Float32Array.of(value)
    const got = await program.run({ ...state, ...fed })
    for (const name of Object.keys(state)) state[name] = got[`next.${name}`]!
    history.push({ values: { ...state }, norm: got.norm![0] as number })
  }
  await program.release()
  return history
}

describe('adamW', () => {
  it("follows PyTorch's over four clipped steps, decaying matrices only", async () => {
    const history = await run(adamW(reference.options))
    for (const [t, { values, norm }] of history.entries()) {
      expectClose([norm], [reference.norms[t]!], { what: `norm ${t}` })
      for (const [name, wanted] of Object.entries(reference.adamw[t]!))
        expectClose(values[name]!, wanted, { relative: 2e-6, absolute: 5e-7, what: `${name} after ${t + 1}` })
    }
  })

  it('keeps m / (1 − β₁) and v / (1 − β₂): after one step, the clipped gradient and its square', async () => {
    const [first] = await run(adamW(reference.options))
    const scale = Math.min(1, reference.clip / (reference.norms[0]! + 1e-6))
    const g = reference.gradients[0]!.gain!.map((value) => value * scale)
    expectClose(first!.values['moment1.gain']!, g)
    expectClose(
      first!.values['moment2.gain']!,
      g.map((value) => value * value),
    )
  })
})

describe('muon', () => {
  const options = {
    ...reference.options,
    momentum: 0.95,
    matrixRate: 2,
    isHiddenMatrix: ({ shape }: Parameter) => shape.length === 2,
  }

  it('follows the reference over four clipped steps, and leaves the rest to AdamW', async () => {
    const history = await run(muon(options))
    for (const [t, { values }] of history.entries()) {
      for (const [name, wanted] of Object.entries(reference.muon[t]!))
        expectClose(values[name]!, wanted, { relative: 1e-5, absolute: 2e-6, what: `${name} after ${t + 1}` })
      expectClose(values.gain!, reference.adamw[t]!.gain!, { relative: 2e-6, absolute: 5e-7 })
    }
  })

  it.each([
    [8, 8],
    [4, 16],
    [24, 6],
    [1, 7],
    [5, 1],
  ])('orthogonalize brings the singular values of a %i × %i matrix between 0.65 and 1.25', async (rows, columns) => {
    const data = new Float32Array(rows * columns)
    Random.seed(rows).fillGaussian(data, 3)
    const y = orthogonalize(constant(float32(data, [rows, columns])))
    const got = await evaluate(engine, { y })
    const values = singularValues(got.y as Float32Array, rows, columns)
    expect(values).toHaveLength(Math.min(rows, columns))
    expect(Math.min(...values)).toBeGreaterThan(0.65)
    expect(Math.max(...values)).toBeLessThan(1.25)
  })

  it('orthogonalizes a diagonal matrix by five steps of the quintic on each value', async () => {
    const quintic = (s: number) => 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5
    const norm = Math.hypot(3, 4)
    const wanted = [3, 4].map((value) => [1, 2, 3, 4, 5].reduce((s) => quintic(s), value / norm))
    const got = await evaluate(engine, { y: orthogonalize(constant(float32([3, 0, 0, 4], [2, 2]))) })
    expectClose(got.y!, [wanted[0]!, 0, 0, wanted[1]!])
  })

  it('leaves zeros as zeros', async () => {
    const got = await evaluate(engine, { y: orthogonalize(constant(float32([0, 0, 0, 0], [2, 2]))) })
    expect([...got.y!]).toEqual([0, 0, 0, 0])
  })
})

describe('clipping', () => {
  it.each([
    [[3, 4], 1, 0.2],
    [[3, 4], 10, 1],
    [[0, 0], 1, 1],
    [[3e15, 4e15], 3e38, 1],
  ])('scales gradients %j to limit %d by %d', async (g, limit, wanted) => {
    const norm = globalNorm(g.map((value) => constant(float32([value], [1]))))
    const got = await evaluate(engine, { norm, scale: clipScale(norm, limit) })
    expectClose([...got.norm!, ...got.scale!] as number[], [Math.hypot(...g), wanted])
  })
})

describe('label smoothing', () => {
  it.each(Object.entries(reference.crossEntropy.smoothed))(
    "of %s: PyTorch's loss and gradient",
    async (smoothing, gold) => {
      const { logits, targets } = reference.crossEntropy
      const x = input('x', 'float32', [5, 7])
      const loss = mean(crossEntropy(x, input('ids', 'int64', [5]), Number(smoothing)))
      const [gradient] = gradients(loss, [x])
      const feeds = { x: Float32Array.from(logits), ids: BigInt64Array.from(targets, BigInt) }
      const got = await evaluate(engine, { loss, gradient: gradient! }, feeds)
      expectClose(got.loss!, [gold.loss])
      expectClose(got.gradient!, gold.gradient, { absolute: 1e-7 })
    },
  )
})

describe('schedules', () => {
  const base: Schedule = { kind: 'cosine', peak: 2, floor: 0.1, warmupSteps: 4, decayShare: 0.25 }
  const at = (changes: Partial<Schedule>, step: number, progress: number) =>
    learningRateAt({ ...base, ...changes }, step, progress)

  it('warm up in a straight line from one share to the peak', () => {
    expect([0, 1, 3, 4].map((step) => at({ kind: 'constant' }, step, 0))).toEqual([0.5, 1, 2, 2])
    expect(at({ kind: 'constant', warmupSteps: 0 }, 0, 0)).toBe(2)
  })

  it('go down along half a cosine to the floor', () => {
    expectClose(
      [0, 0.25, 0.5, 1].map((progress) => at({}, 99, progress)),
      [2, 1.736396, 1.1, 0.2],
    )
  })

  it('stay, then go down in a straight line', () => {
    expectClose(
      [0, 0.75, 0.875, 1].map((p) => at({ kind: 'wsd' }, 99, p)),
      [2, 2, 1.1, 0.2],
    )
  })

  it('have no decay with a share of 0, not even at the end', () => {
    expect([0, 0.5, 1].map((p) => at({ kind: 'wsd', decayShare: 0 }, 99, p))).toEqual([2, 2, 2])
  })

  it('refuse shares out of range', () => {
    expect(() => at({ floor: 1.5 }, 0, 0)).toThrow(new ConfigError('schedule: floor is 1.5, wanted 0 to 1'))
    expect(() => at({}, 0, Number.NaN)).toThrow(new ConfigError('schedule: progress is NaN, wanted 0 to 1'))
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TypedArray } from '../graph/dtype.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { compile, evaluate, type Values } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { nextTokenLoss } from '../losses/next-token.ts'
import { Decoder } from '../models/decoder.ts'
import { initialize } from '../nn/parameters.ts'
import { lower } from '../onnx/lower.ts'
import { adamW, muon, type Optimizer } from '../optim/index.ts'
import { Random } from '../random/random.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { applyStep, fusedStep, gradientStep, nextName, type StepGraph, type StepOptions, stateName } from './step.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 }
const optimizers: Readonly<Record<string, Optimizer>> = {
  adamw: adamW(settings),
  muon: muon({
    ...settings,
    momentum: 0.95,
    matrixRate: 10,
    isHiddenMatrix: ({ name, shape }) => shape.length === 2 && name.includes('layers'),
  }),
}

const decoder = () =>
  new Decoder({
    vocabSize: 23,
    contextLength: 16,
    dModel: 32,
    nLayers: 2,
    nHeads: 4,
    nKvHeads: 2,
    dFf: 48,
    dropout: 0,
    tieEmbeddings: true,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
  })

function optionsOf(
  optimizer: Optimizer,
  gradientClip: number,
): { loss: (batch: number) => Tensor; options: StepOptions } {
  const model = decoder()
  const loss = (batch: number) => nextTokenLoss(input('tokens', 'int32', [batch, 13]), (ids) => model.logits(ids))
  return { loss, options: { parameters: model.scope.parameters, optimizer, gradientClip, emaDecay: 0.9 } }
}

/** Initial state of everything that the step overwrites: parameters, their averages, zeros. */
function initialState({ parameters }: StepOptions, { overwrite }: StepGraph): Record<string, TypedArray> {
  const random = Random.seed(3)
  const state: Record<string, TypedArray> = {}
  for (const parameter of parameters.values()) {
    const { data } = initialize(parameter, random)
    state[parameter.name] = data
    state[stateName.ema(parameter.name)] = data.slice()
  }
  for (const name of Object.values(overwrite)) {
    const parameter = [...parameters.keys()].find((key) => name.endsWith(`.${key}`) || name === key)!
    state[name] ??= new Float32Array(state[parameter]!.length)
  }
  return state
}

const batchOf = (step: number, size: number) => {
  const random = Random.seed(4).at(step)
  return Int32Array.from({ length: size * 13 }, () => random.integer(23))
}

/** Five steps with two sets of buffers that take turns, or with one that is overwritten. */
async function train(optimizer: Optimizer, gradientClip: number, inPlace: boolean) {
  const { loss, options } = optionsOf(optimizer, gradientClip)
  const graph = fusedStep(loss(4), options)
  const program = lower(graph.outputs, { provider: 'cpu', overwrite: graph.overwrite })
  expect(program.inPlace).toBe(true)
  const session = await engine.createSession(program.bytes)
  const state = initialState(options, graph)
  const inputs: Record<string, DeviceBuffer> = {}
  for (const [name, { dtype, shape }] of Object.entries(program.inputs))
    inputs[name] = engine.createBuffer({ dtype, shape: shape as number[] })
  for (const [name, data] of Object.entries(state)) await inputs[name]!.write(data)
  const outputs: Record<string, DeviceBuffer> = {}
  for (const [name, { dtype, shape }] of Object.entries(program.outputs)) {
    const over = graph.overwrite[name]
    outputs[name] = inPlace && over ? inputs[over]! : engine.createBuffer({ dtype, shape: shape as number[] })
  }
  const losses: number[] = []
  for (let step = 1; step <= 5; step++) {
    await inputs.tokens!.write(batchOf(step, 4))
    for (const [name, value] of Object.entries(optimizer.scalars(step, 3e-3)))
      await inputs[name]!.write(Float32Array.of(value))
    await session.bind(inputs, outputs).run()
    losses.push(Number((await outputs.loss!.read())[0]))
    if (inPlace) continue
    for (const [name, over] of Object.entries(graph.overwrite)) {
      const next = outputs[name]!
      outputs[name] = inputs[over]!
      inputs[over] = next
    }
  }
  const end: Record<string, TypedArray> = {}
  for (const name of Object.keys(state)) end[name] = await inputs[name]!.read()
  await session.release()
  return { losses, end, start: state }
}

describe.each(Object.keys(optimizers))('a step of %s', (name) => {
  const optimizer = optimizers[name]!

  it.each([0.5, Number.POSITIVE_INFINITY])(
    'clipped at %d is bit for bit the same in place as with buffers that take turns, and learns',
    async (clip) => {
      const turns = await train(optimizer, clip, false)
      const inPlace = await train(optimizer, clip, true)
      expect(inPlace.losses).toEqual(turns.losses)
      expect(inPlace.end).toEqual(turns.end)
      for (const [key, data] of Object.entries(turns.end)) expect(data, key).not.toEqual(turns.start[key])
    },
  )

  it('moves the same from four accumulated parts as from the whole batch', async () => {
    const { loss, options } = optionsOf(optimizer, 0.5)
    const whole = fusedStep(loss(8), options)
    const state = initialState(options, whole)
    const tokens = batchOf(1, 8)
    const scalars: Record<string, TypedArray> = {}
    for (const [key, value] of Object.entries(optimizer.scalars(1, 3e-3))) scalars[key] = Float32Array.of(value)
    const wanted = await evaluate(engine, whole.outputs, { ...state, ...scalars, tokens })

    const part = gradientStep(loss(2), options)
    const program = await compile(engine, part.outputs)
    // What stands in the sums before the first part must not matter.
    let sums: Values = Object.fromEntries(
      Object.values(part.overwrite).map((key) => [key, state[key.replace('gradient.', '')]!.map(() => 1e3 as never)]),
    )
    let total = 0
    for (let i = 0; i < 4; i++) {
      const fed = { tokens: tokens.subarray(i * 26, i * 26 + 26), keep: Float32Array.of(i === 0 ? 0 : 1) }
      const got = await program.run({ ...state, ...sums, ...fed, share: Float32Array.of(0.25) })
      sums = Object.fromEntries(Object.entries(part.overwrite).map(([next, key]) => [key, got[next]!]))
      total += (got.loss![0] as number) / 4
    }
    await program.release()
    const got = await evaluate(engine, applyStep(options).outputs, { ...state, ...scalars, ...sums })
    expectClose([total, got.gradientNorm![0] as number], [wanted.loss![0] as number, wanted.gradientNorm![0] as number])
    // Adam divides by √v: where a gradient is nearly 0, rounding moves the update by a share of the rate.
    for (const key of Object.values(whole.overwrite))
      expectClose(got[nextName(key)]!, wanted[nextName(key)]!, { relative: 1e-4, absolute: 2e-5, what: key })
  })
})

describe('the moving average', () => {
  it('is e + (1 − decay)(p − e) of the new weights', async () => {
    const { loss, options } = optionsOf(optimizers.adamw!, 1)
    const graph = fusedStep(loss(1), options)
    const state = initialState(options, graph)
    const scalars = Object.entries(optimizers.adamw!.scalars(1, 0.1)).map(([key, value]) => [
      key,
      Float32Array.of(value),
    ])
    const feeds = { ...state, ...Object.fromEntries(scalars), tokens: batchOf(1, 1) }
    const got = await evaluate(engine, graph.outputs, feeds)
    for (const name of options.parameters.keys()) {
      const next = got[nextName(name)] as Float32Array
      const before = state[stateName.ema(name)] as Float32Array
      const wanted = next.map((p, i) => before[i]! + 0.1 * (p - before[i]!))
      expectClose(got[nextName(stateName.ema(name))]!, wanted, { absolute: 1e-7, what: name })
    }
  })
})

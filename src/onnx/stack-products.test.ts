import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HostTensor } from '../graph/dtype.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { linear } from '../graph/operations/matmul.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { formatsOf, quantizeMatrix, stackedPartsOf } from '../models/block-quantization.ts'
import { rotaryTables } from '../nn/rotary-tables.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { lower } from './lower.ts'
import { onnx } from './schema.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const [C, H, G, D, capacity] = [64, 4, 2, 16, 8]
const rows = { q: H * D, k: G * D, v: G * D }

function gaussians(shape: readonly number[], seed: number): HostTensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
  Random.seed(seed).fillGaussian(data)
  return { dtype: 'float32', shape, data }
}

const matrices = Object.fromEntries(
  Object.entries(rows).map(([name, N], seed) => {
    return [name, quantizeMatrix(gaussians([N, C], seed), { bits: 8, blockSize: 32 })]
  }),
)

/** Attention of B·T new places over caches, and, where it is asked for, the values themselves. */
function outputsOf(B: number, T: number, tellsValues: boolean): Record<string, Tensor> {
  const x = input('x', 'float32', [B, T, C])
  const [q, k, v] = Object.entries(rows).map(([name, N]) => linear(x, input(name, 'float32', [N, C]))) as Tensor[]
  const cache = (name: string) => input(name, 'float32', [B, G, capacity, D])
  const given = { q: q!, k: k!, v: v!, pastKeys: cache('keys'), pastValues: cache('values') }
  const rotary = { ...rotaryTables(capacity, D, 10_000), positions: input('positions', 'int32', [B, T]) }
  const [mixed, keys, values] = cachedAttention(
    { ...given, lastPosition: input('last', 'int32', [B]), total: input('total', 'int32', []), rotary },
    { nHeads: H, nKvHeads: G, scale: 1 / 4 },
  )
  return { mixed, 'next.keys': keys, 'next.values': values, ...(tellsValues ? { v: v! } : {}) }
}

/** The attention's nodes, and what it gives for each row's `T` places that begin at `first`. */
async function computed(B: number, T: number, first: number, { stack = true, tellsValues = false } = {}) {
  const outputs = outputsOf(B, T, tellsValues)
  const named = Object.fromEntries(Object.entries(outputs).map(([name, out]) => [name === 'v' ? 'told' : name, out]))
  const options = { provider: 'cpu', initializers: Object.keys(rows), quantized: formatsOf(matrices) } as const
  const program = lower(named, { ...options, stack })
  const session = await engine.createSession(program.bytes, { initializers: stackedPartsOf(matrices, program.stacks) })
  const ints = (shape: number[], values: readonly number[]): HostTensor => {
    return { dtype: 'int32', shape, data: Int32Array.from(values) }
  }
  const places = Array.from({ length: B * T }, (_, i) => first + (i % T))
  const fed: Record<string, HostTensor> = {
    ...{ x: gaussians([B, T, C], 7), last: ints([B], new Array(B).fill(first + T - 1)), total: ints([], [first + T]) },
    ...{ keys: gaussians([B, G, capacity, D], 8), values: gaussians([B, G, capacity, D], 9) },
    positions: ints([B, T], places),
  }
  const inputs = Object.fromEntries(session.inputNames.map((name) => [name, engine.createBuffer(fed[name]!)]))
  const made = Object.entries(named).map(([name, { dtype, shape }]) => {
    const buffer = name.startsWith('next.')
      ? inputs[name.slice('next.'.length)]!
      : engine.createBuffer({ dtype, shape: shape as number[] })
    return [name, buffer] as const
  })
  await session.bind(inputs, Object.fromEntries(made)).run()
  const values = await Promise.all(made.map(async ([name, buffer]) => [name, [...(await buffer.read())]] as const))
  await session.release()
  const types = onnx.ModelProto.decode(program.bytes).graph!.node!.map(({ opType }) => opType)
  return { values: Object.fromEntries(values), types }
}

describe('queries, keys and values of one product', () => {
  it.each([
    [1, 5, 0],
    [3, 4, 0],
    [1, 2, 3],
    [3, 1, 6],
  ])('go uncut into attention, with the same numbers: %i rows of %i places from %i on', async (B, T, first) => {
    const [apart, together] = [await computed(B, T, first, { stack: false }), await computed(B, T, first)]
    expect(together.types.filter((type) => type === 'MatMulNBits' || type === 'Split')).toEqual(['MatMulNBits'])
    expect(together.values).toEqual(apart.values)
  })

  it('are cut where something else reads one of them', async () => {
    const [apart, together] = [
      await computed(1, 3, 0, { stack: false }),
      await computed(1, 3, 0, { tellsValues: true }),
    ]
    expect(together.types).toContain('Split')
    expect(together.values).toMatchObject(apart.values)
    expect(new Set(together.values.told).size).toBeGreaterThan(50)
  })
})

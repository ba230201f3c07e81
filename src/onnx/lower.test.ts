import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { float32, type HostTensor } from '../graph/dtype.ts'
import { gradients } from '../graph/gradient.ts'
import type { Operation } from '../graph/operation.ts'
import { add, mul, silu, sub } from '../graph/operations/elementwise.ts'
import { gather } from '../graph/operations/indexing.ts'
import { linear } from '../graph/operations/matmul.ts'
import { sum } from '../graph/operations/reduce.ts'
import { last, reshape, split, transpose } from '../graph/operations/shape.ts'
import { applyOne, constant, input, type Tensor } from '../graph/tensor.ts'
import { evaluate } from '../graph/testing/program.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { lower } from './lower.ts'
import { onnx } from './schema.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const types = (outputs: Record<string, Tensor>) =>
  onnx.ModelProto.decode(lower(outputs, { provider: 'cpu' }).bytes).graph?.node?.map(({ opType }) => opType)

describe('lower', () => {
  it('names outputs that are inputs, constants, equal to another output, and parts of one node', async () => {
    const x = input('x', 'float32', [4])
    const y = mul(x, 2)
    const [front, back] = split(y, 0, [1, 3]) as [Tensor, Tensor]
    const outputs = { same: x, fixed: constant(float32([7, 8], [2])), y, again: y, equal: mul(x, 2), back, front }
    const got = await evaluate(engine, outputs, { x: Float32Array.of(1, 2, 3, 4) })
    expect(Object.fromEntries(Object.entries(got).map(([name, data]) => [name, [...data]]))).toEqual({
      same: [1, 2, 3, 4],
      fixed: [7, 8],
      y: [2, 4, 6, 8],
      again: [2, 4, 6, 8],
      equal: [2, 4, 6, 8],
      back: [4, 6, 8],
      front: [2],
    })
  })

  it('names the producer, and copies only where it must', () => {
    const x = input('x', 'float32', [4])
    const y = mul(x, 2)
    expect(types({ y, z: add(y, 1) })).toEqual(['Mul', 'Add'])
    expect(types({ x2: x, y, again: y })).toEqual(['Mul', 'Identity', 'Identity'])
  })

  it('writes equal nodes and equal small constants once', () => {
    const x = input('x', 'float32', [4])
    expect(types({ y: add(mul(x, 3), mul(x, 3)) })).toEqual(['Mul', 'Add'])
  })

  it('writes large constants of equal contents once, and keeps different ones apart', () => {
    const x = input('x', 'float32', [100])
    const large = (last: number) => constant(float32(new Float32Array(100).fill(1).with(99, last), [100]))
    const graph = (y: Tensor) => onnx.ModelProto.decode(lower({ y }, { provider: 'cpu' }).bytes).graph!
    expect(graph(add(mul(x, large(2)), mul(x, large(2)))).initializer).toHaveLength(1)
    expect(graph(add(mul(x, large(2)), mul(x, large(3)))).initializer).toHaveLength(2)
  })

  it('gives the same with weights as initializers as with weights as inputs', async () => {
    const tensors: Record<string, HostTensor> = {
      w: float32([1, 2, 3, 4, 5, 6], [2, 3]),
      b: float32([0.5, -0.5], [2]),
    }
    const [w, b] = [input('w', 'float32', [2, 3]), input('b', 'float32', [2])]
    const outputs = { y: silu(linear(input('x', 'float32', [1, 3]), w, b)), w2: w }
    const x = Float32Array.of(0.1, -0.2, 0.3)
    const fed = await evaluate(engine, outputs, { x, w: tensors.w!.data, b: tensors.b!.data })
    const program = lower(outputs, { provider: 'cpu', initializers: ['w', 'b'] })
    expect(Object.keys(program.inputs)).toEqual(['x'])
    const session = await engine.createSession(program.bytes, { initializers: tensors })
    const results = {
      y: engine.createBuffer(float32([0, 0], [1, 2])),
      w2: engine.createBuffer({ dtype: 'float32', shape: [2, 3] }),
    }
    await session.bind({ x: engine.createBuffer(float32(x, [1, 3])) }, results).run()
    expect(await results.y.read()).toEqual(fed.y)
    expect(await results.w2.read()).toEqual(tensors.w!.data)
    await session.release()
  })

  it('runs one program at several batch and sequence lengths', async () => {
    const ids = input('ids', 'int32', ['batch', 'sequence'])
    const table = constant(float32([0, 1, 10, 11, 20, 21, 30, 31], [4, 2]))
    const rows = gather(table, ids)
    const heads = transpose(reshape(rows, ['batch', 'sequence', 2, 1]), [0, 2, 1, 3])
    const joined = reshape(transpose(heads, [0, 2, 1, 3]), ['batch', 'sequence', 2])
    const w = constant(float32([1, 1], [1, 2]))
    const outputs = { y: linear(last(joined, 1), w), heads }
    const run = (data: number[], batch: number, sequence: number) =>
      evaluate(engine, outputs, { ids: Int32Array.from(data) }, { sizes: { batch, sequence } })
    expect([...(await run([0, 3, 1, 2], 2, 2)).y!]).toEqual([61, 41])
    expect([...(await run([2, 0, 1], 1, 3)).heads!]).toEqual([20, 0, 10, 21, 1, 11])
  })

  it('lowers and differentiates graphs deeper than a call stack', async () => {
    const x = input('x', 'float32', [])
    let y: Tensor = x
    for (let i = 0; i < 12_000; i++) y = i % 2 === 0 ? mul(y, 2) : mul(y, 0.5)
    const [gradient] = gradients(y, [x])
    expect(types({ y, gradient: gradient! })?.length).toBeGreaterThan(12_000)
  })

  it('refuses two inputs of one name, an input and an output of one name, and an operation without a lowering', () => {
    const x = input('x', 'float32', [1])
    expect(() => lower({ y: add(x, input('x', 'float32', [1])) }, { provider: 'cpu' })).toThrow(
      new ConfigError('lower: two inputs are named x; make it once and share it', { name: 'x' }),
    )
    expect(() => lower({ x: mul(x, 2) }, { provider: 'cpu' })).toThrow(
      new ConfigError('lower: x names both an input and an output; rename the output', { name: 'x' }),
    )
    const secret: Operation = { name: 'secret', infer: ([type]) => [type!] }
    expect(() => lower({ y: applyOne(secret, [x], {}) }, { provider: 'webgpu' })).toThrow(
      new ConfigError('lower: secret has no lowering for webgpu', { operation: 'secret' }),
    )
  })
})

describe('overwriting in place', () => {
  const x = input('x', 'float32', [2, 2])
  const other = input('other', 'float32', [2, 2])
  const proven = (outputs: Record<string, Tensor>, overwrite: Record<string, string>) =>
    lower(outputs, { provider: 'cpu', overwrite }).inPlace
  const product = linear(other, x)

  it('is proven where all readers come before the writer', () => {
    expect(proven({ next: sub(x, mul(x, 0.1)) }, { next: 'x' })).toBe(true)
    expect(proven({ next: sub(x, product) }, { next: 'x' })).toBe(true)
    // The sum over all that reads x stands between every reader and the write.
    expect(proven({ next: mul(x, sum(product)), loss: sum(product) }, { next: 'x' })).toBe(true)
    expect(proven({ next: mul(other, 2) }, { next: 'x' })).toBe(true)
  })

  it('is not where a reader may come after', () => {
    expect(proven({ next: mul(x, 2), late: sum(product) }, { next: 'x' })).toBe(false)
    expect(proven({ next: mul(other, 2), same: x }, { next: 'x' })).toBe(false)
  })

  it('is not where a reader goes through another shape of the same memory', () => {
    const flat = reshape(x, [4])
    expect(proven({ next: mul(x, 2), late: mul(flat, 3) }, { next: 'x' })).toBe(false)
    expect(proven({ next: mul(x, sum(mul(flat, 3))), late: reshape(flat, [1, 4]) }, { next: 'x' })).toBe(false)
  })

  it('is not where the writer itself reads other elements than the one it writes', () => {
    expect(proven({ next: linear(x, other) }, { next: 'x' })).toBe(false)
    expect(proven({ next: transpose(x) }, { next: 'x' })).toBe(false)
  })

  it('is asked of every pair', () => {
    const outputs = { a: add(x, 1), b: add(other, sum(x)) }
    expect(proven(outputs, { a: 'x', b: 'other' })).toBe(false)
    expect(proven(outputs, { b: 'other' })).toBe(true)
  })
})

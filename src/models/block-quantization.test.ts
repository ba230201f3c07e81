import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { float32, type HostTensor } from '../graph/dtype.ts'
import { quantizedParts } from '../graph/operation.ts'
import { gather } from '../graph/operations/indexing.ts'
import { linear, matmul } from '../graph/operations/matmul.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { lower } from '../onnx/lower.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import {
  canQuantize,
  dequantizeMatrix,
  formatsOf,
  type QuantizedMatrix,
  quantizeMatrix,
  stackedPartsOf,
} from './block-quantization.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const gaussians = (shape: readonly number[], seed: number): HostTensor => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
  Random.seed(seed).fillGaussian(data)
  return { dtype: 'float32', shape, data }
}

/** Runs a graph whose matrix `w` is quantized. */
async function run(out: Tensor, { format, packed, scales }: QuantizedMatrix, feed: HostTensor): Promise<Float32Array> {
  const program = lower({ out }, { provider: 'cpu', initializers: ['w'], quantized: { w: format } })
  const names = quantizedParts('w')
  const session = await engine.createSession(program.bytes, {
    initializers: { [names.packed]: packed, [names.scales]: scales },
  })
  const buffers = { x: engine.createBuffer(feed), out: engine.createBuffer({ ...out, shape: out.shape as number[] }) }
  const binding = session.bind({ x: buffers.x }, { out: buffers.out })
  await binding.run()
  const result = (await buffers.out.read()) as Float32Array
  binding.release()
  for (const buffer of Object.values(buffers)) buffer.release()
  await session.release()
  return result
}

const formats = [
  [4, 32],
  [8, 32],
  [8, 128],
] as const

describe.each(formats)('%i bits in blocks of %i', (bits, blockSize) => {
  const format = { bits, blockSize }
  const width = 2 * blockSize
  const zero = 2 ** (bits - 1)

  it('round each number to the nearest of the levels of its block, by hand', () => {
    const row = new Float32Array(blockSize)
    row.set([-2, 1, 0.26, 2 - 2 / zero])
    const { scales, packed } = quantizeMatrix({ dtype: 'float32', shape: [1, blockSize], data: row }, format)
    expect([...scales.data]).toEqual([2 / zero])
    const first = bits === 8 ? [0, 192, Math.round(0.26 * 64) + 128, 255] : [0 | (12 << 4), 9 | (15 << 4)]
    expect([...packed.data.slice(0, first.length)].map(Number)).toEqual(first)
    expect(packed.shape).toEqual([1, 1, (blockSize / 8) * bits])
  })

  it('stay within half a step of every number but the opposite of the largest', () => {
    const w = gaussians([8, width], 1)
    const quantized = quantizeMatrix(w, format)
    const back = dequantizeMatrix(quantized)
    const errors = (w.data as Float32Array).map((value, i) => {
      const scale = Math.abs(quantized.scales.data[Math.floor(i / blockSize)] as number)
      return Math.abs(value - (back.data[i] as number)) / scale
    })
    const blocks = 8 * 2
    expect(errors.filter((error) => error > 0.5001).length).toBeLessThan(bits === 8 ? blocks : 2 * blocks)
    expect(Math.max(...errors)).toBeLessThanOrEqual(bits === 8 ? 1.0001 : 2)
  })

  it('multiply and are looked up as the matrix that they stand for', async () => {
    const quantized = quantizeMatrix(gaussians([48, width], 2), format)
    const plain = dequantizeMatrix(quantized)
    const x = gaussians([5, width], 3)
    const product = linear(input('x', 'float32', [5, width]), input('w', 'float32', [48, width]))
    const got = await run(product, quantized, x)
    const wanted = Float32Array.from({ length: 5 * 48 }, (_, at) => {
      const [row, column] = [Math.floor(at / 48), at % 48]
      const terms = Array.from({ length: width }, (_, k) => {
        return Number(x.data[row * width + k]) * Number(plain.data[column * width + k])
      })
      return terms.reduce((sum, term) => sum + term, 0)
    })
    // Inputs are rounded to 8 bits by ONNX Runtime: about a hundredth of a unit for sums of 64.
    const growth = Math.sqrt(width / 64)
    expectClose(got, wanted, { relative: 0, absolute: 0.25 * growth, what: 'product' })
    const off = got.map((value, i) => (value - wanted[i]!) ** 2).reduce((a, b) => a + b) / got.length
    expect(Math.sqrt(off)).toBeLessThan(0.08 * growth)

    const ids = { dtype: 'int32', shape: [3], data: Int32Array.of(47, 0, 13) } as const
    const rows = await run(gather(input('w', 'float32', [48, width]), input('x', 'int32', [3])), quantized, ids)
    const those = [...ids.data].flatMap((id) => [...plain.data.slice(id * width, (id + 1) * width)].map(Number))
    expectClose(rows, those, { relative: 1e-6, what: 'rows' })
  })
})

it('gives the same numbers where products of one x are stacked, and stacks no other', async () => {
  const sizes = { a: 16, b: 48, looked: 32, other: 16 }
  const matrices = Object.fromEntries(
    Object.entries(sizes).map(([name, rows], seed) => {
      return [name, quantizeMatrix(gaussians([rows, 64], seed), { bits: name === 'other' ? 8 : 4, blockSize: 32 })]
    }),
  )
  const x = input('x', 'float32', [3, 64])
  const w = (name: keyof typeof sizes) => input(name, 'float32', [sizes[name], 64])
  const table = w('looked')
  const outputs = {
    ...{ a: linear(x, w('a')), b: linear(x, w('b')), other: linear(x, w('other')), looked: linear(x, table) },
    rows: gather(table, input('ids', 'int32', [2])),
  }
  const feeds = { x: gaussians([3, 64], 9), ids: { dtype: 'int32', shape: [2], data: Int32Array.of(31, 0) } as const }
  const computed = async (stack: boolean) => {
    const renamed = Object.fromEntries(Object.entries(outputs).map(([name, out]) => [`out.${name}`, out]))
    const options = { provider: 'cpu', initializers: Object.keys(sizes), quantized: formatsOf(matrices) } as const
    const program = lower(renamed, { ...options, stack })
    expect(program.stacks).toEqual(stack ? { 'a+b': ['a', 'b'] } : {})
    const initializers = stackedPartsOf(matrices, program.stacks)
    const session = await engine.createSession(program.bytes, { initializers })
    const made = Object.entries(renamed).map(([name, { dtype, shape }]) => {
      return [name, engine.createBuffer({ dtype, shape: shape as number[] })] as const
    })
    const fed = { x: engine.createBuffer(feeds.x), ids: engine.createBuffer(feeds.ids) }
    await session.bind(fed, Object.fromEntries(made)).run()
    const values = await Promise.all(made.map(async ([name, buffer]) => [name, [...(await buffer.read())]] as const))
    await session.release()
    return Object.fromEntries(values)
  }
  const apart = await computed(false)
  expect(await computed(true)).toEqual(apart)
  expect(new Set(apart['out.b']).size).toBeGreaterThan(100)
})

it('says what cannot be in few bits', () => {
  const format = { bits: 4, blockSize: 32 } as const
  expect(canQuantize([4, 48], format)).toBe(false)
  expect(() => quantizeMatrix(float32(new Float32Array(48), [1, 48]), format)).toThrow(
    new ConfigError('quantize: [1,48] does not divide into blocks of 32; leave it as it is'),
  )
  const x = input('x', 'float32', [2, 32])
  expect(() =>
    lower(
      { out: matmul(x, input('w', 'float32', [32, 8])) },
      { provider: 'cpu', initializers: ['w'], quantized: { w: format } },
    ),
  ).toThrow(ConfigError)
})

it('is all zeros for zeros', () => {
  const zeros = quantizeMatrix(float32(new Float32Array(64), [2, 32]), { bits: 8, blockSize: 32 })
  expect([...zeros.scales.data].map((scale) => Math.abs(Number(scale)))).toEqual([0, 0])
  expect(dequantizeMatrix(zeros).data.every((value) => Number(value) === 0)).toBe(true)
})

it('errs little more in 4 bits than with the best of all scales, and less than where the largest number is −8', () => {
  const w = gaussians([64, 32], 5)
  const values = w.data as Float32Array
  const errorOf = (row: Float32Array, scale: number) =>
    row.reduce((sum, x) => sum + (x - scale * Math.min(7, Math.max(-8, Math.round(x / scale)))) ** 2, 0)
  const back = dequantizeMatrix(quantizeMatrix(w, { bits: 4, blockSize: 32 })).data as Float32Array
  const total = { found: 0, best: 0, plain: 0 }
  for (let row = 0; row < 64; row++) {
    const here = values.subarray(32 * row, 32 * row + 32)
    total.found += here.reduce((sum, x, i) => sum + (x - back[32 * row + i]!) ** 2, 0)
    const extreme = here.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0)
    total.plain += errorOf(here, extreme / -8)
    const scales = Array.from({ length: 4000 }, (_, i) => ((i - 2000) / 2000) * Math.abs(extreme) * 0.2).filter(Boolean)
    total.best += Math.min(...scales.map((scale) => errorOf(here, scale)))
  }
  expect(total.found).toBeLessThan(1.1 * total.best)
  expect(total.found).toBeLessThan(0.93 * total.plain)
})

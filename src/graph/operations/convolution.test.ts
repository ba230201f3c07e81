import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import { sizeOf } from '../dtype.ts'
import * as g from '../index.ts'
import { evaluate } from '../testing/program.ts'
import { expectClose } from '../testing/tolerance.ts'

/*
 * The processor's lowering goes by the number of channels; the fixtures are too small for all its ways. The lowering
 * for WebGPU has one way for each operation, held to PyTorch's values by operations.test.ts: both must agree.
 */

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const ways: readonly (readonly [string, number, number, g.Convolution2dOptions, g.Pair])[] = [
  ['many to many', 20, 24, { padding: 1 }, [3, 3]],
  ['many to many, padded unevenly', 17, 18, { padding: [1, 0, 2, 1] }, [3, 2]],
  ['many to many, padded beyond the kernel', 18, 17, { padding: 3 }, [2, 3]],
  ['so many to many that small pictures go side by side', 96, 100, { padding: 1 }, [3, 3]],
  ['many to many in groups', 64, 32, { padding: 1, groups: 2 }, [3, 3]],
  ['many to many of stride 2', 20, 24, { padding: 1, stride: 2 }, [3, 3]],
  ['many to many, dilated', 20, 24, { padding: 2, dilation: 2 }, [3, 3]],
  ['many to many by one pixel', 20, 24, {}, [1, 1]],
  ['many to few', 20, 3, { padding: 1 }, [3, 3]],
  ['many to few, padded unevenly', 20, 3, { padding: [1, 0, 2, 1] }, [3, 2]],
  ['many to few, padded beyond the kernel', 20, 3, { padding: 3 }, [3, 3]],
  ['many to few in groups', 40, 6, { padding: 1, groups: 2 }, [3, 3]],
  ['many to few, dilated', 20, 3, { padding: 1, dilation: 2 }, [3, 3]],
  ['many to few of stride 2', 20, 3, { padding: 1, stride: 2 }, [3, 3]],
  ['few to many', 3, 20, { padding: 1 }, [3, 3]],
  ['few to many, padded unevenly', 3, 20, { padding: [1, 0, 2, 1] }, [3, 2]],
  ['few to many in groups', 6, 40, { padding: 1, groups: 2 }, [3, 3]],
]

it.each(ways)('%s: the processor’s lowering gives what the plain one gives', async (_, from, to, options, kernel) => {
  const x = g.input('x', 'float32', [8, from, 7, 6])
  const w = g.input('w', 'float32', [to, from / (options.groups ?? 1), ...kernel])
  const bias = g.input('bias', 'float32', [to])
  const y = g.conv2d(x, w, options, bias)
  const [dx, dw] = g.gradients(g.sum(g.mul(y, g.sin(y))), [x, w]) as [g.Tensor, g.Tensor]
  const random = Random.seed(8)
  const draw = ({ shape }: g.Tensor) => {
    const data = new Float32Array(sizeOf(shape as number[]))
    random.fillGaussian(data)
    return data
  }
  const feeds = { x: draw(x), w: draw(w).map((value) => value / 10), bias: draw(bias) }
  const cpu = await evaluate(engine, { y, dx, dw }, feeds)
  const plain = await evaluate(engine, { y, dx, dw }, feeds, { provider: 'webgpu' })
  for (const [name, value] of Object.entries(plain))
    expectClose(cpu[name]!, value, { relative: 1e-4, absolute: 1e-4, what: name })
  expect(cpu.dw!.some((value) => Math.abs(Number(value)) > 0.1)).toBe(true)
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { gradients } from './gradient.ts'
import { argMax, broadcastTo, cast, equal, greater, less, sum } from './index.ts'
import type { Attributes, Operation } from './operation.ts'
import { add, exp, mul, relu, sign, sin, stopGradient } from './operations/elementwise.ts'
import { split } from './operations/shape.ts'
import { apply, applyOne, input, type Tensor } from './tensor.ts'
import { expectSlopes, slopes } from './testing/differences.ts'
import { evaluate } from './testing/program.ts'
import { expectClose } from './testing/tolerance.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const x = input('x', 'float32', [3])
const at = { x: Float32Array.of(0.5, -1, 2) }
const gradientOf = async (y: Tensor, feeds = at) => {
  const [gradient] = gradients(sum(y), [x])
  return [...(await evaluate(engine, { gradient: gradient! }, feeds)).gradient!]
}

describe('gradients', () => {
  it('add up over every path', async () => {
    // d/dx (x² + x · sin x) = 2x + sin x + x cos x
    const wanted = [...at.x].map((v) => 2 * v + Math.sin(v) + v * Math.cos(v))
    expectClose((await gradientOf(add(mul(x, x), mul(x, sin(x))))) as number[], wanted)
  })

  it('of gradients, to the fourth order: d⁴/dx⁴ sin 2x = 16 sin 2x', async () => {
    let y: Tensor = sin(mul(x, 2))
    for (let order = 0; order < 4; order++) y = gradients(sum(y), [x])[0]!
    const got = await evaluate(engine, { y }, at)
    expectClose(
      got.y!,
      [...at.x].map((v) => 16 * Math.sin(2 * v)),
    )
  })

  it('are zeros for what the loss does not depend on, of any dtype', async () => {
    const [other, ids] = [input('other', 'float32', [2]), input('ids', 'int64', [2])]
    const [a, b] = gradients(sum(x), [other, ids]) as [Tensor, Tensor]
    const got = await evaluate(engine, { a, b })
    expect([...got.a!, ...got.b!]).toEqual([0, 0, 0n, 0n])
  })

  it('are those of the inner tensor too, where one member of the list is computed from another', async () => {
    const y = mul(x, 3)
    const [ofX, ofY] = gradients(sum(mul(y, y)), [x, y]) as [Tensor, Tensor]
    const got = await evaluate(engine, { ofX, ofY }, at)
    expect([...got.ofY!]).toEqual([3, -6, 12])
    expect([...got.ofX!]).toEqual([9, -18, 36])
  })

  it.each<[string, () => Tensor]>([
    ['sign', () => mul(x, sign(x))],
    ['stopGradient', () => mul(x, stopGradient(sign(x)))],
    ['a comparison', () => mul(x, add(cast(greater(x, 0), 'float32'), mul(cast(less(x, 0), 'float32'), -1)))],
    ['equality', () => mul(x, sign(add(x, cast(equal(x, 100), 'float32'))))],
    ['rounding by casts', () => mul(x, sign(add(x, mul(cast(cast(x, 'int32'), 'float32'), 0.5))))],
    ['argMax', () => mul(x, sign(add(x, mul(cast(broadcastTo(argMax(x), [3]), 'float32'), 0))))],
  ])('take %s as a constant', async (_, build) => {
    expect(await gradientOf(build())).toEqual([1, -1, 1])
  })

  it('are 0 where relu and abs have a kink', async () => {
    expect(await gradientOf(relu(x), { x: Float32Array.of(0, -1, 2) })).toEqual([0, 0, 1])
  })

  it('reach a tensor that is used in parts, of which some lead nowhere', async () => {
    const [first, , third] = split(x, 0, [1, 1, 1]) as [Tensor, Tensor, Tensor]
    expect(await gradientOf(add(mul(first, 2), mul(third, first)))).toEqual([4, 0, 0.5])
  })
})

/** a · b + e^b, by its decomposition alone. */
const composed: Operation = {
  name: 'composed',
  infer: ([a]) => [a!],
  decompose: ([a, b]) => [add(mul(a!, b!), exp(b!))],
}

describe('an operation without a rule', () => {
  const compose = (a: Tensor, b: Tensor) => applyOne(composed, [a, b], {} as Attributes)

  it('has the gradient of its decomposition', async () => {
    const b = input('b', 'float32', [3])
    expectSlopes(await slopes(engine, [compose(x, b)], [x, b], { ...at, b: Float32Array.of(0.2, 0.4, -0.5) }))
  })

  it('takes its inputs as free of each other, even where one is computed from another', async () => {
    expectSlopes(await slopes(engine, [compose(mul(x, x), x)], [x], at))
    expectSlopes(await slopes(engine, [compose(x, sin(x))], [x], at))
  })

  it('counts an input that it has twice once', async () => {
    expectSlopes(await slopes(engine, [compose(x, x)], [x], at))
  })
})

describe('the check by differences', () => {
  it.each([1.01, 0, -1])('catches a rule that is off by a factor of %d', async (factor) => {
    const wrong: Operation = {
      name: 'wrong',
      infer: ([type]) => [type!],
      gradient: ({ inputs }, [g]) => [mul(mul(g!, exp(inputs[0]!)), factor)],
      decompose: ([a]) => [exp(a!)],
    }
    const found = await slopes(engine, apply(wrong, [x], {}), [x], at)
    const worst = Math.max(...found.map((s) => Math.abs(s.rule - s.differences) / Math.max(1, Math.abs(s.differences))))
    expect(worst).toBeGreaterThan(5e-3)
  })
})

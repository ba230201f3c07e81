import { expect } from 'vitest'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { sizeOf, type TypedArray } from '../dtype.ts'
import { gradients } from '../gradient.ts'
import { add, mul } from '../operations/elementwise.ts'
import { sum } from '../operations/reduce.ts'
import { constant, inputName, scalar, type Tensor } from '../tensor.ts'
import { compile, type ProgramOptions, type Values } from './program.ts'

/** Points of the five-point rule of the first derivative, and their weights: error O(h⁴). */
const stencil = [
  [-2, 1 / 12],
  [-1, -2 / 3],
  [1, 2 / 3],
  [2, -1 / 12],
] as const

/** h: float32 rounds a slope by about 10⁻⁷/h, the rule errs by about h⁴/30. */
const step = 0.02

/** A slope by rule and by differences, along one direction. */
export interface Slope {
  readonly order: 1 | 2
  readonly rule: number
  readonly differences: number
}

/**
 * First and second derivatives by the gradient rules, and by central differences, along three fixed random directions.
 *
 * L = Σ outputs · w and S = Σ ∂L/∂x · u with fixed random w and u. Along each direction d: ∂L/∂x · d against
 * differences of L, ∂S/∂x · d against differences of S. These sums are made in double precision.
 */
export async function slopes(
  engine: Engine,
  outputs: readonly Tensor[],
  wrt: readonly Tensor[],
  feeds: Values,
  options: ProgramOptions = {},
): Promise<Slope[]> {
  const random = Random.seed(20)
  const like = (x: Tensor) => gaussians(sizeOf(x.shape as number[]), random)
  const [w, u] = [outputs.map(like), wrt.map(like)]
  const first = gradients(weighted(outputs, w), wrt)
  const second = gradients(weighted(first, u), wrt)
  const named = (prefix: string, tensors: readonly Tensor[]) => tensors.map((x, i) => [`${prefix}${i}`, x] as const)
  const all = Object.fromEntries([...named('y', outputs), ...named('first', first), ...named('second', second)])
  const program = await compile(engine, all, options)
  const here = await program.run(feeds)
  const result: Slope[] = []
  for (let n = 0; n < 3; n++) {
    const d = wrt.map(like)
    let [ofL, ofS] = [0, 0]
    for (const [at, weight] of stencil) {
      const there = await program.run(shifted(feeds, wrt, d, at * step))
      ofL += (weight * dots(there, 'y', w)) / step
      ofS += (weight * dots(there, 'first', u)) / step
    }
    result.push({ order: 1, rule: dots(here, 'first', d), differences: ofL })
    result.push({ order: 2, rule: dots(here, 'second', d), differences: ofS })
  }
  await program.release()
  return result
}

/** Expects rules and differences to agree to `tolerance` of max(1, |slope|). */
export function expectSlopes(slopes: readonly Slope[], tolerance = 1e-3): void {
  for (const { order, rule, differences } of slopes) {
    const off = Math.abs(rule - differences) / Math.max(1, Math.abs(differences))
    expect.soft(off, `order ${order}: rule ${rule}, differences ${differences}`).toBeLessThan(tolerance)
  }
}

function weighted(tensors: readonly Tensor[], weights: readonly Float32Array[]): Tensor {
  return tensors
    .map((x, i) => sum(mul(x, constant({ dtype: 'float32', shape: x.shape as number[], data: weights[i]! }))))
    .reduce((total, part) => add(total, part), scalar(0))
}

function gaussians(size: number, random: Random): Float32Array {
  const data = new Float32Array(size)
  random.fillGaussian(data)
  return data.map((value) => Math.max(-2, Math.min(2, value)))
}

function shifted(feeds: Values, wrt: readonly Tensor[], d: readonly Float32Array[], by: number): Values {
  const moved = wrt.map((x, n) => {
    const name = inputName(x)!
    return [name, d[n]!.map((slope, i) => Number(feeds[name]![i]) + by * slope)] as const
  })
  return { ...feeds, ...Object.fromEntries(moved) }
}

function dots(values: Values, prefix: string, by: readonly Float32Array[]): number {
  return by.reduce((total, part, i) => total + dot(values[`${prefix}${i}`]!, part), 0)
}

function dot(a: TypedArray, b: Float32Array): number {
  return b.reduce((total, value, i) => total + Number(a[i]) * value, 0)
}

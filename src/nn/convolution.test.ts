import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sizeOf } from '../graph/dtype.ts'
import * as g from '../graph/index.ts'
import { expectSlopes, slopes } from '../graph/testing/differences.ts'
import { evaluate } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { Convolution, modulatedConv2d } from './convolution.ts'
import { Scope } from './parameters.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const [B, I, O, side] = [2, 3, 4, 5]
const x = g.input('x', 'float32', [B, I, side, side])
const weight = g.input('weight', 'float32', [O, I, 3, 3])
const style = g.input('style', 'float32', [B, I])

function feeds() {
  const random = Random.seed(3)
  const draw = ({ shape }: g.Tensor) => {
    const data = new Float32Array(sizeOf(shape as number[]))
    random.fillGaussian(data)
    return data
  }
  return { x: draw(x), weight: draw(weight), style: draw(style).map((value) => 1 + value / 4) }
}

/** Karras et al. 2020, equations 1 and 3, to the letter: a kernel for each picture, and each picture a group. */
function byKernels(demodulate: boolean): g.Tensor {
  const modulated = g.mul(g.reshape(style, [B, 1, I, 1, 1]), weight)
  const energy = g.sum(g.mul(modulated, modulated), { axes: [2, 3, 4], keepDims: true })
  const kernels = demodulate ? g.div(modulated, g.sqrt(g.add(energy, 1e-8))) : modulated
  const flat = g.reshape(kernels, [B * O, I, 3, 3])
  return g.reshape(g.conv2d(g.reshape(x, [1, B * I, side, side]), flat, { padding: 1, groups: B }), [B, O, side, side])
}

describe('modulatedConv2d', () => {
  it.each([true, false])('is StyleGAN2’s convolution by a kernel a picture, demodulated %s', async (demodulate) => {
    const wanted = byKernels(demodulate)
    const got = modulatedConv2d(x, weight, style, demodulate)
    const withGradients = (y: g.Tensor) => {
      const found = g.gradients(g.sum(g.mul(y, g.sin(y))), [x, weight, style])
      return { y, ...Object.fromEntries(found.map((tensor, i) => [`gradient${i}`, tensor])) }
    }
    const values = await evaluate(engine, withGradients(got), feeds())
    const golds = await evaluate(engine, withGradients(wanted), feeds())
    for (const [name, gold] of Object.entries(golds))
      expectClose(values[name]!, gold, { relative: 1e-4, absolute: 2e-4, what: name })
  })

  it('gives outputs of unit deviation for unit inputs, whatever the style', async () => {
    const { x: pictures, weight: kernel } = feeds()
    const values = { x: pictures, weight: kernel, style: Float32Array.of(100, 100, 100, 1e-3, 1e-3, 1e-3) }
    const { y } = await evaluate(engine, { y: modulatedConv2d(x, weight, style) }, values)
    const half = y!.length / 2
    for (const part of [y!.subarray(0, half), y!.subarray(half)]) {
      const square = [...part].reduce<number>((total, value) => total + Number(value) ** 2, 0) / half
      expect(square).toBeGreaterThan(0.3)
      expect(square).toBeLessThan(2)
    }
  })

  it('has slopes of first and second order', async () => {
    expectSlopes(await slopes(engine, [modulatedConv2d(x, weight, style)], [x, weight, style], feeds()))
  })
})

describe('Convolution', () => {
  it('adds a bias a channel to the cross-correlation of a padded picture', async () => {
    const scope = new Scope('c')
    const layer = new Convolution(scope, 1, 2, { bias: true })
    const values = {
      'c.weight': Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1),
      'c.bias': Float32Array.of(10, 20),
      z: Float32Array.of(1, 2, 3, 4),
    }
    const { y } = await evaluate(engine, { y: layer.forward(g.input('z', 'float32', [1, 1, 2, 2])) }, values)
    expect([...y!]).toEqual([11, 12, 13, 14, 30, 30, 30, 30])
  })

  it('begins with a deviation by what a kernel sums over, or with zeros', () => {
    const { parameters } = new Scope()
    const scope = new Scope('c', parameters)
    new Convolution(scope.child('a'), 8, 8, { groups: 2, gain: 3 })
    new Convolution(scope.child('b'), 8, 8, { kernel: 1, gain: 0 })
    expect(parameters.get('c.a.weight')).toMatchObject({
      shape: [8, 4, 3, 3],
      initializer: { kind: 'normal', deviation: 0.5 },
    })
    expect(parameters.get('c.b.weight')).toMatchObject({ shape: [8, 8, 1, 1], initializer: { kind: 'zeros' } })
    expect(parameters.has('c.a.bias')).toBe(false)
  })
})

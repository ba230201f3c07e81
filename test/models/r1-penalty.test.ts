import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sizeOf } from '../../src/graph/dtype.ts'
import { gradients } from '../../src/graph/gradient.ts'
import { input } from '../../src/graph/tensor.ts'
import { compile, type Values } from '../../src/graph/testing/program.ts'
import { squaredGradientNorm } from '../../src/losses/adversarial.ts'
import type { Conditioning } from '../../src/models/gan.ts'
import { ganNamed } from '../../src/models/gan-registry.ts'
import type { Parameter } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const batch = 2
/** The five-point rule: error O(h⁴). */
const [h, stencil] = [
  2e-3,
  [
    [-2, 1 / 12],
    [-1, -2 / 3],
    [1, 2 / 3],
    [2, -1 / 12],
  ],
] as const

/**
 * Weights that keep what is rectified away from zero, by biases of ±3: the penalty is made of slopes, which jump where a
 * pre-activation changes its sign, and differences must not cross such a place.
 */
function weightsOf(parameters: Iterable<Parameter>, random: Random): Record<string, Float32Array> {
  const entries = [...parameters].map(({ name, shape }) => {
    const data = new Float32Array(sizeOf(shape))
    random.fillGaussian(data, /conv1/.test(name) ? 0.02 : shape.length > 1 ? sizeOf(shape.slice(1)) ** -0.5 : 0.1)
    const isBias = /act\d*\.bias$/.test(name)
    return [
      name,
      isBias ? data.map((value) => 3 * Math.sign(value)) : /norm.*weight/.test(name) ? data.map((x) => 1 + x) : data,
    ]
  })
  return Object.fromEntries(entries)
}

const wishes: readonly (readonly [string, Conditioning, Int32Array | undefined])[] = [
  ['no condition', { kind: 'none' }, undefined],
  ['classes', { kind: 'class', nClasses: 3 }, Int32Array.of(1, 3)],
  ['words', { kind: 'text', vocabSize: 5, maxTokens: 3 }, Int32Array.of(2, 5, 0, 0, 0, 0)],
]

describe.each(wishes)("a whole discriminator's R1 penalty, with %s", (_, conditioning, asked) => {
  it('has, by every one of its parameters, the gradient that differences give', async () => {
    const gan = ganNamed('r3gan').build({
      imageSize: 8,
      channels: 3,
      patch: 1,
      latentSize: 4,
      generatorWidth: 4,
      discriminatorWidth: 4,
      maxWidth: 8,
      blocks: 1,
      conditionWidth: 8,
      textLayers: 1,
      conditioning,
    })
    const pictures = input('pictures', 'float32', [batch, 3, 8, 8])
    const condition = asked && input('condition', 'int32', conditioning.kind === 'class' ? [batch] : [batch, 3])
    const r1 = squaredGradientNorm(gan.discriminate(pictures, condition), pictures)
    const parameters = [...gan.discriminator.parameters.values()]
    const wrt = gradients(
      r1,
      parameters.map(({ tensor }) => tensor),
    )
    const outputs = Object.fromEntries(parameters.map(({ name }, i) => [`slope.${name}`, wrt[i]!]))
    const program = await compile(engine, { r1, ...outputs })
    const random = Random.seed(11)
    const data = new Float32Array(batch * 3 * 64)
    random.fillGaussian(data, 0.5)
    const weights = weightsOf(parameters, random)
    const fed = { pictures: data, ...(asked ? { condition: asked } : {}) }
    const here = await program.run({ ...fed, ...weights })
    const whole = Number(here.r1![0])
    expect(whole).toBeGreaterThan(0.01)
    for (const { name } of parameters) {
      // Along the sign of each slope: every element counts, and none cancels another.
      const slope = here[`slope.${name}`] as Float32Array
      const direction = slope.map(Math.sign)
      const rule = slope.reduce((total, value) => total + Math.abs(value), 0)
      const reach = Math.min(1, whole / Math.max(rule, 1e-9))
      let differences = 0
      for (const [at, weight] of stencil) {
        const moved: Values = {
          ...weights,
          [name]: weights[name]!.map((value, i) => value + at * h * reach * direction[i]!),
        }
        differences += (weight * Number((await program.run({ ...fed, ...moved })).r1![0])) / (h * reach)
      }
      expect
        .soft(Math.abs(rule - differences) / Math.max(rule, 0.02 * whole), `${name}: ${rule}, ${differences}`)
        .toBeLessThan(0.02)
      if (!/bias|realness\.bias/.test(name)) expect.soft(rule, `${name} matters to the penalty`).toBeGreaterThan(0)
    }
    await program.release()
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sizeOf } from '../../src/graph/dtype.ts'
import { input } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { relativistic } from '../../src/losses/adversarial.ts'
import type { Gan, GanConfig } from '../../src/models/gan.ts'
import { ganNamed } from '../../src/models/gan-registry.ts'
import type { Parameter } from '../../src/nn/parameters.ts'
import { adamW } from '../../src/optim/adamw.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { GanTrainer } from '../../src/train/gan-trainer.ts'
import { stateName } from '../../src/train/step.ts'

interface Forward {
  readonly pictures: readonly number[]
  readonly logits: readonly number[]
  /** Names of all weights that the reference used. */
  readonly names: readonly string[]
}
type Flat = Readonly<Record<string, readonly number[]>>
interface Rounds {
  readonly reports: readonly Readonly<Record<string, number>>[]
  /** Every seventh element of the weights after the last round, and of the generator's moving average. */
  readonly after: Flat
  readonly average: Flat
}

const reference = readFixture<{ dcgan: Forward; 'wgan-gp': Forward; r3gan: Rounds }>('gan/gan.json')
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const config: GanConfig = {
  imageSize: 16,
  channels: 1,
  patch: 1,
  latentSize: 4,
  generatorWidth: 2,
  discriminatorWidth: 2,
  maxWidth: 6,
  blocks: 1,
  conditionWidth: 3,
  textLayers: 0,
  conditioning: { kind: 'none' },
}

/** Uniform on ±1.7 · scale by the minimal standard generator (Park & Miller 1988), as the fixture's script draws. */
function drawn(name: string, shape: readonly number[], scale = 1): Float32Array {
  let state = [...name].reduce((total, c, i) => total + (i + 1) * c.charCodeAt(0), 1)
  return Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (state * 16807) % 2147483647
    return ((state / 2147483647) * 2 - 1) * 1.7 * scale
  })
}

/** The weights that the fixture's script starts from: around 1 where they scale a norm. */
function weightsOf(parameters: ReadonlyMap<string, Parameter>): Record<string, Float32Array> {
  const entries = [...parameters.values()].map(({ name, shape, trained }) => {
    if (trained === false) return [name, new Float32Array(sizeOf(shape))] as const
    const values = drawn(name, shape, (shape.length > 1 ? sizeOf(shape.slice(1)) : 16) ** -0.5)
    const isScale = name.includes('norm') && name.endsWith('weight')
    return [name, isScale ? values.map((value) => 1 + value) : values] as const
  })
  return Object.fromEntries(entries)
}

const trainedNames = (gan: Gan) =>
  [...gan.generator.parameters.values(), ...gan.discriminator.parameters.values()]
    .filter(({ trained }) => trained !== false)
    .map(({ name }) => name)

describe.each([
  ['dcgan', { ...config, channels: 3, conditioning: { kind: 'class', nClasses: 2 } }, Int32Array.of(0, 2, 1)],
  ['wgan-gp', config, undefined],
] as const)('%s', (name, settings, classes) => {
  it("paints PyTorch's pictures and gives its logits, by the batch's statistics, and keeps the next running ones", async () => {
    const gan = ganNamed(name).build(settings)
    const wanted = reference[name]
    expect(trainedNames(gan).sort()).toEqual(wanted.names)
    const condition = classes && input('condition', 'int32', [3])
    const updates = new Map()
    const pictures = gan.generate(input('latents', 'float32', [3, 4]), condition, { updates })
    const logits = gan.discriminate(pictures, condition)
    const feeds = {
      ...weightsOf(gan.generator.parameters),
      ...weightsOf(gan.discriminator.parameters),
      latents: drawn('latents', [3, 4]),
      ...(classes ? { condition: classes } : {}),
    }
    const got = await evaluate(engine, { pictures, logits }, feeds)
    expectClose(got.pictures!, wanted.pictures, { relative: 1e-4, absolute: 2e-5, what: 'pictures' })
    expectClose(got.logits!, wanted.logits, { relative: 1e-4, absolute: 2e-5, what: 'logits' })
    const statistics = [...gan.generator.parameters.values()].filter(({ trained }) => trained === false)
    expect([...updates.keys()].sort()).toEqual(statistics.map((parameter) => parameter.name).sort())
  })
})

describe('r3gan', () => {
  it("plays PyTorch's rounds: losses, penalties, gradients, Adam of both players, moving average", async () => {
    const gan = ganNamed('r3gan').build({
      ...config,
      imageSize: 16,
      patch: 2,
      generatorWidth: 8,
      discriminatorWidth: 8,
      maxWidth: 8,
      conditionWidth: 4,
      conditioning: { kind: 'class', nClasses: 3 },
    })
    const { reports, after, average } = reference.r3gan
    expect(trainedNames(gan).sort()).toEqual(Object.keys(after).sort())
    const adam = adamW({ beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0 })
    const trainer = await GanTrainer.create(engine, {
      gan,
      objective: relativistic,
      weights: { penalty: 0.5, penaltyShare: 1, matching: 0 },
      batchSize: 4,
      optimizer: { generator: adam, discriminator: adam },
      gradientClip: Number.POSITIVE_INFINITY,
      emaDecay: 0.9,
      augmented: false,
      seed: 1,
    })
    const first = { ...weightsOf(gan.generator.parameters), ...weightsOf(gan.discriminator.parameters) }
    for (const [name, values] of Object.entries(first)) {
      await trainer.buffer(name).write(values)
      if (name.startsWith('generator')) await trainer.buffer(stateName.ema(name)).write(values)
    }
    for (const [t, report] of reports.entries()) {
      const got = await trainer.round(
        (player) => ({
          real: drawn(`real ${t} ${player}`, [4, 1, 16, 16]),
          latents: drawn(`latents ${t} ${player}`, [4, 4]),
          condition: Int32Array.from({ length: 4 }, (_, i) => (t + (player === 'generator' ? 1 : 0) + i) % 4),
        }),
        { generator: 0.01, discriminator: 0.02 },
      )
      for (const [name, value] of Object.entries(report))
        expectClose([got[name as keyof typeof got] as number], [value], {
          relative: 2e-4,
          what: `${name} of round ${t}`,
        })
    }
    for (const [prefix, wanted] of [
      ['', after],
      ['ema.', average],
    ] as const)
      for (const [name, values] of Object.entries(wanted)) {
        const got = (await trainer.buffer(prefix + name).read()).filter((_, i) => i % 7 === 0) as Float32Array
        expectClose(got, values, { relative: 1e-4, absolute: 1e-4, what: prefix + name })
        // What is compared has moved by far more than the tolerance.
        const moved = Math.max(...values.map((value, i) => Math.abs(value - first[name]![7 * i]!)))
        expect(moved, name).toBeGreaterThan(prefix ? 1e-4 : 1e-3)
      }
    await trainer.release()
  })
})

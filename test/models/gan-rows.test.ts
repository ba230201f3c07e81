import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input } from '../../src/graph/tensor.ts'
import { evaluate, type Values } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import type { Conditioning, Gan, GanConfig } from '../../src/models/gan.ts'
import { type GanRow, ganArchitectures } from '../../src/models/gan-registry.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { GanTrainer } from '../../src/train/gan-trainer.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const [batch, rounds] = [4, 4]
const asked = { none: 0, class: 1, text: 3 } as const

function configOf(conditioning: Conditioning): GanConfig {
  return {
    imageSize: 16,
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
  }
}

/** Feeds of a step: noise for pictures, and every class or token id in turn. */
function feedsOf(kind: Conditioning['kind'], step: number) {
  const random = Random.seed(6).at(step)
  const noise = (length: number) => {
    const data = new Float32Array(length)
    random.fillGaussian(data, 0.5)
    return data
  }
  const ids = (from: number) => Int32Array.from({ length: batch * asked[kind] }, (_, i) => (from + i + step) % 4)
  return {
    real: noise(batch * 3 * 256),
    latents: noise(batch * 4),
    between: Float32Array.from({ length: batch }, () => random.uniform()),
    ...(kind === 'none' ? {} : { condition: ids(0) }),
    ...(kind === 'text' ? { mismatched: ids(1) } : {}),
  }
}

const wishes: readonly Conditioning[] = [
  { kind: 'none' },
  { kind: 'class', nClasses: 3 },
  { kind: 'text', vocabSize: 3, maxTokens: 3 },
]
const all = ganArchitectures.flatMap((row) => wishes.map((wish) => [row.name, wish.kind, row, wish] as const))

async function play(row: GanRow, gan: Gan, kind: Conditioning['kind']) {
  const adam = adamW({ beta1: 0.5, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 })
  const trainer = await GanTrainer.create(engine, {
    gan,
    objective: row.objective,
    weights: { penalty: 1, penaltyShare: 1, matching: 1 },
    batchSize: batch,
    optimizer: { generator: adam, discriminator: adam },
    gradientClip: Number.POSITIVE_INFINITY,
    emaDecay: 0.5,
    augmented: false,
    seed: 2,
  })
  const results = []
  for (let step = 0; step < rounds; step++)
    results.push(await trainer.round(() => feedsOf(kind, step), { generator: 1e-3, discriminator: 1e-3 }))
  const after: Record<string, Float32Array> = {}
  for (const name of [...gan.generator.parameters.keys(), ...gan.discriminator.parameters.keys()])
    after[name] = Float32Array.from((await trainer.buffer(name).read()) as Float32Array)
  await trainer.release()
  return { results, after }
}

describe.each(all)('%s, asked for by %s', (_, kind, row, conditioning) => {
  it('plays rounds that stay finite and move every weight and every statistic of both players', async () => {
    const gan = row.build(configOf(conditioning))
    const { results, after } = await play(row, gan, kind)
    for (const value of results.flatMap((result) => Object.values(result))) expect(Number.isFinite(value)).toBe(true)
    const random = Random.seed(2).split('parameters')
    for (const parameter of [...gan.generator.parameters.values(), ...gan.discriminator.parameters.values()]) {
      const { name } = parameter
      expect.soft(after[name]!.every(Number.isFinite), `${name} is finite`).toBe(true)
      // The same shift of all keys changes no attention.
      if (/k_proj\.bias$/.test(name)) continue
      expect.soft(after[name], `${name} moves`).not.toEqual(initialize(parameter, random).data)
    }
  })
})

const byClass = ganArchitectures.map((row) => [row.name, row] as const)

describe.each(byClass)('guidance of %s', (_, row) => {
  it('of 1 is none, and of 0 asks for no class', async () => {
    const gan = row.build(configOf({ kind: 'class', nClasses: 3 }))
    const latents = input('latents', 'float32', [2, 4])
    const condition = input('condition', 'int32', [2])
    const outputs = {
      plain: gan.generate(latents, condition),
      guided: gan.generate(latents, condition, { guidance: input('guidance', 'float32', []) }),
    }
    const random = Random.seed(8)
    const weights: Record<string, Float32Array> = {}
    for (const parameter of gan.generator.parameters.values())
      weights[parameter.name] = initialize(parameter, random).data as Float32Array
    const noise = new Float32Array(8)
    random.fillGaussian(noise)
    const paint = (values: Values) => evaluate(engine, outputs, { ...weights, latents: noise, ...values })
    const asking = await paint({ condition: Int32Array.of(0, 2), guidance: Float32Array.of(1) })
    expectClose(asking.guided!, asking.plain!, { absolute: 1e-5 })
    const ignoring = await paint({ condition: Int32Array.of(0, 2), guidance: Float32Array.of(0) })
    const nothing = await paint({ condition: Int32Array.of(3, 3), guidance: Float32Array.of(1) })
    expectClose(ignoring.guided!, nothing.plain!, { absolute: 1e-5 })
    const away = asking.plain!.some((value, i) => Math.abs(Number(value) - Number(nothing.plain![i])) > 1e-4)
    expect(away).toBe(true)
  })
})

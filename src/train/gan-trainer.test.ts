import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import type { TypedArray } from '../graph/dtype.ts'
import type { GanConfig } from '../models/gan.ts'
import { ganNamed } from '../models/gan-registry.ts'
import { adamW } from '../optim/adamw.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { faulty } from '../runtime/testing/faulty.ts'
import { averagingDecay, GanTrainer, type GanTrainerOptions, type RoundFeeds } from './gan-trainer.ts'
import { stateName } from './step.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 })
})
afterAll(() => engine.close())

const batchSize = 4
const config: GanConfig = {
  imageSize: 16,
  channels: 1,
  patch: 1,
  latentSize: 4,
  generatorWidth: 4,
  discriminatorWidth: 4,
  maxWidth: 8,
  blocks: 1,
  conditionWidth: 4,
  textLayers: 1,
  conditioning: { kind: 'class', nClasses: 3 },
}
const adam = adamW({ beta1: 0, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 })
const rates = { generator: 1e-3, discriminator: 1e-3 }

function trainer(on: Engine, architecture: string, changes: Partial<GanTrainerOptions> = {}): Promise<GanTrainer> {
  const row = ganNamed(architecture)
  return GanTrainer.create(on, {
    gan: row.build(config),
    objective: row.objective,
    weights: { penalty: 1, penaltyShare: 0.5, matching: 0 },
    batchSize,
    optimizer: { generator: adam, discriminator: adam },
    gradientClip: Number.POSITIVE_INFINITY,
    emaDecay: 0.9,
    augmented: false,
    seed: 0,
    ...changes,
  })
}

/** Feeds as a function of the round, the player and its step. */
function feedsOf(round: number): RoundFeeds {
  return (player, index) => {
    const random = Random.seed(7).split(player).at(round).at(index)
    const gaussians = (size: number) => {
      const values = new Float32Array(size)
      random.fillGaussian(values)
      return values
    }
    const condition = Int32Array.from({ length: batchSize }, () => random.integer(4))
    const between = Float32Array.from({ length: batchSize }, () => random.uniform())
    return { real: gaussians(batchSize * 256), latents: gaussians(batchSize * 4), between, condition }
  }
}

async function played(on: Engine, architecture: string, rounds = 3) {
  const player = await trainer(on, architecture)
  const results = []
  for (let i = 0; i < rounds; i++) results.push(await player.round(feedsOf(i), rates))
  const state: Record<string, TypedArray> = {}
  for (const name of player.stateNames) state[name] = await player.buffer(name).read()
  await player.release()
  return { results, state }
}

describe.each(['r3gan', 'dcgan', 'wgan-gp'])('rounds of %s', (architecture) => {
  it('give the same bits in place and in two sets of buffers that take turns', async () => {
    const inPlace = await played(engine, architecture)
    expect(await played(faulty(engine, { inPlace: false }).engine, architecture)).toEqual(inPlace)
    expect(inPlace.results.every((result) => Object.values(result).every(Number.isFinite))).toBe(true)
  })

  it('move both players, and the average after the generator', async () => {
    const [once, twice] = [await played(engine, architecture, 1), await played(engine, architecture, 2)]
    const moved = Object.keys(once.state).filter((name) => String(once.state[name]) !== String(twice.state[name]))
    for (const beginning of ['generator.', 'discriminator.', stateName.ema('generator.')])
      expect(moved.some((name) => name.startsWith(beginning))).toBe(true)
  })
})

describe('a trainer of two networks', () => {
  it('says what a feed lacks', async () => {
    const player = await trainer(engine, 'r3gan')
    const withoutReal: RoundFeeds = async (name, index) => {
      const { real: _, ...rest } = await feedsOf(0)(name, index)
      return rest
    }
    await expect(player.round(withoutReal, rates)).rejects.toThrow(
      new ConfigError("train: the discriminator's feed lacks real; give it its values", { key: 'real' }),
    )
    await player.release()
  })

  it.each([
    [{ batchSize: 0 }, 'trainer: batchSize is 0, wanted a whole number from 1'],
    [{ emaDecay: 1 }, 'trainer: emaDecay is 1, wanted 0 up to but not 1'],
    [{ gradientClip: 0 }, 'trainer: gradientClip is 0, wanted a number above 0; Infinity clips nothing'],
    [{ weights: { penalty: 1, penaltyShare: 0, matching: 0 } }, 'trainer: penaltyShare is 0, wanted above 0 up to 1'],
  ])('refuses %j', async (changes, message) => {
    await expect(trainer(engine, 'r3gan', changes)).rejects.toThrow(new ConfigError(message))
  })

  it('draws pictures to those that were asked for, as much as it is told', async () => {
    const first = async (reconstruction: number) => {
      const player = await trainer(engine, 'r3gan', { reconstruction })
      const rounds = []
      for (let i = 0; i < 40; i++) rounds.push(await player.round(feedsOf(0), { generator: 0.01, discriminator: 0 }))
      await player.release()
      return rounds
    }
    const [free, drawn] = [await first(0), await first(10)]
    const [begin, end] = [drawn[0]!, drawn.at(-1)!]
    expect(free[0]).not.toHaveProperty('reconstructionError')
    expect(begin.generatorLoss).toBeCloseTo(free[0]!.generatorLoss + 10 * begin.reconstructionError!, 4)
    expect(end.reconstructionError).toBeLessThan(0.9 * begin.reconstructionError!)
  })

  it('averages little at first, and then as it is told', () => {
    expect([0, 1, 8, 90, 1e6].map((rounds) => averagingDecay(0.9, rounds))).toEqual([0.1, 2 / 11, 0.5, 0.9, 0.9])
  })
})

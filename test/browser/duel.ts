import type { GanConfig } from '../../src/models/gan.ts'
import { ganNamed } from '../../src/models/gan-registry.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { GanTrainer, type RoundFeeds, type RoundResult } from '../../src/train/gan-trainer.ts'

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
  conditioning: { kind: 'class', nClasses: 2 },
}

/** Rounds of a tiny R3GAN, R1 and R2 penalties included; the same on every engine but for rounding. */
export async function duelTinyGan(engine: Engine, rounds: number): Promise<RoundResult[]> {
  const { objective, build } = ganNamed('r3gan')
  const adam = adamW({ beta1: 0, beta2: 0.99, epsilon: 1e-4, weightDecay: 0 })
  const trainer = await GanTrainer.create(engine, {
    gan: build(config),
    objective,
    weights: { penalty: 1, penaltyShare: 1, matching: 0 },
    batchSize,
    optimizer: { generator: adam, discriminator: adam },
    gradientClip: Number.POSITIVE_INFINITY,
    emaDecay: 0.9,
    augmented: false,
    seed: 3,
  })
  const results: RoundResult[] = []
  for (let round = 0; round < rounds; round++)
    results.push(await trainer.round(feedsOf(round), { generator: 1e-3, discriminator: 1e-3 }))
  await trainer.release()
  return results
}

function feedsOf(round: number): RoundFeeds {
  return (player) => {
    const random = Random.seed(1).split(player).at(round)
    const gaussians = (size: number) => {
      const values = new Float32Array(size)
      random.fillGaussian(values)
      return values
    }
    const condition = Int32Array.from({ length: batchSize }, (_, i) => i % 3)
    return { real: gaussians(batchSize * 256), latents: gaussians(batchSize * 4), condition }
  }
}

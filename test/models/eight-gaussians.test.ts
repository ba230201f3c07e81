import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leakyRelu } from '../../src/graph/operations/elementwise.ts'
import { pad, reshape } from '../../src/graph/operations/shape.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { compile } from '../../src/graph/testing/program.ts'
import { relativistic } from '../../src/losses/adversarial.ts'
import type { Gan, GanConfig } from '../../src/models/gan.ts'
import { Linear } from '../../src/nn/layers.ts'
import { Scope } from '../../src/nn/parameters.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { GanTrainer } from '../../src/train/gan-trainer.ts'

const [latentSize, hidden, batchSize, rounds] = [8, 64, 128, 2000]
/** Of each of eight Gaussians, whose centres lie evenly on the unit circle. */
const deviation = 0.05

/** Points of the plane as pictures of one pixel, whose third colour is always 0. */
class PointGan implements Gan {
  readonly config: GanConfig = {
    imageSize: 1,
    channels: 3,
    patch: 1,
    latentSize,
    generatorWidth: hidden,
    discriminatorWidth: hidden,
    maxWidth: hidden,
    blocks: 1,
    conditionWidth: 1,
    textLayers: 0,
    conditioning: { kind: 'none' },
  }
  readonly generator = new Scope()
  readonly discriminator = new Scope()
  readonly #painter = layers(this.generator.child('generator'), [latentSize, hidden, hidden, 2])
  readonly #judge = layers(this.discriminator.child('discriminator'), [3, hidden, hidden, 1])

  generate(latents: Tensor): Tensor {
    return reshape(pad(through(this.#painter, latents), 1, 0, 1), [latents.shape[0]!, 3, 1, 1])
  }

  discriminate(pictures: Tensor): Tensor {
    const [batch] = pictures.shape
    return reshape(through(this.#judge, reshape(pictures, [batch!, 3])), [batch!])
  }
}

function layers(scope: Scope, widths: readonly number[]): Linear[] {
  return widths.slice(1).map((outputs, i) => {
    return new Linear(scope.child(i), widths[i]!, outputs, { deviation: Math.sqrt(2 / widths[i]!), bias: true })
  })
}

function through(network: readonly Linear[], x: Tensor): Tensor {
  return network.reduce((y, layer, i) => layer.forward(i === 0 ? y : leakyRelu(y, 0.2)), x)
}

/** A batch of the distribution to learn: [B, 3, 1, 1]. */
function points(random: Random): Float32Array {
  const batch = new Float32Array(batchSize * 3)
  for (let i = 0; i < batchSize; i++) {
    const angle = (random.integer(8) * Math.PI) / 4
    batch[3 * i] = Math.cos(angle) + deviation * random.gaussian()
    batch[3 * i + 1] = Math.sin(angle) + deviation * random.gaussian()
  }
  return batch
}

/** How many points lie within 4 deviations of each centre. */
function countModes(samples: Float32Array): number[] {
  const counts = new Array<number>(8).fill(0)
  for (let i = 0; i < samples.length; i += 3) {
    const [x, y] = [samples[i]!, samples[i + 1]!]
    const mode = (Math.round(Math.atan2(y, x) / (Math.PI / 4)) + 8) % 8
    const away = Math.hypot(x - Math.cos((mode * Math.PI) / 4), y - Math.sin((mode * Math.PI) / 4))
    if (away < 4 * deviation) counts[mode]!++
  }
  return counts
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 })
})
afterAll(() => engine.close())

describe('the relativistic game with R1 and R2', () => {
  it('learns all eight of eight Gaussians, by count', async () => {
    const gan = new PointGan()
    const adam = adamW({ beta1: 0, beta2: 0.9, epsilon: 1e-8, weightDecay: 0 })
    const trainer = await GanTrainer.create(engine, {
      gan,
      objective: relativistic,
      weights: { penalty: 0.05, penaltyShare: 1, matching: 0 },
      batchSize,
      optimizer: { generator: adam, discriminator: adam },
      gradientClip: Number.POSITIVE_INFINITY,
      emaDecay: 0.99,
      augmented: false,
      seed: 3,
    })
    const random = Random.seed(4)
    for (let round = 0; round < rounds; round++) {
      const rate = 1e-2 * Math.min(1, 2 * (1 - round / rounds))
      await trainer.round(
        (player) => {
          const own = random.split(player).at(round)
          const latents = new Float32Array(batchSize * latentSize)
          own.split('latents').fillGaussian(latents)
          return { real: points(own), latents }
        },
        { generator: rate, discriminator: rate },
      )
    }
    const counts = await countsOf(gan, trainer)
    await trainer.release()
    // Of 4,000 samples each centre should have 500.
    expect(Math.min(...counts), `${counts}`).toBeGreaterThan(250)
    expect(counts.reduce((total, count) => total + count)).toBeGreaterThan(2600)
  })

  it('counts what lies near a centre, and nothing else', () => {
    expect(countModes(Float32Array.of(0, 0, 0, 0.5, 0.5, 0, 1, 0, 0))).toEqual([1, 0, 0, 0, 0, 0, 0, 0])
  })
})

/** Samples of the generator's moving average near each centre. */
async function countsOf(gan: Gan, trainer: GanTrainer): Promise<number[]> {
  const y = gan.generate(input('latents', 'float32', [4000, latentSize]))
  const program = await compile(engine, { y })
  const latents = new Float32Array(4000 * latentSize)
  Random.seed(5).fillGaussian(latents)
  const weights = Object.entries(trainer.weights()).map(async ([name, buffer]) => [name, await buffer.read()] as const)
  const got = await program.run({ ...Object.fromEntries(await Promise.all(weights)), latents })
  await program.release()
  return countModes(got.y as Float32Array)
}

import { type Objective, relativistic } from '../../src/losses/adversarial.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { GanTrainer } from '../../src/train/gan-trainer.ts'
import { PeerGan } from './peer-gan.ts'

/** The same game without R1 and R2: both players' loss is a ranking. */
const unpenalized: Objective = {
  ...relativistic,
  discriminator(duel) {
    const { loss, reports } = relativistic.generator({ ...duel, real: duel.fake, fake: duel.real })
    return { loss, reports }
  },
}

/** One round of `torch_peers.py gan` by our trainer: the same real pictures again and again, latents drawn anew. */
export async function peerGanTrainer(
  batch: number,
  { penalized = true, ...options }: { readonly threads?: number; readonly penalized?: boolean } = {},
): Promise<{ step(): Promise<void>; release(): Promise<void> }> {
  const engine = await createEngine('cpu', options)
  const adam = adamW({ beta1: 0, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 })
  const trainer = await GanTrainer.create(engine, {
    gan: new PeerGan(256),
    objective: penalized ? relativistic : unpenalized,
    // γ / 2 is the peer's ½.
    weights: { penalty: 1, penaltyShare: 1, matching: 0 },
    batchSize: batch,
    optimizer: { generator: adam, discriminator: adam },
    gradientClip: Number.POSITIVE_INFINITY,
    emaDecay: 0.999,
    augmented: false,
    seed: 1,
  })
  const random = Random.seed(1).split('pictures')
  const real = Float32Array.from({ length: batch * 3 * 32 * 32 }, () => random.uniform() * 2 - 1)
  const latents = new Float32Array(batch * 128)
  const feeds = () => {
    random.fillGaussian(latents)
    return { real, latents }
  }
  const learningRate = { generator: 2e-4, discriminator: 2e-4 }
  return {
    async step() {
      const { discriminatorLoss, generatorLoss } = await trainer.round(feeds, learningRate)
      if (!Number.isFinite(discriminatorLoss + generatorLoss)) throw new Error('the round did not stay finite')
    },
    async release() {
      await trainer.release()
      await engine.close()
    },
  }
}

import { crossEntropy } from '../../src/graph/operations/loss.ts'
import { mean } from '../../src/graph/operations/reduce.ts'
import { reshape, slice } from '../../src/graph/operations/shape.ts'
import { input } from '../../src/graph/tensor.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { PeerGpt } from './peer-gpt.ts'

const [B, T, V] = [12, 256, 65]

/** One step of `torch_peers.py gpt`, by our trainer: the same batch of random ids again and again. */
export async function peerGptTrainer(): Promise<{ step(): Promise<void>; release(): Promise<void> }> {
  const model = new PeerGpt({ vocabulary: V, context: T, width: 384, layers: 6, heads: 6 })
  const tokens = input('tokens', 'int32', [B, T + 1])
  const logits = model.logits(slice(tokens, 1, 0, T))
  const targets = reshape(slice(tokens, 1, 1, T + 1), [B * T])
  const engine = await createEngine('cpu')
  const trainer = await Trainer.create(engine, {
    loss: mean(crossEntropy(reshape(logits, [B * T, V]), targets)),
    parameters: model.scope.parameters,
    optimizer: adamW({ beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 }),
    gradientClip: 1,
    seed: 1,
  })
  const random = Random.seed(1).split('tokens')
  const ids = Int32Array.from({ length: B * (T + 1) }, () => random.integer(V))
  return {
    async step() {
      await trainer.train([{ tokens: ids }], 1e-3)
    },
    async release() {
      await trainer.release()
      await engine.close()
    },
  }
}

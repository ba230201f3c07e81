import { allocate } from '../../src/graph/dtype.ts'
import { input } from '../../src/graph/tensor.ts'
import { nextTokenLoss } from '../../src/losses/next-token.ts'
import { Decoder } from '../../src/models/decoder.ts'
import { adamW } from '../../src/optim/adamw.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { Trainer } from '../../src/train/trainer.ts'

const sizes = { vocabSize: 12, contextLength: 8, dModel: 16, nLayers: 2, nHeads: 2, nKvHeads: 1, dFf: 32 }
const batchSize = 4

/** Losses of a tiny decoder that learns to count upwards, step by step; the same on every engine but for rounding. */
export async function trainTinyDecoder(engine: Engine, steps: number): Promise<number[]> {
  const decoder = new Decoder({ ...sizes, tieEmbeddings: true, dropout: 0, normEpsilon: 1e-5, ropeTheta: 10_000 })
  const tokens = input('tokens', 'int32', [batchSize, sizes.contextLength + 1])
  const trainer = await Trainer.create(engine, {
    parameters: decoder.scope.parameters,
    optimizer: adamW({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 }),
    loss: nextTokenLoss(tokens, (ids) => decoder.logits(ids)),
    gradientClip: 1,
    seed: 7,
  })
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    losses.push((await trainer.train([{ tokens: countingBatch(step) }], 0.01)).loss)
  }
  await trainer.release()
  return losses
}

/** Rows that count upwards from anywhere, modulo the vocabulary: int32 [B, T + 1]. */
function countingBatch(step: number): Int32Array {
  const width = sizes.contextLength + 1
  const ids = allocate('int32', batchSize * width) as Int32Array
  for (let i = 0; i < ids.length; i++) {
    ids[i] = (step * 5 + Math.floor(i / width) * 3 + (i % width)) % sizes.vocabSize
  }
  return ids
}

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { answerLoss, nextTokenLoss } from '../../src/losses/next-token.ts'
import { loadModel } from '../../src/models/checkpoint.ts'
import { LoraModel } from '../../src/models/lora.ts'
import { adamW } from '../../src/optim/adamw.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { type Feeds, Trainer, type TrainerOptions } from '../../src/train/trainer.ts'

interface Expected {
  readonly ids: readonly (readonly number[])[]
  readonly counted: readonly (readonly number[])[]
  readonly next: Readonly<Record<string, readonly number[]>>
  readonly answers: Readonly<Record<string, readonly number[]>>
  readonly lora: Readonly<Record<string, readonly number[]>>
}

const expected = readFixture<Expected>('models/tuning.json')
const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 })
})
afterAll(() => engine.close())

/** The losses before each of three updates. */
async function lossesOf(options: Pick<TrainerOptions, 'parameters' | 'loss' | 'initial' | 'frozen'>, feeds: Feeds) {
  const optimizer = adamW({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 })
  const trainer = await Trainer.create(engine, {
    ...options,
    optimizer,
    gradientClip: Number.POSITIVE_INFINITY,
    seed: 1,
  })
  const losses: number[] = []
  for (let i = 0; i < 3; i++) losses.push((await trainer.train([feeds], 0.01)).loss)
  await trainer.release()
  return losses
}

function expectLosses(got: readonly number[], wanted: readonly number[]) {
  for (const [i, loss] of got.entries()) expect(Math.abs(loss - wanted[i]!), `step ${i}`).toBeLessThan(1e-5)
}

const [B, T] = [expected.ids.length, expected.ids[0]!.length - 1]
const tokens = input('tokens', 'int32', [B, T + 1])
const windows = { tokens: Int32Array.from(expected.ids.flat()) }

describe('three updates from a published checkpoint have the losses of transformers to 1e-5', () => {
  const tune = async (name: string, lossOf: (predict: (ids: Tensor) => Tensor) => Tensor, feeds: Feeds) => {
    const { architecture, weights } = await loadModel(path(name))
    const loss = lossOf((ids) => architecture.logits(ids))
    return lossesOf({ parameters: architecture.scope.parameters, loss, initial: weights }, feeds)
  }

  it.each(Object.entries(expected.next))('%s, every token', async (name, wanted) => {
    expectLosses(await tune(name, (predict) => nextTokenLoss(tokens, predict), windows), wanted)
  })

  it.each(Object.entries(expected.answers))('%s, the tokens of answers alone', async (name, wanted) => {
    const mask = input('mask', 'float32', [B, T])
    const counted = Float32Array.from(expected.counted.flatMap((row) => row.slice(1)))
    expectLosses(
      await tune(name, (predict) => answerLoss(tokens, mask, predict), { ...windows, mask: counted }),
      wanted,
    )
  })
})

describe('three updates of an adapter alone have the losses of PEFT to 1e-5', () => {
  it.each(Object.entries(expected.lora))('%s', async (name, wanted) => {
    const { architecture, weights } = await loadModel(path(name))
    const { base, adapters } = architecture as LoraModel
    expect(architecture).toBeInstanceOf(LoraModel)
    const loss = nextTokenLoss(tokens, (ids) => architecture.logits(ids))
    const part = (of: ReadonlyMap<string, unknown>) =>
      Object.fromEntries(Object.entries(weights).filter(([key]) => of.has(key)))
    const [initial, frozen] = [part(adapters.parameters), part(base.scope.parameters)]
    expectLosses(await lossesOf({ parameters: adapters.parameters, loss, initial, frozen }, windows), wanted)
  })
})

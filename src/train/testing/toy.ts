import { input } from '../../graph/tensor.ts'
import { answerLoss, nextTokenLoss } from '../../losses/next-token.ts'
import { Decoder } from '../../models/decoder.ts'
import { RandomKey } from '../../nn/random-bits.ts'
import { adamW, muon, type Optimizer } from '../../optim/index.ts'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { type Feeds, Trainer, type TrainerOptions } from '../trainer.ts'

const vocabulary = 11
const length = 8

const adamWOptions = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 }
export const toyOptimizers: Readonly<Record<'adamw' | 'muon', Optimizer>> = {
  adamw: adamW(adamWOptions),
  muon: muon({
    ...adamWOptions,
    momentum: 0.95,
    matrixRate: 6,
    isHiddenMatrix: ({ name, shape }) => shape.length === 2 && name.includes('layers'),
  }),
}

/** What a toy trainer may differ in. */
export interface ToyOptions
  extends Pick<TrainerOptions, 'emaDecay' | 'accumulation'>,
    Partial<Pick<TrainerOptions, 'gradientClip'>> {
  readonly batch?: number
  readonly dModel?: number
  readonly dropout?: number
  readonly optimizer?: Optimizer
  readonly seed?: number
}

/** A trainer of a decoder of some 2,000 parameters. */
export function toyTrainer(engine: Engine, options: ToyOptions = {}): Promise<Trainer> {
  const { batch = 4, dModel, dropout = 0, optimizer = toyOptimizers.adamw, seed = 1, ...rest } = options
  const model = toyModel(dropout, dModel)
  const key = dropout > 0 ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  const tokens = input('tokens', 'int32', [batch, length + 1])
  const loss = nextTokenLoss(tokens, (ids) => model.logits(ids, key))
  return Trainer.create(engine, { parameters: model.scope.parameters, loss, optimizer, gradientClip: 1, seed, ...rest })
}

/** The same for batches of {@link maskedToyBatch} of each of some widths. */
export function maskedToyTrainer(engine: Engine, widths: readonly number[], accumulation: number): Promise<Trainer> {
  const model = toyModel(0)
  const [loss, ...otherLosses] = widths.map((width) => {
    const tokens = input('tokens', 'int32', [4, width + 1])
    return answerLoss(tokens, input('mask', 'float32', [4, width]), (ids) => model.logits(ids))
  })
  const { parameters } = model.scope
  const optimizer = toyOptimizers.muon
  return Trainer.create(engine, {
    parameters,
    loss: loss!,
    otherLosses,
    optimizer,
    accumulation,
    gradientClip: 1,
    seed: 1,
  })
}

/** Four rows that hold `predictions` each, padded to `width`. */
export function maskedToyBatch(step: number, predictions: number, width: number): Feeds {
  const whole = toyBatch(step).tokens!
  const [tokens, mask] = [new Int32Array(4 * (width + 1)), new Float32Array(4 * width)]
  for (let row = 0; row < 4; row++) {
    const start = row * (length + 1)
    tokens.set(whole.subarray(start, start + predictions + 1) as Int32Array, row * (width + 1))
    mask.fill(1, row * width, row * width + predictions)
  }
  return { tokens, mask }
}

function toyModel(dropout: number, dModel = 16): Decoder {
  return new Decoder({
    vocabSize: vocabulary,
    contextLength: length,
    dModel,
    nLayers: 1,
    nHeads: 2,
    nKvHeads: 1,
    dFf: 24,
    dropout,
    tieEmbeddings: true,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
  })
}

/** Rows of ids where each follows from the one before, all but a few: something to learn. */
export function toyBatch(step: number, rows = 4): Feeds {
  const random = Random.seed(5).at(step)
  const row = () => {
    let id = random.integer(vocabulary)
    return Array.from({ length: length + 1 }, () => (id = (3 * id + 1 + (random.uniform() < 0.1 ? 1 : 0)) % vocabulary))
  }
  return { tokens: Int32Array.from(Array.from({ length: rows }, row).flat()) }
}

/** All state of a trainer, by name. */
export async function stateOf(trainer: Trainer): Promise<Record<string, Float32Array>> {
  const entries = trainer.stateNames.map(async (name) => {
    return [name, ((await trainer.buffer(name).read()) as Float32Array).slice()] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

import type { PairShape } from '../../data/pairs.ts'
import { pairBatch } from '../../data/pairs.ts'
import type { Pair } from '../../data/span-corruption.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { ConfigError } from '../../errors.ts'
import { reshape } from '../../graph/operations/shape.ts'
import { input } from '../../graph/tensor.ts'
import { tokenLoss, tokenSums } from '../../losses/token-loss.ts'
import { rowNamed } from '../../models/registry.ts'
import { RandomKey } from '../../nn/random-bits.ts'
import { checkDecodable } from '../../sample/cached-model.ts'
import { complete } from '../../sample/complete.ts'
import { SequenceModel } from '../../sample/sequence-model.ts'
import { sequenceConfig } from '../settings.ts'
import { drops, type Given, type ModelGiven, modelFor, modelSettings, type Objective, type TextTask } from './task.ts'

/** What tasks of models that read one text and write another have in common. */
export const sequenceTask = {
  family: 'sequenceToSequence',
  tokenizer: { kind: 'unigram' },
  checkSizes: (given: ModelGiven) => {
    const row = rowNamed('sequenceToSequence', given.architecture)
    const fresh = () => sequenceConfig(given.settings, { vocabSize: 1, bos: undefined, eos: undefined, pad: 0 })
    checkDecodable(row.build(modelSettings(row, given, fresh)).dimensions)
  },
} satisfies Partial<TextTask>

/** How pairs come out of a corpus. */
export interface PairPlan {
  readonly shape: PairShape
  /** Narrower shapes, narrowest first: a batch of training is of the first that holds its pairs. */
  readonly narrower?: readonly PairShape[]
  /** The pairs of a batch of training, a pure function of its number. */
  pairs(index: number): readonly Pair[]
  readonly batchesPerEpoch: number
  heldOut(): Iterable<readonly Pair[]>
  /** A source to show the model on the way. */
  readonly example: Int32Array
  readonly notes: readonly string[]
  /** Whether what the model writes is shown with its special tokens. */
  readonly showsSpecial: boolean
}

/**
 * Writing targets from sources, by teacher forcing: the decoder sees the target so far, the loss is the mean over all
 * tokens of targets, their ends included; padding counts nothing.
 */
export function openSequence(given: Given, plan: PairPlan): Objective {
  const { settings, corpus } = given
  const { tokenizer } = corpus
  const row = rowNamed('sequenceToSequence', given.architecture)
  const { config, architecture } = modelFor('sequenceToSequence', row, given, () => sequenceConfig(settings, tokenizer))
  const ids = { pad: config.padTokenId, start: config.startTokenId }
  const key = drops(given) ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  const logitsOf = ({ source, written, targets }: Placeholders, dropping?: RandomKey) =>
    reshape(architecture.logits(source, written, dropping), [targets.targets.shape[0]!, config.vocabSize])
  const lossOf = (shape: PairShape) => {
    const placeholders = placeholdersOf(shape)
    return tokenLoss(logitsOf(placeholders, key), placeholders.targets, { smoothing: settings.labelSmoothing })
  }
  const { narrower = [] } = plan
  const whole = placeholdersOf(plan.shape)
  return {
    title: row.title,
    architecture,
    loss: lossOf(plan.shape),
    narrowerLosses: narrower.map(lossOf),
    batch: (index) => {
      const pairs = plan.pairs(index)
      const shape = narrower.find((one) => holds(one, pairs)) ?? plan.shape
      const tokens = pairs.reduce((sum, { source, target }) => sum + source.length + target.length, 0)
      return { feeds: { ...pairBatch(pairs, shape, ids) }, tokens }
    },
    batchesPerEpoch: plan.batchesPerEpoch,
    heldOut: {
      sums: tokenSums(logitsOf(whole), whole.targets),
      *batches() {
        for (const pairs of plan.heldOut()) {
          const predictions = pairs.reduce((sum, { target }) => sum + target.length, 0)
          yield { feeds: { ...pairBatch(pairs, plan.shape, ids) }, predictions }
        }
      },
      figures: ({ loss, correct }) => ({ validationLoss: loss!, accuracy: correct! }),
    },
    sample: async (engine, weights) => {
      const prompt = given.prompt ? encodeSource(tokenizer, given.prompt) : [...plan.example]
      const model = await SequenceModel.create(engine, architecture, { buffers: weights })
      try {
        const read = await model.read(prompt)
        try {
          const settingsOfSample = { maxTokens: Math.min(sampleTokens, settings.contextLength - 1), temperature: 0 }
          const endOfText = [config.eosTokenId]
          const [made] = await complete(read.model, [[config.startTokenId]], settingsOfSample, { endOfText })
          const shown = { skipSpecial: !plan.showsSpecial }
          return {
            prompt: `${tokenizer.decode(Int32Array.from(prompt).filter((id) => id !== config.eosTokenId))}\n→ `,
            text: tokenizer.decode(made?.ids ?? [], shown),
          }
        } finally {
          read.release()
        }
      } finally {
        await model.release()
      }
    },
    notes: plan.notes,
  }
}

type Placeholders = ReturnType<typeof placeholdersOf>

/** What a batch of {@link pairBatch} feeds. */
function placeholdersOf({ batchSize: B, sourceLength: S, targetLength: T }: PairShape) {
  return {
    source: { ids: input('source', 'int32', [B, S]), mask: input('sourceMask', 'int32', [B, S]) },
    written: input('written', 'int32', [B, T]),
    targets: { targets: input('targets', 'int32', [B * T]), weights: input('weights', 'float32', [B * T]) },
  }
}

function holds({ sourceLength, targetLength }: PairShape, pairs: readonly Pair[]): boolean {
  return pairs.every(({ source, target }) => source.length <= sourceLength && target.length <= targetLength)
}

/** Most tokens of a sample on the way. */
const sampleTokens = 64

/** Ids of a source as the tokenizer's model expects it, its end last. */
export function encodeSource(tokenizer: Tokenizer, text: string): number[] {
  return [...tokenizer.template.frame(tokenizer.encode(text.normalize('NFC'))).ids]
}

/** The token that ends sources and targets. Throws {@link ConfigError} where there is none. */
export function endOf({ eos }: Tokenizer): number {
  if (eos !== undefined) return eos
  throw new ConfigError('t5: the tokenizer has no token that ends a text; use --tokenizer unigram')
}

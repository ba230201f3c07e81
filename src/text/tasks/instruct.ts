import { type ChatShape, ChatSource } from '../../data/chats.ts'
import { batchesByLength, chooseWidths, widthsOf } from '../../data/length-pools.ts'
import { DataError } from '../../errors.ts'
import { input } from '../../graph/tensor.ts'
import { answerLoss } from '../../losses/next-token.ts'
import { rowNamed } from '../../models/registry.ts'
import { RandomKey } from '../../nn/random-bits.ts'
import { Random } from '../../random/random.ts'
import { nextTokenSums } from '../../train/held-out.ts'
import { Chat } from '../chat/chat.ts'
import { modelConfig } from '../settings.ts'
import { writeFrom } from '../write-sample.ts'
import { nextTask } from './next.ts'
import { drops, type Given, goesInEpochs, modelFor, type Objective, type TextTask } from './task.ts'

/**
 * Answering in conversations (Ouyang et al. 2022, section 3.5, supervised fine-tuning): each is written by the model's
 * chat template, one a row, and what the assistant says counts alone. What is longer than the context is cut off there.
 */
export const instructTask: TextTask = {
  ...nextTask,
  name: 'instruct',
  does: 'answer in conversations',
  chats: true,
  open,
}

function open(given: Given): Objective {
  const { settings, corpus, seed, prompt } = given
  const { tokenizer, marks } = corpus
  if (!marks) throw new DataError('instruct: the corpus holds no conversations; prepare it again')
  const train = new ChatSource(corpus.train, marks.train, settings.contextLength)
  const validation = new ChatSource(corpus.validation, marks.validation, settings.contextLength)
  const { batchSize } = settings
  const lengths = predictionsOf(train)
  const widest = widthsOf([...lengths, ...predictionsOf(validation)], [settings.contextLength])
  const random = Random.seed(seed).split('chats')
  const batches = batchesByLength({ lengths, batchSize, inEpochs: goesInEpochs(given) }, random)
  const shapes = chooseWidths(batches, lengths, widest).map(([contextLength = 0]) => ({ batchSize, contextLength }))
  const shape = shapes.at(-1)!
  const row = rowNamed('causal', given.architecture)
  const { architecture } = modelFor('causal', row, given, () => modelConfig(settings, tokenizer))
  const key = drops(given) ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  const lossOf = ({ contextLength }: ChatShape) => {
    const tokens = input('tokens', 'int32', [batchSize, contextLength + 1])
    const mask = input('mask', 'float32', [batchSize, contextLength])
    return answerLoss(tokens, mask, (ids) => architecture.logits(ids, key), { smoothing: settings.labelSmoothing })
  }
  const chat = new Chat(tokenizer)
  const asked = prompt ? chat.prompt([{ role: 'user', content: prompt.normalize('NFC') }]) : [...validation.opening(0)]
  return {
    title: row.title,
    architecture,
    loss: lossOf(shape),
    narrowerLosses: shapes.slice(0, -1).map(lossOf),
    batch: (index) => {
      const items = batches(index)
      const predictions = items.map((item) => lengths[item]![0]!)
      const narrowest = shapes.find(({ contextLength }) => predictions.every((count) => count <= contextLength))!
      return { feeds: { ...train.batch(items, narrowest) }, tokens: sum(predictions) + batchSize }
    },
    batchesPerEpoch: train.size / batchSize,
    heldOut: {
      sums: nextTokenSums(architecture, shape),
      *batches() {
        for (let first = 0; first < validation.size; first += batchSize) {
          const rows = Math.min(batchSize, validation.size - first)
          const feeds = validation.batch(
            Array.from({ length: rows }, (_, i) => first + i),
            shape,
          )
          yield { feeds: { ...feeds }, predictions: sum(feeds.mask) }
        }
      },
      figures: ({ loss }) => ({ validationLoss: loss! }),
    },
    sample: async (engine, weights, step) => {
      const ends = chat.ends()
      const text = await writeFrom(engine, architecture, weights, tokenizer, { ids: asked, seed, ends }, step)
      return { prompt: `${tokenizer.decode(asked, { skipSpecial: true }).trim()}\n→ `, text }
    },
    notes: notesOn(train, settings.contextLength),
  }
}

/** Of each conversation, how many tokens follow its first. */
function predictionsOf({ lengths }: ChatSource): (readonly [number])[] {
  return lengths.map((length) => [length - 1])
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function notesOn(train: ChatSource, contextLength: number): string[] {
  const all = train.size + train.leftOut
  const [cut, late] = [train.cut, train.leftOut]
  return [
    ...(cut > 0
      ? [`${cut} of ${all} conversations are longer than contextLength ${contextLength}: cut off there`]
      : []),
    ...(late > 0
      ? [`${late} of ${all} conversations have no answer within contextLength ${contextLength}: left out`]
      : []),
  ]
}

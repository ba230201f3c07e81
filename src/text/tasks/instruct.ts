import { ChatSource } from '../../data/chats.ts'
import { pairInEpochs } from '../../data/pairs.ts'
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

/** Rows are so wide as the longest conversation, rounded up to a multiple of this. */
const widthStep = 8

function open(given: Given): Objective {
  const { settings, corpus, seed, prompt } = given
  const { tokenizer, marks } = corpus
  if (!marks) throw new DataError('instruct: the corpus holds no conversations; prepare it again')
  const train = new ChatSource(corpus.train, marks.train, settings.contextLength)
  const validation = new ChatSource(corpus.validation, marks.validation, settings.contextLength)
  const { lengths } = train
  const longest = [...lengths, ...validation.lengths].reduce((most, length) => Math.max(most, length), 0)
  const contextLength = Math.min(settings.contextLength, Math.ceil((longest - 1) / widthStep) * widthStep)
  const shape = { batchSize: settings.batchSize, contextLength }
  const row = rowNamed('causal', given.architecture)
  const { architecture } = modelFor('causal', row, given, () => modelConfig(settings, tokenizer))
  const tokens = input('tokens', 'int32', [shape.batchSize, contextLength + 1])
  const mask = input('mask', 'float32', [shape.batchSize, contextLength])
  const key = drops(given) ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  const smoothing = settings.labelSmoothing
  const random = Random.seed(seed).split('chats')
  const inEpochs = goesInEpochs(given)
  const chosen = (index: number): number[] => {
    const stream = random.at(index)
    return Array.from({ length: shape.batchSize }, (_, i) =>
      inEpochs ? pairInEpochs(index * shape.batchSize + i, train.size, random) : stream.integer(train.size),
    )
  }
  const chat = new Chat(tokenizer)
  const asked = prompt ? chat.prompt([{ role: 'user', content: prompt.normalize('NFC') }]) : [...validation.opening(0)]
  return {
    title: row.title,
    architecture,
    loss: answerLoss(tokens, mask, (ids) => architecture.logits(ids, key), { smoothing }),
    batch: (index) => {
      const items = chosen(index)
      return { feeds: { ...train.batch(items, shape) }, tokens: sum(items.map((item) => lengths[item]!)) }
    },
    batchesPerEpoch: train.size / shape.batchSize,
    heldOut: {
      sums: nextTokenSums(architecture, shape),
      *batches() {
        for (let first = 0; first < validation.size; first += shape.batchSize) {
          const rows = Math.min(shape.batchSize, validation.size - first)
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

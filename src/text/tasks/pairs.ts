import { PairSource, pairInEpochs } from '../../data/pairs.ts'
import { Random } from '../../random/random.ts'
import { endOf, openSequence, sequenceTask } from './sequence.ts'
import { type Given, goesInEpochs, type Objective, type TextTask } from './task.ts'

/** Writing the second text of each pair from the first. */
export const pairsTask: TextTask = {
  ...sequenceTask,
  name: 'pairs',
  does: 'write the second text of a pair from the first',
  pairs: true,
  open,
}

/** Batches are so wide as the longest text, rounded up to a multiple of this. */
const widthStep = 8

function open(given: Given): Objective {
  const { settings, corpus, seed } = given
  const { batchSize, contextLength } = settings
  const end = endOf(corpus.tokenizer)
  const [train, validation] = [new PairSource(corpus.train, end), new PairSource(corpus.validation, end)]
  const lengths = [train.lengths, validation.lengths]
  const widthOf = (longest: number) => Math.min(contextLength, Math.ceil(longest / widthStep) * widthStep)
  const sources = lengths.map((one) => longestOf(one.sources))
  const targets = lengths.map((one) => longestOf(one.targets))
  const shape = {
    batchSize,
    sourceLength: widthOf(Math.max(...sources)),
    targetLength: widthOf(Math.max(...targets)),
  }
  const random = Random.seed(seed).split('pairs')
  const inEpochs = goesInEpochs(given)
  const choose = (index: number): number[] => {
    const stream = random.at(index)
    return Array.from({ length: batchSize }, (_, row) =>
      inEpochs ? pairInEpochs(index * batchSize + row, train.size, random) : stream.integer(train.size),
    )
  }
  return openSequence(given, {
    shape,
    pairs: (index) => choose(index).map((pair) => train.pair(pair, shape)),
    tokensPerBatch: Math.round(batchSize * meanLength(train, shape)),
    batchesPerEpoch: train.size / batchSize,
    heldOut: () => inOrder(validation, shape),
    example: validation.pair(0, shape).source,
    notes: notesOn(train, contextLength),
    showsSpecial: false,
  })
}

function* inOrder(source: PairSource, shape: Parameters<PairSource['pair']>[1]) {
  for (let first = 0; first < source.size; first += shape.batchSize) {
    const rows = Math.min(shape.batchSize, source.size - first)
    yield Array.from({ length: rows }, (_, row) => source.pair(first + row, shape))
  }
}

function longestOf(lengths: readonly number[]): number {
  return lengths.reduce((most, length) => Math.max(most, length), 0)
}

/** Tokens of a pair on average, padding left out. */
function meanLength(source: PairSource, shape: Parameters<PairSource['pair']>[1]): number {
  const { sources, targets } = source.lengths
  const cut = (length: number, most: number) => Math.min(length, most)
  const all = sources.map((length, i) => cut(length, shape.sourceLength) + cut(targets[i]!, shape.targetLength))
  return all.reduce((sum, length) => sum + length, 0) / source.size
}

function notesOn({ lengths: { sources, targets } }: PairSource, contextLength: number): string[] {
  const long = sources.filter((length, i) => Math.max(length, targets[i]!) > contextLength).length
  if (long === 0) return []
  return [
    `${long} of ${sources.length} pairs have a text longer than contextLength ${contextLength}: it is cut off there`,
  ]
}

import { batchesByLength, chooseWidths, widthsOf } from '../../data/length-pools.ts'
import { type PairShape, PairSource } from '../../data/pairs.ts'
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

function open(given: Given): Objective {
  const { settings, corpus, seed } = given
  const { batchSize, contextLength } = settings
  const end = endOf(corpus.tokenizer)
  const [train, validation] = [new PairSource(corpus.train, end), new PairSource(corpus.validation, end)]
  const lengths = lengthsOf(train)
  const widest = widthsOf([...lengths, ...lengthsOf(validation)], [contextLength, contextLength])
  const random = Random.seed(seed).split('pairs')
  const batches = batchesByLength({ lengths, batchSize, inEpochs: goesInEpochs(given) }, random)
  const shapes = chooseWidths(batches, lengths, widest).map(([sourceLength = 0, targetLength = 0]): PairShape => {
    return { batchSize, sourceLength, targetLength }
  })
  const shape = shapes.at(-1)!
  return openSequence(given, {
    shape,
    narrower: shapes.slice(0, -1),
    pairs: (index) => batches(index).map((pair) => train.pair(pair, shape)),
    batchesPerEpoch: train.size / batchSize,
    heldOut: () => inOrder(validation, shape),
    example: validation.pair(0, shape).source,
    notes: notesOn(train, contextLength),
    showsSpecial: false,
  })
}

function* inOrder(source: PairSource, shape: PairShape) {
  for (let first = 0; first < source.size; first += shape.batchSize) {
    const rows = Math.min(shape.batchSize, source.size - first)
    yield Array.from({ length: rows }, (_, row) => source.pair(first + row, shape))
  }
}

/** Of each pair, ids of its source and of its target. */
function lengthsOf({ lengths: { sources, targets } }: PairSource): (readonly [number, number])[] {
  return sources.map((length, pair) => [length, targets[pair]!])
}

function notesOn({ lengths: { sources, targets } }: PairSource, contextLength: number): string[] {
  const long = sources.filter((length, i) => Math.max(length, targets[i]!) > contextLength).length
  if (long === 0) return []
  return [
    `${long} of ${sources.length} pairs have a text longer than contextLength ${contextLength}: it is cut off there`,
  ]
}

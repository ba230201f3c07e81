import { epochWindows, randomWindows, sequentialWindows } from '../../data/windows.ts'
import { bitsPerByte } from '../../evaluate/likelihood.ts'
import { input } from '../../graph/tensor.ts'
import { nextTokenLoss } from '../../losses/next-token.ts'
import type { CausalArchitecture } from '../../models/architecture.ts'
import { rowNamed } from '../../models/registry.ts'
import { RandomKey } from '../../nn/random-bits.ts'
import { checkDecodable } from '../../sample/cached-model.ts'
import { nextTokenBatches, nextTokenSums } from '../../train/held-out.ts'
import { openingOf } from '../prompt.ts'
import { modelConfig } from '../settings.ts'
import { writeSample } from '../write-sample.ts'
import { drops, type Given, goesInEpochs, modelFor, modelSettings, type Objective, type TextTask } from './task.ts'

/** Predicting each next token of windows of the corpus. */
export const nextTask: TextTask = {
  name: 'next',
  does: 'tell the next token',
  family: 'causal',
  tokenizer: { kind: 'bpe' },
  pairs: false,
  checkSizes: (given) => {
    const row = rowNamed('causal', given.architecture)
    const fresh = () => modelConfig(given.settings, { vocabSize: 1, bos: undefined, eos: undefined })
    checkDecodable(row.build(modelSettings(row, given, fresh)).dimensions)
  },
  open,
}

function open(given: Given): Objective {
  const { settings, corpus, seed, prompt } = given
  const { train, validation, tokenizer, statistics } = corpus
  const { batchSize, contextLength } = settings
  const shape = { batchSize, contextLength }
  const row = rowNamed('causal', given.architecture)
  const { architecture } = modelFor('causal', row, given, () => modelConfig(settings, tokenizer))
  const windows = (goesInEpochs(given) ? epochWindows : randomWindows)(train, shape, seed)
  sequentialWindows(validation, shape) // refuses held-out text that nothing can be measured on
  const begin = prompt || openingOf(tokenizer, statistics.documents)
  return {
    title: row.title,
    architecture,
    loss: lossOf(architecture, given),
    batch: (index) => ({ feeds: { tokens: windows.batch(index) }, tokens: batchSize * contextLength }),
    batchesPerEpoch: epochWindows(train, shape, seed).windowsPerEpoch / batchSize,
    heldOut: {
      sums: nextTokenSums(architecture, shape),
      batches: () => nextTokenBatches(sequentialWindows(validation, shape)),
      figures: ({ loss }) => ({
        validationLoss: loss!,
        bitsPerByte: bitsPerByte(loss!, validation.tokens, validation.bytes),
      }),
    },
    sample: (engine, weights, step) =>
      writeSample(engine, architecture, weights, tokenizer, { prompt: begin, seed }, step),
    notes: [],
  }
}

function lossOf(architecture: CausalArchitecture, given: Given) {
  const { batchSize, contextLength, labelSmoothing } = given.settings
  const tokens = input('tokens', 'int32', [batchSize, contextLength + 1])
  const key = drops(given) ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  return nextTokenLoss(tokens, (ids) => architecture.logits(ids, key), { smoothing: labelSmoothing })
}

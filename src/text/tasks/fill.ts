import { chunkBatches, rowsOf } from '../../data/chunks.ts'
import { hiddenIn, type MaskedShape, type MaskedText, Masker, maskedBatch } from '../../data/masking.ts'
import { logFrequencies } from '../../data/token-frequencies.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { epochWindows, randomWindows } from '../../data/windows.ts'
import { ConfigError } from '../../errors.ts'
import { input, type Tensor } from '../../graph/tensor.ts'
import { tokenLoss, tokenSums } from '../../losses/token-loss.ts'
import type { MaskedInput } from '../../models/masked-architecture.ts'
import { rowNamed } from '../../models/registry.ts'
import { RandomKey } from '../../nn/random-bits.ts'
import { Random } from '../../random/random.ts'
import { maskPredict } from '../../sample/mask-predict.ts'
import { MaskedModel } from '../../sample/masked-model.ts'
import type { HeldOutBatch } from '../../train/held-out.ts'
import { maskedConfig, type TextSettings } from '../settings.ts'
import { drops, type Given, goesInEpochs, modelFor, modelSettings, type Objective, type TextTask } from './task.ts'

/**
 * Restoring hidden tokens of windows of the corpus (masked language modelling: Devlin et al. 2019), each window framed
 * as the tokenizer frames texts and hidden anew each time that it is seen; without the next-sentence task, windows
 * running on over documents (Liu et al. 2019, section 4.2, FULL-SENTENCES).
 */
export const fillTask: TextTask = {
  name: 'fill',
  does: 'restore hidden tokens',
  family: 'masked',
  tokenizer: { kind: 'wordpiece' },
  pairs: false,
  checkSizes: (given) => {
    const row = rowNamed('masked', given.architecture)
    const fresh = () => maskedConfig(given.settings, { vocabSize: 1, bos: undefined, eos: undefined, pad: 0 })
    row.build(modelSettings(row, given, fresh))
  },
  open,
}

function open(given: Given): Objective {
  const { settings, corpus, seed } = given
  const { train, validation, tokenizer } = corpus
  const { batchSize, contextLength, hiddenShare, labelSmoothing } = settings
  const row = rowNamed('masked', given.architecture)
  const { config, architecture } = modelFor('masked', row, given, () => maskedConfig(settings, tokenizer))
  const pad = config.padTokenId
  const masker = new Masker({ share: hiddenShare, wholeWords: settings.wholeWords, ...marksOf(tokenizer) })
  const width = contentLength(tokenizer, settings)
  const shape = { batchSize, contextLength, blanks: hiddenIn(width, hiddenShare) }
  const windowShape = { batchSize, contextLength: width - 1 } // a window holds one id more than it has predictions
  const windows = (goesInEpochs(given) ? epochWindows : randomWindows)(train, windowShape, seed)
  const hiding = Random.seed(seed).split('masking')
  const batchOf = (rows: readonly Int32Array[], random: Random) => {
    const hide = (ids: Int32Array): MaskedText => masker.hide(tokenizer.template.frame(ids).ids, random)
    return maskedBatch(rows.map(hide), shape, pad)
  }
  chunkBatches(validation, width, batchSize) // refuses held-out text that nothing can be measured on
  const key = drops(given) ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  const { texts, targets } = placeholders(shape)
  return {
    title: row.title,
    architecture,
    initial: () => {
      // Else the first steps teach every layer which tokens are frequent, and bury what tells texts apart.
      const data = logFrequencies(train, config.vocabSize)
      return { [architecture.outputBias]: { dtype: 'float32', shape: [config.vocabSize], data } }
    },
    loss: tokenLoss(architecture.logits(texts, key), targets, { smoothing: labelSmoothing }),
    batch: (index) => ({
      feeds: { ...batchOf(rowsOf(windows.batch(index), width), hiding.at(index)) },
      tokens: batchSize * contextLength,
    }),
    batchesPerEpoch: epochWindows(train, windowShape, seed).windowsPerEpoch / batchSize,
    heldOut: {
      sums: tokenSums(architecture.logits(texts), targets),
      batches: () => heldOutBatches(chunkBatches(validation, width, batchSize), batchOf),
      figures: ({ loss, correct }) => ({ validationLoss: loss!, accuracy: correct! }),
    },
    sample: async (engine, weights) => {
      const ids = new Int32Array(Math.min(sampleLength, width, validation.tokens))
      validation.read(0, ids.length, ids)
      const { ids: gaps, places } = masker.hide(tokenizer.template.frame(ids).ids, Random.seed(seed).split('sample'))
      for (const place of places) gaps[place] = tokenizer.mask!
      const model = new MaskedModel(engine, architecture, { buffers: weights })
      try {
        const { ids: filled } = await maskPredict(model, gaps, places, { special: tokenizer.specialIds, rounds: 10 })
        return { prompt: `${spell(tokenizer, gaps)}\n→ `, text: spell(tokenizer, filled) }
      } finally {
        await model.release()
      }
    },
    notes: [],
  }
}

/** Tokens of a sample on the way. */
const sampleLength = 40

function placeholders({ batchSize: B, contextLength: T, blanks: K }: MaskedShape) {
  const texts: MaskedInput & { readonly places: Tensor } = {
    ids: input('ids', 'int32', [B, T]),
    mask: input('mask', 'int32', [B, T]),
    places: input('places', 'int32', [B * K]),
  }
  const targets = { targets: input('targets', 'int32', [B * K]), weights: input('weights', 'float32', [B * K]) }
  return { texts, targets }
}

function* heldOutBatches(
  batches: Iterable<readonly Int32Array[]>,
  batchOf: (rows: readonly Int32Array[], random: Random) => ReturnType<typeof maskedBatch>,
): Generator<HeldOutBatch> {
  const hiding = Random.seed(0).split('held-out') // the same tokens whatever the run and the evaluation
  let index = 0
  for (const rows of batches) {
    const feeds = { ...batchOf(rows, hiding.at(index++)) }
    yield { feeds, predictions: feeds.weights.reduce((sum, weight) => sum + weight, 0) }
  }
}

/** What is hidden behind what. Throws {@link ConfigError} for a tokenizer that has nothing to hide tokens behind. */
export function marksOf(tokenizer: Tokenizer) {
  const { mask, vocabSize, specialIds } = tokenizer
  if (mask === undefined)
    throw new ConfigError('fill: the tokenizer has no token that stands for hidden ones; use --tokenizer wordpiece')
  const special = new Uint8Array(vocabSize)
  for (const id of specialIds) special[id] = 1
  return {
    mask,
    special,
    beginsWord: Uint8Array.from({ length: vocabSize }, (_, id) => (tokenizer.beginsWord(id) ? 1 : 0)),
  }
}

/** Tokens of the corpus in a window, between those that frame it. Throws {@link ConfigError} where there is no room. */
function contentLength(tokenizer: Tokenizer, { contextLength }: TextSettings): number {
  const width = contextLength - tokenizer.template.frame([]).ids.length
  if (width >= 2) return width
  throw new ConfigError(`fill: contextLength ${contextLength} leaves ${width} tokens for text; set it to 8 or more`)
}

/** Text of ids, hidden tokens shown. */
function spell(tokenizer: Tokenizer, ids: Int32Array): string {
  return tokenizer.decode(ids.filter((id) => id === tokenizer.mask || !tokenizer.specialIds.includes(id)))
}

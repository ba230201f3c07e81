import type { Tokenizer } from '../data/tokenizers/index.ts'
import type { CausalConfig } from '../models/architecture.ts'
import type { MaskedConfig } from '../models/masked-architecture.ts'
import type { SequenceConfig } from '../models/sequence-architecture.ts'
import { realSetting, resolveSettings, type SettingField, wholeSetting } from '../train/settings-table.ts'

/** Everything that `--set` can change, flat. */
export interface TextSettings {
  readonly dModel: number
  readonly nLayers: number
  readonly nHeads: number
  readonly nKvHeads: number
  readonly dFf: number
  readonly contextLength: number
  readonly dropout: number
  readonly tieEmbeddings: boolean
  readonly ropeTheta: number
  readonly normEpsilon: number
  readonly batchSize: number
  readonly accumulation: number
  readonly optimizer: 'adamw' | 'muon'
  readonly learningRate: number
  readonly learningRateFloor: number
  readonly schedule: 'constant' | 'cosine' | 'wsd'
  readonly warmupSteps: number
  readonly decayShare: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  readonly gradientClip: number
  readonly momentum: number
  readonly matrixRate: number
  readonly labelSmoothing: number
  readonly emaDecay: number
  readonly sampling: 'random' | 'epochs'
  readonly evaluations: number
  readonly evaluationBatches: number
  readonly gated: boolean
  readonly hiddenShare: number
  readonly wholeWords: boolean
  readonly meanSpan: number
}

const whole = wholeSetting<keyof TextSettings>
const real = realSetting<keyof TextSettings>

/** The table of settings, in the order that help shows them. */
export const textSettingFields: readonly SettingField<keyof TextSettings>[] = [
  whole('dModel', 1, 16_384, 'width of the residual stream'),
  whole('nLayers', 1, 256, 'layers'),
  whole('nHeads', 1, 256, 'attention heads'),
  whole('nKvHeads', 1, 256, 'key/value heads; a divisor of nHeads (decoder only)'),
  whole('dFf', 1, 65_536, 'width inside the feed-forward layers'),
  whole('contextLength', 2, 131_072, 'tokens that the model sees at once'),
  real('dropout', 0, 0.9, 'share of activations dropped in training'),
  { name: 'tieEmbeddings', description: 'output layer = embedding table' },
  real('ropeTheta', 1, 1e9, 'base of the rotary angles (decoder only)'),
  real('normEpsilon', 1e-12, 1, 'ε of the normalizations'),
  whole('batchSize', 1, 65_536, 'windows of text a batch'),
  whole('accumulation', 1, 65_536, 'batches averaged for one update'),
  { name: 'optimizer', words: ['adamw', 'muon'], description: 'muon: hidden matrices by Muon, the rest by AdamW' },
  real('learningRate', 0, 10, 'highest learning rate (of AdamW)'),
  real('learningRateFloor', 0, 1, 'learning rate at the end, as a share of the highest'),
  { name: 'schedule', words: ['constant', 'cosine', 'wsd'], description: 'shape of the learning rate after warm-up' },
  whole('warmupSteps', 0, 1e9, 'updates over which the learning rate rises'),
  real('decayShare', 1e-6, 1, 'share of the run over which wsd falls'),
  real('beta1', 0, 0.99999, 'decay of the first moment'),
  real('beta2', 0, 0.99999, 'decay of the second moment'),
  real('epsilon', 0, 1, 'ε of AdamW'),
  real('weightDecay', 0, 10, 'decoupled weight decay of matrices'),
  real('gradientClip', 0, 1e9, 'limit of the gradients’ global norm; 0 does not clip'),
  real('momentum', 0, 0.99999, 'momentum of Muon'),
  real('matrixRate', 0, 1e6, 'Muon’s learning rate as a multiple of learningRate'),
  real('labelSmoothing', 0, 0.9, 'share of each target spread over the vocabulary'),
  real('emaDecay', 0, 0.999999, 'decay of the weights’ moving average, which is then kept; 0 keeps none'),
  { name: 'sampling', words: ['random', 'epochs'], description: 'windows at random places, or each once an epoch' },
  whole('evaluations', 1, 100_000, 'evaluations over the run'),
  whole('evaluationBatches', 0, 1e9, 'batches of held-out text an evaluation reads before the last; 0 reads all'),
  { name: 'gated', description: 'feed-forward layers gated by GELU, as T5 1.1, else by ReLU, as T5 1.0 (t5 only)' },
  real('hiddenShare', 0.01, 0.9, 'share of the tokens that the model is to restore (tasks fill and denoise)'),
  { name: 'wholeWords', description: 'tokens of a word are hidden together (task fill)' },
  real('meanSpan', 1, 100, 'tokens taken out together, on average (task denoise)'),
]

/** Sizes by name, and in a word what each is for. */
export const textPresets: Readonly<Record<'nano' | 'small' | 'base', TextSettings>> = {
  nano: preset({ dModel: 128, nLayers: 4, nHeads: 4, nKvHeads: 4, dFf: 384, contextLength: 128, batchSize: 16 }),
  small: preset({ dModel: 256, nLayers: 6, nHeads: 8, nKvHeads: 4, dFf: 704, contextLength: 256, batchSize: 16 }),
  base: preset({ dModel: 512, nLayers: 8, nHeads: 8, nKvHeads: 4, dFf: 1408, contextLength: 512, batchSize: 8 }),
}

/** The preset of runs that begin from a model: gentle, for it has learned already; its sizes are the model's. */
export const fineTuning = 'fine-tuning'

const fineTuningSettings: TextSettings = {
  ...textPresets.nano,
  contextLength: 256,
  batchSize: 8,
  optimizer: 'adamw',
  learningRate: 5e-5,
  learningRateFloor: 0.1,
  warmupSteps: 20,
  beta2: 0.999,
  weightDecay: 0.01,
}

type Sizes = Pick<TextSettings, 'dModel' | 'nLayers' | 'nHeads' | 'nKvHeads' | 'dFf' | 'contextLength' | 'batchSize'>

function preset(sizes: Sizes): TextSettings {
  return {
    ...sizes,
    dropout: 0,
    tieEmbeddings: true,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
    accumulation: 1,
    optimizer: 'muon',
    learningRate: 0.003,
    learningRateFloor: 0.05,
    schedule: 'cosine',
    warmupSteps: 50,
    decayShare: 0.3,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0.1,
    gradientClip: 1,
    momentum: 0.95,
    matrixRate: 6,
    labelSmoothing: 0,
    emaDecay: 0,
    sampling: 'random',
    evaluations: 10,
    evaluationBatches: 32,
    gated: true,
    hiddenShare: 0.15,
    wholeWords: false,
    meanSpan: 3,
  }
}

/** {@link resolveSettings} of text; where `nHeads` alone is changed and no longer fits, `nKvHeads` follows it. */
export function resolveTextSettings(name: string, changes: Readonly<Record<string, unknown>> = {}): TextSettings {
  const presets = name === fineTuning ? { [fineTuning]: fineTuningSettings } : textPresets
  const table = { craft: 'text', fields: textSettingFields, presets }
  const settings = resolveSettings(table, name, changes)
  const follows = !('nKvHeads' in changes) && 'nHeads' in changes && settings.nHeads % settings.nKvHeads !== 0
  return follows ? { ...settings, nKvHeads: settings.nHeads } : settings
}

/** The model that settings and a tokenizer make together. */
export function modelConfig(
  settings: TextSettings,
  tokenizer: { readonly vocabSize: number; readonly bos: number | undefined; readonly eos: number | undefined },
): CausalConfig {
  const { dModel, nLayers, nHeads, nKvHeads, dFf, contextLength, dropout, tieEmbeddings, ropeTheta, normEpsilon } =
    settings
  const sizes = {
    dModel,
    nLayers,
    nHeads,
    nKvHeads,
    dFf,
    contextLength,
    dropout,
    tieEmbeddings,
    ropeTheta,
    normEpsilon,
  }
  const ids = {
    ...(tokenizer.bos === undefined ? {} : { bosTokenId: tokenizer.bos }),
    ...(tokenizer.eos === undefined ? {} : { eosTokenId: tokenizer.eos }),
  }
  return { ...sizes, vocabSize: tokenizer.vocabSize, ...ids }
}

/** The ids that a tokenizer gives to what models begin, end and fill up with. */
export type SpecialIds = Pick<Tokenizer, 'vocabSize' | 'bos' | 'eos' | 'pad'>

/** The model that fills gaps which settings and a tokenizer make together; two kinds of segment, as BERT. */
export function maskedConfig(settings: TextSettings, tokenizer: SpecialIds): MaskedConfig {
  const { dModel, nLayers, nHeads, dFf, contextLength, dropout, tieEmbeddings, normEpsilon } = settings
  const sizes = { dModel, nLayers, nHeads, dFf, contextLength, dropout, tieEmbeddings, normEpsilon }
  return { ...sizes, vocabSize: tokenizer.vocabSize, tokenTypes: 2, padTokenId: tokenizer.pad ?? 0 }
}

/**
 * The model that reads one text and writes another which settings and a tokenizer make together: `nLayers` to read and
 * as many to write; its decoder begins with the padding's id (Raffel et al. 2020).
 */
export function sequenceConfig(settings: TextSettings, tokenizer: SpecialIds): SequenceConfig {
  const { dModel, nLayers, nHeads, dFf, contextLength, dropout, tieEmbeddings, normEpsilon, gated } = settings
  const sizes = { dModel, nLayers, nHeads, dFf, contextLength, dropout, tieEmbeddings, normEpsilon, gated }
  const pad = tokenizer.pad ?? 0
  return {
    ...sizes,
    nEncoderLayers: nLayers,
    dHead: Math.max(1, Math.floor(dModel / nHeads)),
    vocabSize: tokenizer.vocabSize,
    buckets: 32,
    maxDistance: 128,
    padTokenId: pad,
    eosTokenId: tokenizer.eos ?? 1,
    startTokenId: pad,
  }
}

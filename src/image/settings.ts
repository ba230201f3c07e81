import type { Conditioning, GanConfig } from '../models/gan.ts'
import type { AugmentationPolicy } from '../train/augment/policies.ts'
import { realSetting, resolveSettings, type SettingField, wholeSetting } from '../train/settings-table.ts'

/** Everything that `--set` can change, flat. */
export interface ImageSettings {
  readonly patch: number
  readonly latentSize: number
  readonly generatorWidth: number
  readonly discriminatorWidth: number
  readonly maxWidth: number
  readonly blocks: number
  readonly conditionWidth: number
  readonly textLayers: number
  readonly vocabSize: number
  readonly maxTokens: number
  readonly batchSize: number
  readonly learningRate: number
  readonly discriminatorRate: number
  readonly learningRateFloor: number
  readonly schedule: 'constant' | 'cosine' | 'wsd'
  readonly warmupSteps: number
  readonly decayShare: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  readonly gradientClip: number
  readonly emaDecay: number
  readonly penalty: number
  readonly penaltyFloor: number
  readonly penaltyShare: number
  readonly matching: number
  readonly reconstruction: number
  readonly augmentation: AugmentationPolicy
  readonly conditionDrop: number
  readonly flip: boolean
  readonly samples: number
  readonly sampleCount: number
  readonly lookEvery: number
}

const whole = wholeSetting<keyof ImageSettings>
const real = realSetting<keyof ImageSettings>

/** The table of settings, in the order that help shows them. */
export const imageSettingFields: readonly SettingField<keyof ImageSettings>[] = [
  whole('patch', 1, 8, 'side of the square of pixels that the networks treat as one place'),
  whole('latentSize', 1, 4096, 'numbers that a picture is drawn from'),
  whole('generatorWidth', 8, 4096, 'channels of the generator at its largest grid'),
  whole('discriminatorWidth', 8, 4096, 'channels of the discriminator at its largest grid'),
  whole('maxWidth', 8, 4096, 'most channels at any grid: they double with every halving'),
  whole('blocks', 1, 16, 'residual blocks at every grid (r3gan)'),
  whole('conditionWidth', 4, 4096, 'width of embedded classes and words'),
  whole('textLayers', 0, 32, 'layers of the text encoders'),
  whole('vocabSize', 257, 65_536, 'most tokens that captions are spelled with'),
  whole('maxTokens', 1, 256, 'tokens of a caption that are read'),
  whole('batchSize', 2, 4096, 'pictures a batch'),
  real('learningRate', 0, 1, 'highest learning rate'),
  real('discriminatorRate', 0, 100, 'the discriminator’s learning rate as a multiple of learningRate'),
  real('learningRateFloor', 0, 1, 'learning rate at the end, as a share of the highest'),
  { name: 'schedule', words: ['constant', 'cosine', 'wsd'], description: 'shape of the learning rate after warm-up' },
  whole('warmupSteps', 0, 1e9, 'rounds over which the learning rate rises'),
  real('decayShare', 1e-6, 1, 'share of the run over which wsd falls'),
  real('beta1', 0, 0.99999, 'decay of Adam’s first moment'),
  real('beta2', 0, 0.99999, 'decay of Adam’s second moment'),
  real('epsilon', 0, 1, 'ε of Adam'),
  real('weightDecay', 0, 10, 'decoupled weight decay of matrices'),
  real('gradientClip', 0, 1e9, 'limit of each player’s global gradient norm; 0 does not clip'),
  real('emaDecay', 0, 0.999999, 'decay of the generator’s moving average, which is what is kept'),
  real('penalty', 0, 1e6, 'γ of the gradient penalties (λ of wgan-gp): more is calmer, less is faster'),
  real('penaltyFloor', 0, 1, 'penalty at the end, as a share of the first'),
  real('penaltyShare', 0.01, 1, 'share of each batch whose gradients are penalized'),
  real('matching', 0, 100, 'weight of telling right words from wrong ones'),
  real('reconstruction', 0, 1000, 'weight of the distance from the picture asked for: where a caption has one picture'),
  {
    name: 'augmentation',
    words: ['none', 'diffaugment', 'ada'],
    description: 'what both players’ pictures pass through: for few pictures; ada adapts its strength',
  },
  real('conditionDrop', 0, 0.9, 'share of pictures whose class or words are withheld, so that guidance works'),
  { name: 'flip', description: 'mirror pictures at random: where left and right mean nothing' },
  whole('samples', 1, 100_000, 'sheets of samples over the run'),
  whole('sampleCount', 4, 1024, 'pictures on a sheet'),
  whole('lookEvery', 1, 1e9, 'rounds between looks at the samples’ diversity'),
]

type Sizes = Pick<ImageSettings, 'latentSize' | 'generatorWidth' | 'discriminatorWidth' | 'maxWidth' | 'blocks'> &
  Pick<ImageSettings, 'conditionWidth' | 'batchSize'>

function preset(sizes: Sizes): ImageSettings {
  return {
    ...sizes,
    patch: 2,
    textLayers: 2,
    vocabSize: 2048,
    maxTokens: 16,
    learningRate: 0.001,
    discriminatorRate: 1,
    learningRateFloor: 0.1,
    schedule: 'cosine',
    warmupSteps: 50,
    decayShare: 0.5,
    beta1: 0,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0,
    gradientClip: 0,
    emaDecay: 0.998,
    penalty: 2,
    penaltyFloor: 0.1,
    penaltyShare: 0.25,
    matching: 1,
    reconstruction: 0,
    augmentation: 'none',
    conditionDrop: 0.1,
    flip: false,
    samples: 20,
    sampleCount: 64,
    lookEvery: 50,
  }
}

/** Sizes by name. */
export const imagePresets: Readonly<Record<'nano' | 'small' | 'base', ImageSettings>> = {
  nano: preset({
    latentSize: 64,
    generatorWidth: 32,
    discriminatorWidth: 32,
    maxWidth: 128,
    blocks: 1,
    conditionWidth: 64,
    batchSize: 32,
  }),
  small: preset({
    latentSize: 64,
    generatorWidth: 64,
    discriminatorWidth: 64,
    maxWidth: 192,
    blocks: 1,
    conditionWidth: 96,
    batchSize: 64,
  }),
  base: preset({
    latentSize: 128,
    generatorWidth: 96,
    discriminatorWidth: 96,
    maxWidth: 384,
    blocks: 2,
    conditionWidth: 128,
    batchSize: 64,
  }),
}

/** Sides of pictures that `--size` takes, in pixels. */
export const imageSizes = [16, 32, 64, 128, 256] as const

/** What the classics train with: Radford et al. 2016, section 4; Gulrajani et al. 2017, algorithm 1. */
const ofArchitecture: Readonly<Record<string, Partial<ImageSettings>>> = {
  dcgan: { patch: 1, learningRate: 0.0002, beta1: 0.5, beta2: 0.999, penalty: 0 },
  'wgan-gp': { patch: 1, learningRate: 0.0001, beta1: 0, beta2: 0.9, penalty: 10, penaltyFloor: 1 },
}

/** What {@link resolveImageSettings} resolves. */
export interface AskedImageSettings {
  readonly preset: string
  readonly architecture: string
  /** Pixels a side. */
  readonly size: number
  /** Changes; text is parsed. */
  readonly set?: Readonly<Record<string, unknown>> | undefined
}

/** A preset as an architecture and a size want it, with changes, checked. Throws ConfigError as `resolveSettings` does. */
export function resolveImageSettings({
  preset: name,
  architecture,
  size,
  set = {},
}: AskedImageSettings): ImageSettings {
  const fitting = { ...(size >= 128 ? { patch: 4 } : {}), ...ofArchitecture[architecture] }
  const table = { craft: 'image', fields: imageSettingFields, presets: imagePresets }
  return resolveSettings(table, name, { ...fitting, ...set })
}

/** The pair of networks that settings, pictures and conditioning make together. */
export function ganConfig(
  settings: ImageSettings,
  pictures: { readonly imageSize: number; readonly channels: 1 | 3 | 4 },
  conditioning: Conditioning,
): GanConfig {
  const { patch, latentSize, generatorWidth, discriminatorWidth, maxWidth, blocks, conditionWidth, textLayers } =
    settings
  const { imageSize, channels } = pictures
  return {
    imageSize,
    channels,
    patch,
    latentSize,
    generatorWidth,
    discriminatorWidth,
    maxWidth,
    blocks,
    conditionWidth,
    textLayers,
    conditioning,
  }
}

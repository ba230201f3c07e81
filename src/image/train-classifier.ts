import { permuted } from '../data/permuted.ts'
import { ConfigError, DataError, DivergenceError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { greater } from '../graph/operations/compare.ts'
import { add, cast, maximum, mul } from '../graph/operations/elementwise.ts'
import { crossEntropy } from '../graph/operations/loss.ts'
import { sum } from '../graph/operations/reduce.ts'
import { reshape, slice } from '../graph/operations/shape.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { type Attribute, ImageClassifier, saveClassifier } from '../models/image-classifier.ts'
import { adamW } from '../optim/adamw.ts'
import { learningRateAt } from '../optim/schedule.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { Trainer } from '../train/trainer.ts'
import { PictureClassifier } from './classify-pictures.ts'
import type { ImageCorpus, ImageSet } from './data/image-corpus.ts'
import { joined, toFloats } from './image-batches.ts'

/** How a classifier is trained. */
export interface TrainClassifierOptions {
  /** Where `config.json` and `model.safetensors` go; nothing is written without it. */
  readonly folder?: string
  /** What to tell: `class`, the corpus's classes, or names of the pictures' attributes. By default the classes, else all attributes. */
  readonly attributes?: readonly string[]
  /** Pictures to learn from, counted as often as they are seen; default 240,000. */
  readonly picturesSeen?: number
  readonly batchSize?: number
  /** Channels at the first grid; default 24. */
  readonly width?: number
  readonly learningRate?: number
  /** Whether pictures are mirrored at random, for where left and right mean nothing; default false. */
  readonly flip?: boolean
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { readonly step: number; readonly steps: number; readonly loss: number }) => void
}

/** What a classifier learns from and is measured on: an open corpus, or a part of it. */
export type ClassifiedPictures = Pick<ImageCorpus, 'imageSize' | 'channels' | 'classes' | 'train' | 'heldOut'>

/** What a training gave. */
export interface TrainedClassifier {
  readonly classifier: ImageClassifier
  readonly weights: Readonly<Record<string, HostTensor>>
  /** Share of held-out pictures, of those for which it is known, whose attribute it tells right; by attribute. */
  readonly accuracy: Readonly<Record<string, number>>
  /** Steps done. */
  readonly steps: number
}

/** An attribute, and what it is for every picture of both sides: a value's number, −1 where unknown. */
interface Target {
  readonly attribute: Attribute
  readonly train: Int32Array
  readonly heldOut: Int32Array
}

/**
 * Trains a classifier on a packed corpus, by AdamW along a cosine, on pictures mirrored and moved a little at random, and
 * measures it on the held-out side. The result is a function of corpus and options alone.
 *
 * Throws {@link ConfigError} for options out of range, {@link DataError} for a corpus in which there is nothing to tell,
 * {@link DivergenceError} where training blows up.
 */
export async function trainClassifier(
  engine: Engine,
  corpus: ClassifiedPictures,
  options: TrainClassifierOptions = {},
): Promise<TrainedClassifier> {
  const { picturesSeen = 240_000, batchSize = 64, width = 24, learningRate = 2e-3, seed = 0 } = options
  if (!(picturesSeen >= batchSize))
    throw new ConfigError(`classifier: picturesSeen is ${picturesSeen}, wanted ${batchSize} (one batch) or more`)
  const targets = targetsOf(corpus, options.attributes)
  const { imageSize, channels } = corpus
  const attributes = targets.map(({ attribute }) => attribute)
  const classifier = new ImageClassifier({ imageSize, channels, width, attributes })
  const trainer = await Trainer.create(engine, {
    parameters: classifier.scope.parameters,
    loss: lossOf(classifier, batchSize),
    optimizer: adamW({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.05 }),
    gradientClip: 1,
    seed,
  })
  try {
    const steps = Math.floor(picturesSeen / batchSize)
    const schedule = {
      kind: 'cosine',
      peak: learningRate,
      floor: 0,
      warmupSteps: Math.min(100, steps / 10),
      decayShare: 0,
    } as const
    for (let step = 0; step < steps; step++) {
      options.signal?.throwIfAborted()
      const feeds = batchOf(corpus, targets, step, { ...options, batchSize, seed })
      const { loss } = await trainer.train([feeds], learningRateAt(schedule, step, step / steps))
      if (!Number.isFinite(loss))
        throw new DivergenceError(`classifier: the loss is ${loss} at step ${step + 1}; lower learningRate`, {
          step,
          loss,
        })
      options.onProgress?.({ step: step + 1, steps, loss })
    }
    const weights = await weightsOf(trainer, classifier)
    if (options.folder) await saveClassifier(options.folder, classifier, weights)
    return { classifier, weights, accuracy: await measure(engine, classifier, weights, corpus.heldOut, targets), steps }
  } finally {
    await trainer.release()
  }
}

/** What can be told, and of which pictures. */
function targetsOf({ classes, train, heldOut }: ClassifiedPictures, names: readonly string[] | undefined): Target[] {
  const known = classes.length > 1 ? ['class'] : [...new Set(recordsOf(train).flatMap((x) => Object.keys(x)))].sort()
  const targets = (names ?? known).map((name): Target => {
    if (name === 'class' && train.labels && heldOut.labels)
      return { attribute: { name, values: classes }, train: train.labels, heldOut: heldOut.labels }
    const of = (set: ImageSet) => recordsOf(set).map((attributes) => attributes[name])
    const [learned, measured] = [of(train), of(heldOut)]
    const values = [...new Set(learned)].filter((value) => value !== undefined).sort()
    const number = (list: readonly (string | undefined)[]) =>
      Int32Array.from(list, (value) => (value === undefined ? -1 : values.indexOf(value)))
    return { attribute: { name, values }, train: number(learned), heldOut: number(measured) }
  })
  const useless = targets.find(({ attribute }) => attribute.values.length < 2)
  if (targets.length > 0 && !useless) return targets
  throw new DataError(
    `classifier: ${useless ? `${useless.attribute.name} has ${useless.attribute.values.length} values in these pictures` : 'these pictures have no classes or attributes'}, wanted two or more to tell apart`,
  )
}

function recordsOf(set: ImageSet): Readonly<Record<string, string>>[] {
  return Array.from({ length: set.length }, (_, i) => set.record(i).attributes ?? {})
}

/** Mean cross-entropy over all that is known, from `pictures` [B, C, S, S] and `targets` int32 [B, attributes]. */
function lossOf(classifier: ImageClassifier, batchSize: number): Tensor {
  const { imageSize, channels, attributes } = classifier.config
  const pictures = input('pictures', 'float32', [batchSize, channels, imageSize, imageSize])
  const targets = input('targets', 'int32', [batchSize, attributes.length])
  const losses = classifier.forward(pictures).logits.map((logits, i) => {
    const wanted = reshape(slice(targets, 1, i, i + 1), [batchSize])
    const known = cast(greater(wanted, -1), 'float32')
    return sum(mul(crossEntropy(logits, cast(maximum(cast(wanted, 'float32'), 0), 'int32')), known))
  })
  return mul(
    losses.reduce((total, loss) => add(total, loss)),
    1 / (batchSize * attributes.length),
  )
}

/** Feeds of one step: a function of (seed, step). */
function batchOf(
  { train, channels, imageSize }: ClassifiedPictures,
  targets: readonly Target[],
  step: number,
  { batchSize, seed, flip = false }: TrainClassifierOptions & { readonly batchSize: number; readonly seed: number },
) {
  const random = Random.seed(seed).split('classifier')
  const indices = Array.from({ length: batchSize }, (_, i) => {
    const place = step * batchSize + i
    return permuted(place % train.length, train.length, random.at(Math.floor(place / train.length)))
  })
  const pictures = toFloats(train.pixels(indices))
  const each = channels * imageSize ** 2
  const moves = random.split('moves').at(step)
  for (let i = 0; i < batchSize; i++) {
    const picture = pictures.subarray(i * each, (i + 1) * each)
    move(picture, imageSize, moves, flip)
  }
  const rows = indices.map((index) => Int32Array.from(targets, ({ train: known }) => known[index]!))
  return { pictures, targets: joined(rows, targets.length) }
}

/** Mirrors a picture at random and moves it by up to a sixteenth of its side; the outermost pixels are drawn out. */
function move(picture: Float32Array, size: number, random: Random, flip: boolean): void {
  const most = Math.round(size / 16)
  const mirrored = random.uniform() < 0.5 && flip
  const [down, right] = [random.integer(2 * most + 1) - most, random.integer(2 * most + 1) - most]
  const inside = (at: number) => Math.max(0, Math.min(size - 1, at))
  const columns = Int32Array.from({ length: size }, (_, x) => inside((mirrored ? size - 1 - x : x) + right))
  const before = picture.slice()
  for (let line = 0; line < picture.length / size; line++) {
    const from = (line - (line % size) + inside((line % size) + down)) * size
    for (let x = 0; x < size; x++) picture[line * size + x] = before[from + columns[x]!]!
  }
}

async function weightsOf(trainer: Trainer, { scope }: ImageClassifier): Promise<Record<string, HostTensor>> {
  const entries = [...scope.parameters.values()].map(async ({ name, shape }): Promise<[string, HostTensor]> => {
    const data = Float32Array.from((await trainer.buffer(name).read()) as Float32Array)
    return [name, { dtype: 'float32', shape, data }]
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** The share of held-out pictures that are told right, by attribute. */
async function measure(
  engine: Engine,
  classifier: ImageClassifier,
  weights: Readonly<Record<string, HostTensor>>,
  heldOut: ImageSet,
  targets: readonly Target[],
): Promise<Record<string, number>> {
  const seeing = await PictureClassifier.create(engine, { classifier, weights }, '')
  const counts = targets.map(() => ({ right: 0, known: 0 }))
  try {
    for (let begin = 0; begin < heldOut.length; begin += 1024) {
      const indices = Array.from({ length: Math.min(1024, heldOut.length - begin) }, (_, i) => begin + i)
      const { values } = await seeing.classify({ ...classifier.config, pixels: heldOut.pixels(indices) })
      for (const [i, index] of indices.entries())
        for (const [a, { heldOut: known }] of targets.entries()) {
          if (known[index]! < 0) continue
          counts[a]!.known++
          if (values[i * targets.length + a] === known[index]) counts[a]!.right++
        }
    }
  } finally {
    await seeing.release()
  }
  return Object.fromEntries(targets.map(({ attribute }, a) => [attribute.name, counts[a]!.right / counts[a]!.known]))
}

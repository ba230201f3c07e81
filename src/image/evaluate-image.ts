import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, DataError } from '../errors.ts'
import { type DotProducts, engineDots } from '../evaluate/images/dot-products.ts'
import { leastCompared, measurePictures, type PictureMeasures } from '../evaluate/images/evaluate-pictures.ts'
import type { FeatureMatrix } from '../evaluate/images/feature-matrix.ts'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { Random } from '../random/random.ts'
import type { EngineName } from '../runtime/engine.ts'
import type { ImageArtifact } from './artifact.ts'
import { type AttributeEvaluation, classify, paintSamples } from './asked-samples.ts'
import { PictureClassifier } from './classify-pictures.ts'
import { type CopiedPictures, type CopiedPicturesFound, measureCopying } from './copied-pictures.ts'
import type { ImageCorpus, ImageSet } from './data/image-corpus.ts'
import type { FeatureExtractor } from './features/feature-extractor.ts'
import { InceptionFeatures } from './features/inception-features.ts'
import { ImageModel } from './image-model.ts'
import {
  bothSides,
  chosen,
  corpusOfRun,
  drawPlaces,
  featuresOf,
  listOf,
  type PictureForm,
  type PictureList,
  withPacked,
} from './measured-pictures.ts'

/** How far an evaluation is; `total` in pictures, or in sets of measures. */
export interface EvaluateImageProgress {
  readonly stage: 'samples' | 'features' | 'measures' | 'copies'
  readonly done: number
  readonly total: number
}

/** How to evaluate. */
export interface EvaluateImageOptions {
  /** Real pictures to compare with instead of the run's held-out ones; needed where there is no run. */
  readonly data?: readonly string[]
  /** What the evaluation calls them; `data` by default. */
  readonly sources?: readonly string[]
  /** How many pictures to let the model paint, 2,000 by default. */
  readonly samples?: number
  /**
   * What sees the pictures: `classifier`; `inception`, nsfwjs' network; or a safetensors file of InceptionV3. By default
   * the classifier where there is one, else `inception`.
   */
  readonly features?: string
  /** A folder that `trainClassifier` wrote; `RUN/classifier` where there is one. */
  readonly classifier?: string
  /** Most training pictures to look for copies among in feature space; by default all, or 5,000 for slow features. */
  readonly trainPictures?: number
  /** Latents and draws; 0 by default. */
  readonly seed?: number
  readonly engine?: EngineName
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EvaluateImageProgress) => void
  /** Hears, in a line, of what takes a while or is worth knowing. */
  readonly onNote?: (line: string) => void
}

/** What {@link evaluateImage} finds; a run's `evaluation.json`. */
export interface ImageEvaluation {
  readonly format: 'atelier-evaluation-1'
  readonly model: ImageArtifact['model']
  readonly features: Pick<FeatureExtractor, 'name' | 'width' | 'digest' | 'note'>
  readonly pictures: {
    /** Painted, and real ones: as many of both were compared. */
    readonly samples: number
    readonly compared: number
    /** `held-out`: the run's own; else what was named as data. */
    readonly real: 'held-out' | readonly string[]
    readonly train?: { readonly all: number; readonly inFeatures: number }
  }
  readonly quality: PictureMeasures
  /** The same of training pictures beside the real ones: what a perfect generator would reach. */
  readonly baseline?: PictureMeasures
  /** Of runs. */
  readonly copying?: CopiedPicturesFound['copying']
  readonly nearest?: CopiedPicturesFound['nearest']
  readonly attributes?: readonly AttributeEvaluation[]
  readonly seed: number
  readonly created: string
  readonly engine: ImageArtifact['engine']
  readonly atelier: string
}

/** Names of what is written into a run. */
export const evaluationFile = 'evaluation.json'
export const nearestFile = 'evaluation-nearest.png'

const defaultSamples = 2000
/** Training pictures that slow features are taken of, if no more samples are painted. */
const slowTrainPictures = 5000

/**
 * Measures what a model paints: beside real pictures that it did not learn from (Fréchet and kernel distance, precision,
 * recall, density, coverage), beside those that it did (copies), and by a classifier, where there is one. A run's is
 * saved as `RUN/evaluation.json`, with the pairs of samples and nearest training pictures in
 * `RUN/evaluation-nearest.png`: sample, nearest by pixels, nearest by features.
 *
 * Throws CheckpointError for the folder, DataError for the pictures, ConfigError for settings; an abort throws its reason.
 */
export async function evaluateImage(folder: string, options: EvaluateImageOptions = {}): Promise<ImageEvaluation> {
  const { samples = defaultSamples, engine, threads, data, signal } = options
  if (!Number.isInteger(samples) || samples < leastCompared)
    throw new ConfigError(`evaluate: samples is ${samples}, wanted a whole number from ${leastCompared}`, { samples })
  const model = await ImageModel.load(folder, { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) })
  let corpus: ImageCorpus | undefined
  try {
    corpus = await corpusOfRun(model.folder)
    const { config } = model.loaded.gan
    if (data)
      return await withPacked(data, config, (packed) => evaluate(model, corpus, bothSides(packed), options), signal)
    if (!corpus)
      throw new DataError(`evaluate: ${folder} has no held-out pictures; name real ones by --data`, { folder })
    return await evaluate(model, corpus, corpus.heldOut, options)
  } finally {
    corpus?.close()
    await model.release()
  }
}

/** All that one evaluation works with. */
interface Work {
  readonly extractor: FeatureExtractor
  readonly form: PictureForm
  readonly dots: DotProducts
  readonly random: Random
  readonly samples: PictureList
  readonly real: PictureList
  readonly options: EvaluateImageOptions
}

async function evaluate(
  model: ImageModel,
  corpus: ImageCorpus | undefined,
  allReal: PictureList,
  options: EvaluateImageOptions,
): Promise<ImageEvaluation> {
  const { samples: n = defaultSamples, seed = 0, signal, data } = options
  const random = Random.seed(seed).split('evaluation')
  const form = model.loaded.gan.config
  const classifier = await classifierOf(model, options)
  const extractor = await extractorOf(model, classifier, options)
  const dots = engineDots(model.engine)
  try {
    const onProgress = (done: number, total: number) => options.onProgress?.({ stage: 'samples', done, total })
    const asking = { n, seed, random: random.split('asked'), onProgress, ...(signal ? { signal } : {}) }
    const painted = await paintSamples(model, corpus, asking)
    const real = chosen(allReal, drawPlaces(allReal, n, random.split('real')))
    const work: Work = { extractor, form, dots, random, samples: listOf(painted.pictures), real, options }
    const measured = await measure(work, corpus)
    const attributes = classifier ? { attributes: await classify(classifier, painted, corpus) } : {}
    const { sheet, ...found } = measured
    const evaluation = { ...(await header(model, extractor, options)), ...found, ...attributes }
    if (corpus && !data) {
      await writeJsonFile(join(model.folder, evaluationFile), evaluation)
      await writeFileAtomic(join(model.folder, nearestFile), sheet!)
    }
    return evaluation
  } finally {
    await dots.release()
    await extractor.release()
    if (classifier && classifier !== extractor) await classifier.release()
  }
}

async function classifierOf(model: ImageModel, { classifier }: EvaluateImageOptions) {
  const own = join(model.folder, 'classifier')
  const folder = classifier ?? (existsSync(join(own, 'config.json')) ? own : undefined)
  return folder === undefined ? undefined : PictureClassifier.open(model.engine, folder)
}

async function extractorOf(
  { engine }: ImageModel,
  classifier: PictureClassifier | undefined,
  { features = classifier ? 'classifier' : 'inception', signal, onNote }: EvaluateImageOptions,
): Promise<FeatureExtractor> {
  if (features !== 'classifier') {
    const file = features === 'inception' ? {} : { file: features }
    return InceptionFeatures.load(engine, { ...file, signal, onNote })
  }
  if (classifier) return classifier
  throw new ConfigError('evaluate: features of a classifier, but there is none; name one by --classifier')
}

async function header(
  model: ImageModel,
  { name, width, digest, note }: FeatureExtractor,
  options: EvaluateImageOptions,
) {
  const { seed = 0 } = options
  const record = model.record({}, { seed, index: 0, condition: {}, digest: await model.digest() })
  return {
    format: 'atelier-evaluation-1' as const,
    model: record.model,
    features: { name, width, digest, note },
    seed,
    created: new Date().toISOString(),
    engine: record.engine,
    atelier: record.atelier,
  }
}

async function measure(work: Work, corpus: ImageCorpus | undefined) {
  const { samples, real, random, options, extractor } = work
  const { data, sources = data, onProgress } = options
  const compared = Math.min(samples.length, real.length)
  const most =
    options.trainPictures ?? (extractor.isSlow ? Math.max(slowTrainPictures, compared) : Number.POSITIVE_INFINITY)
  const places = corpus && drawPlaces(corpus.train, Math.max(most, 2), random.split('train'))
  const total = samples.length + real.length + (places?.length ?? 0)
  let done = 0
  const extract = (list: PictureList) =>
    featuresOf(extractor, list, work.form, {
      signal: options.signal,
      onDone: (count) => {
        done += count
        onProgress?.({ stage: 'features', done, total })
      },
    })
  const features = { samples: await extract(samples), real: await extract(real) }
  const train = corpus && places && (await extract(chosen(corpus.train, places)))
  const told = { samples: samples.length, compared, real: data ? (sources ?? data) : ('held-out' as const) }
  return {
    pictures: {
      ...told,
      ...(corpus && places ? { train: { all: corpus.train.length, inFeatures: places.length } } : {}),
    },
    ...(await distributions(work, features, train, compared)),
    ...(corpus && train && places ? await copies(work, corpus.train, { ...features, train, places }) : {}),
  }
}

/** Measures of the first `compared` pictures of each set. */
async function distributions(
  { dots, random, options }: Work,
  features: { readonly samples: FeatureMatrix; readonly real: FeatureMatrix },
  train: FeatureMatrix | undefined,
  compared: number,
) {
  const { signal, onProgress } = options
  const first = Array.from({ length: compared }, (_, i) => i)
  const real = features.real.pick(first)
  const total = train && train.length >= compared ? 2 : 1
  onProgress?.({ stage: 'measures', done: 0, total })
  const settings = () => ({ dots, signal, random: random.split('kernel') })
  const quality = await measurePictures(features.samples.pick(first), real, settings())
  onProgress?.({ stage: 'measures', done: 1, total })
  if (!train || train.length < compared) return { quality }
  const drawn = drawPlaces(train, compared, random.split('baseline'))
  const baseline = await measurePictures(train.pick(drawn), real, settings())
  onProgress?.({ stage: 'measures', done: 2, total })
  return { quality, baseline }
}

async function copies(
  { samples, real, form, dots, random, options }: Work,
  train: ImageSet,
  features: CopiedPictures['features'],
) {
  const { signal, onProgress } = options
  const onDone = (done: number) => onProgress?.({ stage: 'copies', done, total: 2 })
  return measureCopying({ samples, real, form, train, features }, { dots, random, signal, onDone })
}

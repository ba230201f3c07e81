import { type ClassCoverage, classAgreement, classCoverage } from '../evaluate/images/class-coverage.ts'
import type { Random } from '../random/random.ts'
import { drawLatent } from '../sample/latents.ts'
import type { PictureClassifier } from './classify-pictures.ts'
import { conditionsFor } from './conditioning.ts'
import type { ImageCorpus } from './data/image-corpus.ts'
import type { ImageModel } from './image-model.ts'
import type { Pictures } from './render/canvas.ts'

/** Samples, and the training picture whose class or caption each was asked for by; none where nothing was asked for. */
export interface AskedSamples {
  readonly pictures: Pictures
  readonly askedBy: Uint32Array | undefined
}

/**
 * Paints `n` pictures, picture i from the latent that `generate` takes for it, asked for by what training pictures drawn
 * at random are: their classes as often, their captions as they are.
 */
export async function paintSamples(
  model: ImageModel,
  corpus: ImageCorpus | undefined,
  {
    n,
    seed,
    random,
    ...settings
  }: {
    readonly n: number
    readonly seed: number
    readonly random: Random
    readonly signal?: AbortSignal
    readonly onProgress?: (done: number, total: number) => void
  },
): Promise<AskedSamples> {
  const { latentSize, conditioning } = model.loaded.gan.config
  const conditions = conditionsFor(conditioning, model.tokenizer)
  const askedBy =
    conditions && corpus ? Uint32Array.from({ length: n }, () => random.integer(corpus.train.length)) : undefined
  const condition = (i: number) =>
    corpus && askedBy
      ? conditions?.of(corpus.train, askedBy[i]!, (count) => random.integer(count))
      : conditions?.nothing
  const requests = Array.from({ length: n }, (_, place) => {
    const asked = condition(place)
    return { place, latent: drawLatent(seed, place, latentSize), ...(asked ? { condition: asked } : {}) }
  })
  return { pictures: await model.paint(requests, settings), askedBy }
}

/** What a classifier finds of one attribute. */
export interface AttributeEvaluation extends ClassCoverage {
  /** `class`, or the name of an attribute. */
  readonly attribute: string
  readonly values: readonly string[]
  /** The share of samples that show what they were asked for by, where that is known. */
  readonly agreement?: number
}

/** Coverage of every attribute that a classifier tells, and agreement with what was asked for. */
export async function classify(
  classifier: PictureClassifier,
  { pictures, askedBy }: AskedSamples,
  corpus: ImageCorpus | undefined,
): Promise<AttributeEvaluation[]> {
  const { attributes } = classifier.config
  const seen = (await classifier.classify(pictures)).values
  return attributes.map(({ name, values }, a) => {
    const predictions = Array.from(
      { length: seen.length / attributes.length },
      (_, i) => seen[i * attributes.length + a]!,
    )
    const asked = corpus && askedBy ? Array.from(askedBy, (place) => valueNumber(corpus, place, name, values)) : []
    const known = [...asked.keys()].filter((i) => asked[i]! >= 0)
    const agreement = classAgreementOf(
      known.map((i) => predictions[i]!),
      known.map((i) => asked[i]!),
    )
    return { attribute: name, values, ...classCoverage(predictions, values.length), ...agreement }
  })
}

/** The number of a training picture's value of an attribute, −1 where it is unknown. */
function valueNumber({ train, classes }: ImageCorpus, place: number, name: string, values: readonly string[]): number {
  if (name === 'class') return values.indexOf(classes[train.labels?.[place] ?? -1] ?? '')
  return values.indexOf(train.record(place).attributes?.[name] ?? '')
}

function classAgreementOf(predictions: readonly number[], asked: readonly number[]): { agreement?: number } {
  return asked.length === 0 ? {} : { agreement: classAgreement(predictions, asked) }
}

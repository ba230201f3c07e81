import { Random } from '../random/random.ts'
import { drawLatent } from '../sample/latents.ts'
import { type Pairs, pairsToCompare } from '../train/gan-look.ts'
import type { Conditions } from './conditioning.ts'
import type { ImageCorpus, ImageSet } from './data/image-corpus.ts'
import { joined, toFloats } from './image-batches.ts'

/** Real pictures, and what asks for them. */
export interface AskedPictures {
  /** float32 [count, C, S, S], −1 to 1. */
  readonly pictures: Float32Array
  readonly condition?: Int32Array
}

/** What a run looks at from its first round to its last, the same in every session. */
export interface FixedPictures {
  readonly count: number
  /** float32 [count, latentSize]. */
  readonly latents: Float32Array
  /** Real pictures of the training part, asked for by what the samples are asked for by. */
  readonly train: AskedPictures
  readonly heldOut: AskedPictures
  /** Of samples and `train` pictures: which to compare to see how diverse they are, within classes where it can be. */
  readonly pairs: Pairs
  /** Pictures in a row of a sheet: one of each class where there are classes. */
  readonly columns: number
}

/** What {@link fixedPictures} chooses by. */
export interface FixedPicturesOptions {
  readonly corpus: ImageCorpus
  readonly conditions: Conditions | undefined
  readonly count: number
  readonly latentSize: number
  readonly seed: number
  /** Whether pictures are asked for by class: then samples go through the classes in turn. */
  readonly byClass: boolean
}

/** Chooses latents and real pictures as a function of the seed and the corpus. */
export function fixedPictures({
  corpus,
  conditions,
  count,
  latentSize,
  seed,
  byClass,
}: FixedPicturesOptions): FixedPictures {
  const random = Random.seed(seed).split('fixed pictures')
  const latents = new Float32Array(count * latentSize)
  for (let i = 0; i < count; i++) latents.set(drawLatent(seed, i, latentSize), i * latentSize)
  const shuffled = (set: ImageSet, name: string) => random.split(name).permutation(set.length)
  const train = byClass
    ? takingTurns(shuffled(corpus.train, 'train'), corpus, count)
    : around(shuffled(corpus.train, 'train'), count)
  const { classes } = corpus
  const asked = (set: ImageSet, indices: readonly number[], name: string): AskedPictures => {
    const pictures = toFloats(set.pixels(indices))
    if (!conditions) return { pictures }
    const captions = random.split(name).split('captions')
    const rows = indices.map((index) => conditions.of(set, index, (many) => captions.integer(many)))
    return { pictures, condition: joined(rows, conditions.width) }
  }
  return {
    count,
    latents,
    train: asked(corpus.train, train, 'train'),
    heldOut: asked(corpus.heldOut, around(shuffled(corpus.heldOut, 'held out'), count), 'held out'),
    pairs: pairsToCompare(train, byClass ? train.map((index) => corpus.train.labels?.[index] ?? -1) : undefined),
    columns: byClass && classes.length <= 16 ? classes.length : Math.ceil(Math.sqrt(count)),
  }
}

/** The first `count` of a list that begins again at its end. */
function around(order: ArrayLike<number>, count: number): number[] {
  return Array.from({ length: count }, (_, i) => order[i % order.length]!)
}

/** The first picture of each class, then the second of each, and so on; classes without pictures are passed over. */
function takingTurns(order: Uint32Array, { train, classes }: ImageCorpus, count: number): number[] {
  const ofClass: number[][] = classes.map(() => [])
  for (const index of order) ofClass[train.labels?.[index] ?? -1]?.push(index)
  const present = ofClass.filter((indices) => indices.length > 0)
  if (present.length === 0) return around(order, count)
  return Array.from({ length: count }, (_, i) => {
    const indices = present[i % present.length]!
    return indices[Math.floor(i / present.length) % indices.length]!
  })
}

import { permuted } from '../data/permuted.ts'
import { Random } from '../random/random.ts'
import { augmentationParts, drawAugmentation } from '../train/augment/augment.ts'
import type { PlayerName, RoundFeeds } from '../train/gan-trainer.ts'
import type { Feeds } from '../train/trainer.ts'
import type { Conditions } from './conditioning.ts'
import type { ImageSet } from './data/image-corpus.ts'
import type { ImageSettings } from './settings.ts'

/** What {@link ImageBatches} draws from. */
export interface ImageBatchesOptions {
  readonly train: ImageSet
  readonly channels: number
  readonly imageSize: number
  readonly conditions: Conditions | undefined
  readonly settings: Pick<ImageSettings, 'batchSize' | 'latentSize' | 'flip' | 'augmentation' | 'conditionDrop'>
  readonly seed: number
  /** Discriminator's steps a round: each sees a batch of its own. */
  readonly discriminatorSteps: number
}

/** Real pictures of one batch, and what asks for them. */
interface RealBatch {
  readonly number: number
  readonly feeds: Feeds
}

/**
 * Batches of a duel as a pure function of (seed, round): every picture once an epoch, in an order of its own; the
 * generator's step meets the real pictures of the discriminator's first, with latents of its own.
 */
export class ImageBatches {
  readonly #options: ImageBatchesOptions
  readonly #random: Random
  #real: RealBatch | undefined

  constructor(options: ImageBatchesOptions) {
    this.#options = options
    this.#random = Random.seed(options.seed).split('batches')
  }

  /** Feeds of the `round`-th round, from 0, with pictures augmented at `strength`. */
  feeds(round: number, strength: number): RoundFeeds {
    return (player, index) => {
      const batch = round * this.#options.discriminatorSteps + (player === 'generator' ? 0 : index)
      if (this.#real?.number !== batch) this.#real = { number: batch, feeds: this.#realFeeds(batch) }
      return { ...this.#real.feeds, ...this.#drawn(batch, player, strength) }
    }
  }

  /** Latents, places between real and fake pictures, augmentations: anew for each player. */
  #drawn(batch: number, player: PlayerName, strength: number): Feeds {
    const { settings, channels, imageSize } = this.#options
    const { batchSize, latentSize, augmentation } = settings
    const random = this.#random.split(player).at(batch)
    const latents = new Float32Array(batchSize * latentSize)
    random.split('latents').fillGaussian(latents)
    const places = random.split('between')
    const between = Float32Array.from({ length: batchSize }, () => places.uniform())
    if (augmentation === 'none') return { latents, between }
    const sides = ['real', 'fake'].flatMap((side) => {
      const drawn = drawAugmentation(augmentation, strength, batchSize, imageSize, channels, random.split(side))
      return augmentationParts.map((part) => [`${side}.${part}`, drawn[part]] as const)
    })
    return { latents, between, ...Object.fromEntries(sides) }
  }

  #realFeeds(batch: number): Feeds {
    const { train, settings, channels, imageSize, conditions } = this.#options
    const { batchSize, flip } = settings
    const indices = Array.from({ length: batchSize }, (_, i) => this.#indexAt(batch * batchSize + i))
    const real = toFloats(train.pixels(indices))
    if (flip) mirrorSome(real, channels * imageSize, imageSize, this.#random.split('flip').at(batch))
    return conditions ? { real, ...this.#asked(batch, indices, conditions) } : { real }
  }

  /** The picture at a place in the endless sequence of epochs. */
  #indexAt(place: number): number {
    const { length } = this.#options.train
    const order = this.#random.split('order').at(Math.floor(place / length))
    return permuted(place % length, length, order)
  }

  /** Conditions, some withheld, and those of other pictures of the batch. */
  #asked(batch: number, indices: readonly number[], conditions: Conditions): Feeds {
    const { train, settings } = this.#options
    const random = this.#random.split('conditions').at(batch)
    const rows = indices.map((index) => conditions.of(train, index, (count) => random.integer(count)))
    const turn = 1 + random.integer(rows.length - 1)
    const condition = rows.map((row) => (random.uniform() < settings.conditionDrop ? conditions.nothing : row))
    const mismatched = rows.map((_, i) => rows[strangerOf(i, turn, indices, rows)]!)
    return { condition: joined(condition, conditions.width), mismatched: joined(mismatched, conditions.width) }
  }
}

/** Bytes of pictures as the networks take them: x / 127.5 − 1. */
export function toFloats(pixels: Uint8Array): Float32Array {
  const floats = new Float32Array(pixels.length)
  for (let i = 0; i < pixels.length; i++) floats[i] = pixels[i]! / 127.5 - 1
  return floats
}

/** Rows of a condition, one after the other. */
export function joined(rows: readonly Int32Array[], width: number): Int32Array {
  const all = new Int32Array(rows.length * width)
  for (const [i, row] of rows.entries()) all.set(row, i * width)
  return all
}

/** Turns left and right around in every other picture, as chance has it; a picture is `lines` lines of `width`. */
function mirrorSome(pictures: Float32Array, lines: number, width: number, random: Random): void {
  const each = lines * width
  for (let start = 0; start < pictures.length; start += each) {
    if (random.uniform() < 0.5) continue
    for (let at = start; at < start + each; at += width) pictures.subarray(at, at + width).reverse()
  }
}

/** The first place from `turn` places after `i` on that holds another picture, asked for by something else; else `i`. */
function strangerOf(i: number, turn: number, indices: readonly number[], rows: readonly Int32Array[]): number {
  const same = (a: Int32Array, b: Int32Array) => a.every((value, k) => value === b[k])
  for (let step = 0; step < rows.length; step++) {
    const j = (i + turn + step) % rows.length
    if (indices[j] !== indices[i] && !same(rows[i]!, rows[j]!)) return j
  }
  return i
}

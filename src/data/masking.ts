import type { Random } from '../random/random.ts'

/** What is hidden, and how often. */
export interface MaskingOptions {
  /** Share of the ids that may be hidden to hide, 0 to 1. */
  readonly share: number
  /** Whether ids of one word are hidden together. */
  readonly wholeWords: boolean
  /** The id that stands for what is hidden. */
  readonly mask: number
  /** By id: 1 where it is never hidden, and never put in place of another. */
  readonly special: Uint8Array
  /** By id: 1 where a word begins. */
  readonly beginsWord: Uint8Array
}

/** A text with ids hidden. */
export interface MaskedText {
  readonly ids: Int32Array
  /** Where ids are to be told, ascending. */
  readonly places: readonly number[]
  /** What stands there, in the same order. */
  readonly targets: readonly number[]
}

/** How many of `n` ids are hidden: n · share, rounded, at least one. */
export function hiddenIn(n: number, share: number): number {
  return Math.max(1, Math.round(n * share))
}

/**
 * Hides ids of texts, anew each time (Devlin et al. 2019, section 3.1; dynamic: Liu et al. 2019, section 4.1): of those
 * chosen 80 % become the mask, 10 % another id at random, 10 % stay. How many is fixed by the length; with whole words
 * a word that would exceed it is passed over, as in BERT's own preparation.
 */
export class Masker {
  readonly #options: MaskingOptions
  readonly #ordinary: Int32Array

  constructor(options: MaskingOptions) {
    this.#options = options
    this.#ordinary = Int32Array.from(options.special.keys()).filter((id) => options.special[id] === 0)
  }

  /** Hides some of `ids`, which stay as they are. */
  hide(ids: Int32Array, random: Random): MaskedText {
    const places = this.#choose(ids, random)
    const hidden = ids.slice()
    for (const place of places) hidden[place] = this.#instead(ids[place]!, random)
    return { ids: hidden, places, targets: places.map((place) => ids[place]!) }
  }

  #choose(ids: Int32Array, random: Random): number[] {
    const units = this.#units(ids)
    const wanted = hiddenIn(
      units.reduce((sum, unit) => sum + unit.length, 0),
      this.#options.share,
    )
    random.shuffle(units)
    const chosen: number[] = []
    for (const unit of units) if (chosen.length + unit.length <= wanted) chosen.push(...unit)
    if (chosen.length === 0) chosen.push(...(units[0] ?? []).slice(0, wanted))
    return chosen.sort((a, b) => a - b)
  }

  /** Places that are hidden together. */
  #units(ids: Int32Array): number[][] {
    const { special, beginsWord, wholeWords } = this.#options
    const units: number[][] = []
    for (let place = 0; place < ids.length; place++) {
      const id = ids[place]!
      if (special[id] === 1) continue
      const goesOn = wholeWords && beginsWord[id] === 0 && units.at(-1)?.at(-1) === place - 1
      if (goesOn) units.at(-1)!.push(place)
      else units.push([place])
    }
    return units
  }

  #instead(id: number, random: Random): number {
    const u = random.uniform()
    if (u < 0.8) return this.#options.mask
    return u < 0.9 ? this.#ordinary[random.integer(this.#ordinary.length)]! : id
  }
}

/** Sizes of a batch of masked texts. */
export interface MaskedShape {
  readonly batchSize: number
  /** Ids of a row, what frames the text included. */
  readonly contextLength: number
  /** Places of a row that are to be told, at most. */
  readonly blanks: number
}

/** Texts with ids hidden, `B` rows of `T` ids, and `K` places a row. */
export interface MaskedTexts {
  /** [B, T]. */
  readonly ids: Int32Array
  /** [B, T]: 1 where there is a token. */
  readonly mask: Int32Array
  /** [B·K]: b · T + t of each place. */
  readonly places: Int32Array
  /** [B·K]: what stands there. */
  readonly targets: Int32Array
  /** [B·K]: 1 where a place counts, 0 where a row has fewer. */
  readonly weights: Float32Array
}

/** A batch of masked texts, padded with `pad`. */
export function maskedBatch(texts: readonly MaskedText[], shape: MaskedShape, pad: number): MaskedTexts {
  const { batchSize: B, contextLength: T, blanks: K } = shape
  const batch = {
    ids: new Int32Array(B * T).fill(pad),
    mask: new Int32Array(B * T),
    places: new Int32Array(B * K),
    targets: new Int32Array(B * K),
    weights: new Float32Array(B * K),
  }
  for (const [row, { ids, places, targets }] of texts.entries()) {
    batch.ids.set(ids, row * T)
    batch.mask.fill(1, row * T, row * T + ids.length)
    batch.places.set(
      places.map((place) => row * T + place),
      row * K,
    )
    batch.targets.set(targets, row * K)
    batch.weights.fill(1, row * K, row * K + places.length)
  }
  return batch
}

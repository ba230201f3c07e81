import { DataError } from '../errors.ts'
import type { Random } from '../random/random.ts'
import { permuted } from './permuted.ts'
import type { Pair } from './span-corruption.ts'
import type { TokenSource } from './token-dataset.ts'

/** Sizes of a batch of pairs. */
export interface PairShape {
  readonly batchSize: number
  /** Ids of a source at most, its end included. */
  readonly sourceLength: number
  /** Ids of a target at most, its end included. */
  readonly targetLength: number
}

const readAtOnce = 1 << 16

/** Pairs of texts in a text of ids, in which the same id closes each source and each target, in turn. */
export class PairSource {
  readonly #ids: TokenSource
  readonly #end: number
  /** After each closing id. */
  readonly #cuts: readonly number[]

  /** Finds the pairs. Throws {@link DataError} where there are none, or a half. */
  constructor(ids: TokenSource, end: number) {
    this.#ids = ids
    this.#end = end
    this.#cuts = cutsIn(ids, end)
    if (this.#cuts.length < 2 || this.#cuts.length % 2 === 1 || this.#cuts.at(-1) !== ids.tokens)
      throw new DataError(`pairs: the corpus holds ${this.#cuts.length} closed texts, wanted pairs; prepare it again`)
  }

  /** How many pairs there are. */
  get size(): number {
    return this.#cuts.length / 2
  }

  /** Ids of each source and of each target, their ends included. */
  get lengths(): { readonly sources: readonly number[]; readonly targets: readonly number[] } {
    const length = (text: number) => this.#cuts[text]! - (this.#cuts[text - 1] ?? 0)
    return {
      sources: Array.from({ length: this.size }, (_, pair) => length(2 * pair)),
      targets: Array.from({ length: this.size }, (_, pair) => length(2 * pair + 1)),
    }
  }

  /** A pair; of a text that is longer than its size allows the beginning, and its end. */
  pair(index: number, { sourceLength, targetLength }: PairShape): Pair {
    return { source: this.#text(2 * index, sourceLength), target: this.#text(2 * index + 1, targetLength) }
  }

  #text(text: number, most: number): Int32Array {
    const start = this.#cuts[text - 1] ?? 0
    const ids = new Int32Array(Math.min(most, this.#cuts[text]! - start))
    this.#ids.read(start, ids.length, ids)
    ids[ids.length - 1] = this.#end
    return ids
  }
}

function cutsIn(ids: TokenSource, end: number): number[] {
  const cuts: number[] = []
  const chunk = new Int32Array(readAtOnce)
  for (let start = 0; start < ids.tokens; start += readAtOnce) {
    const length = Math.min(readAtOnce, ids.tokens - start)
    ids.read(start, length, chunk)
    for (let i = 0; i < length; i++) if (chunk[i] === end) cuts.push(start + i + 1)
  }
  return cuts
}

/** The pair that stands at `position` in epochs, each in an order of its own. */
export function pairInEpochs(position: number, size: number, random: Random): number {
  return permuted(position % size, size, random.at(Math.floor(position / size)).split('order'))
}

/** A batch of texts to read, `B` rows of `S` ids, and of texts to write, `B` rows of `T`. */
export interface PairBatch {
  /** [B, S]. */
  readonly source: Int32Array
  /** [B, S]: 1 where there is a token. */
  readonly sourceMask: Int32Array
  /** [B, T]: what the decoder has written before each of the targets: its start, then the targets. */
  readonly written: Int32Array
  /** [B·T]. */
  readonly targets: Int32Array
  /** [B·T]: 1 where there is a target, 0 for padding. */
  readonly weights: Float32Array
}

/** A batch of pairs, padded with `pad`; the decoder begins with `start`. */
export function pairBatch(
  pairs: readonly Pair[],
  { batchSize: B, sourceLength: S, targetLength: T }: PairShape,
  { pad, start }: { readonly pad: number; readonly start: number },
): PairBatch {
  const batch = {
    source: new Int32Array(B * S).fill(pad),
    sourceMask: new Int32Array(B * S),
    written: new Int32Array(B * T).fill(pad),
    targets: new Int32Array(B * T).fill(pad),
    weights: new Float32Array(B * T),
  }
  for (const [row, { source, target }] of pairs.entries()) {
    batch.source.set(source, row * S)
    batch.sourceMask.fill(1, row * S, row * S + source.length)
    batch.written[row * T] = start
    batch.written.set(target.subarray(0, -1), row * T + 1)
    batch.targets.set(target, row * T)
    batch.weights.fill(1, row * T, row * T + target.length)
  }
  return batch
}

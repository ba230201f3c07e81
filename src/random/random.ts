import { ConfigError } from '../errors.ts'
import { threefry2x32 } from './threefry.ts'

/** All that a {@link Random} is: where in which stream. Plain numbers, so that a checkpoint can hold it. */
export interface RandomState {
  /** Two uint32 words that name the stream. */
  readonly key: readonly [number, number]
  /** How many draws were made, 0 to 2^53 − 1. */
  readonly counter: number
}

const twoTo32 = 2 ** 32
const twoTo53 = 2 ** 53
/** High counter words that no draw reaches (draws stay below 2^21): children by name and by index never meet draws. */
const nameDomain = 0xffffffff
const indexDomain = 0xfffffffe

/**
 * A stream of random numbers that is a pure function of (key, counter): Threefry-2x32-20 in counter mode.
 *
 * One draw, of whatever kind, takes one count, so that draw s of a stream can be had without the draws before it.
 * Streams are split by name and by index, never by drawing, so that adding one consumer changes no other.
 *
 * ```ts
 * const dropout = Random.seed(42).split('dropout').at(step)
 * dropout.uniform() // in [0, 1)
 * ```
 */
export class Random {
  readonly key: readonly [number, number]
  /** Draws made so far; set it to jump. */
  counter: number
  readonly #block = new Uint32Array(2)

  constructor(state: RandomState) {
    this.key = state.key
    this.counter = state.counter
  }

  /** The stream of a seed, an integer from 0 to 2^53 − 1; throws {@link ConfigError} otherwise. */
  static seed(seed: number): Random {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(`seed: got ${seed}, wanted an integer from 0 to 2^53 − 1`, { seed })
    }
    return new Random({ key: [Math.floor(seed / twoTo32), seed % twoTo32], counter: 0 })
  }

  /** What a checkpoint keeps; `new Random(state)` continues the stream. */
  get state(): RandomState {
    return { key: this.key, counter: this.counter }
  }

  /** The child stream of a name (its UTF-8 bytes, chained through the cipher); this stream doesn't move. */
  split(name: string): Random {
    const bytes = new TextEncoder().encode(name)
    let key = encipher(this.key, bytes.length, nameDomain)
    for (let at = 0; at < bytes.length; at += 8)
      key = encipher(key, littleEndian(bytes, at), littleEndian(bytes, at + 4))
    return new Random({ key, counter: 0 })
  }

  /** The child stream of an index such as a step or a row, 0 to 2^53 − 1; this stream doesn't move. */
  at(index: number): Random {
    const domain = encipher(this.key, 0, indexDomain)
    return new Random({ key: encipher(domain, index % twoTo32, Math.floor(index / twoTo32)), counter: 0 })
  }

  /** 32 random bits as a uint32. */
  uint32(): number {
    return this.#draw()[0] as number
  }

  /** Uniform in [0, 1), one of 2^53 equally spaced numbers. */
  uniform(): number {
    const [high, low] = this.#draw() as unknown as readonly [number, number]
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / twoTo53
  }

  /** Uniform in [0, 1), one of 2^24 equally spaced numbers: exact in float32. */
  uniform24(): number {
    return (this.uint32() >>> 8) / 2 ** 24
  }

  /** An integer from 0 to `bound` − 1, all equally likely (rejection, no modulo bias); `bound` from 1 to 2^53. */
  integer(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= twoTo53)) {
      throw new ConfigError(`random integer: got bound ${bound}, wanted an integer from 1 to 2^53`, { bound })
    }
    const limit = twoTo53 - (twoTo53 % bound)
    let value = this.uniform() * twoTo53
    while (value >= limit) value = this.uniform() * twoTo53
    return value % bound
  }

  /** From the standard normal distribution (Box and Muller 1958), within ±6.7. */
  gaussian(): number {
    const [a, b] = this.#draw() as unknown as readonly [number, number]
    return radius(a) * Math.cos(angle(b))
  }

  /** Fills `target` with normal numbers of the given deviation, two to a draw. */
  fillGaussian(target: Float32Array | Float64Array, deviation = 1): void {
    for (let i = 0; i < target.length; i += 2) {
      const [a, b] = this.#draw() as unknown as readonly [number, number]
      const scale = deviation * radius(a)
      target[i] = scale * Math.cos(angle(b))
      if (i + 1 < target.length) target[i + 1] = scale * Math.sin(angle(b))
    }
  }

  /** Puts `items` in an order of which all are equally likely, in place (Fisher and Yates; Durstenfeld 1964). */
  shuffle<T>(items: { [index: number]: T; readonly length: number }): void {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1)
      const held = items[last] as T
      items[last] = items[other] as T
      items[other] = held
    }
  }

  /** The numbers 0 to `length` − 1 in a random order. */
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, index) => index)
    this.shuffle(order)
    return order
  }

  #draw(): Uint32Array {
    const count = this.counter++
    threefry2x32(this.key[0], this.key[1], count % twoTo32, Math.floor(count / twoTo32), this.#block)
    return this.#block
  }
}

const scratch = new Uint32Array(2)

function encipher(key: readonly [number, number], counter0: number, counter1: number): [number, number] {
  threefry2x32(key[0], key[1], counter0, counter1, scratch)
  return [scratch[0] as number, scratch[1] as number]
}

function littleEndian(bytes: Uint8Array, at: number): number {
  const byte = (offset: number) => bytes[at + offset] ?? 0
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
}

/** √(−2 ln u) for u in (0, 1]. */
function radius(word: number): number {
  return Math.sqrt(-2 * Math.log((word + 1) / twoTo32))
}

function angle(word: number): number {
  return (word / twoTo32) * 2 * Math.PI
}

import { ConfigError } from '../errors.ts'
import { sizeOf } from '../graph/dtype.ts'
import { bitAnd, bitOr, bitXor, less, shiftLeft, shiftRight, where } from '../graph/operations/compare.ts'
import { add, cast, div, mul } from '../graph/operations/elementwise.ts'
import { iota } from '../graph/operations/indexing.ts'
import { concat, reshape, slice } from '../graph/operations/shape.ts'
import { type Operand, scalar, staticShape, type Tensor } from '../graph/tensor.ts'

/**
 * Randomness as a value: a key that is fed anew each step. Each consumer splits it by name, so that
 * a draw depends on seed, step and name alone, and a resumed run draws what an unbroken one would.
 */
export class RandomKey {
  /** Two uint32 words. */
  readonly words: readonly [Tensor, Tensor]

  private constructor(words: readonly [Tensor, Tensor]) {
    this.words = words
  }

  /** The key held by a uint32 [2] tensor, such as an input fed from `Random.key`. */
  static from(key: Tensor): RandomKey {
    const word = (i: number) => reshape(slice(key, 0, i, i + 1), [])
    return new RandomKey([word(0), word(1)])
  }

  /** The key of a name below this one: the same as the host's `Random.split`. */
  split(name: string): RandomKey {
    const bytes = new TextEncoder().encode(name)
    let key: RandomKey = this.#encipher(bytes.length, 0xffffffff)
    for (let at = 0; at < bytes.length; at += 8) key = key.#encipher(word(bytes, at), word(bytes, at + 4))
    return key
  }

  #encipher(low: number, high: number): RandomKey {
    return new RandomKey(threefry(this.words, [scalar(low, 'uint32'), scalar(high, 'uint32')]))
  }

  /** `2 · pairs` random uint32: the first words of counters 0, 1, …, then their second words. */
  bits(pairs: number): Tensor {
    return concat(threefry(this.words, [iota(pairs, 'uint32'), scalar(0, 'uint32')]), 0)
  }
}

function word(bytes: Uint8Array, at: number): number {
  return new DataView(Uint8Array.from({ length: 4 }, (_, i) => bytes[at + i] ?? 0).buffer).getUint32(0, true)
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const
const rounds = 20

/** Threefry-2x32 with 20 rounds on whole tensors of uint32 (Salmon et al. 2011, section 3.2). */
function threefry(key: readonly [Tensor, Tensor], counter: readonly [Tensor, Tensor]): [Tensor, Tensor] {
  const schedule = [key[0], key[1], bitXor(bitXor(key[0], key[1]), 0x1bd11bda)] as const
  let a = add(counter[0], schedule[0])
  let b = add(counter[1], schedule[1])
  for (let round = 0; round < rounds; round++) {
    a = add(a, b)
    b = bitXor(rotateLeft(b, rotations[round % 8] as number), a)
    if (round % 4 < 3) continue
    const injection = (round + 1) / 4
    a = add(a, schedule[(injection % 3) as 0 | 1 | 2])
    b = add(add(b, schedule[((injection + 1) % 3) as 0 | 1 | 2]), injection)
  }
  return [a, b]
}

function rotateLeft(x: Tensor, n: number): Tensor {
  return bitOr(shiftLeft(x, n), shiftRight(x, 32 - n))
}

/**
 * x with each element zeroed with probability `rate` and the others divided by 1 − rate (Srivastava
 * et al. 2014). `rate` above 0 and below 1 is taken to the nearest 1/256, but never to nothing or all:
 * each random word decides four elements, for drawing it costs more than the layer's own arithmetic.
 *
 * Throws {@link ConfigError} for a rate out of range, or without a key where the rate is not 0.
 */
export function dropout(x: Tensor, rate: number, key: RandomKey | undefined): Tensor {
  if (rate === 0) return x
  if (!(rate > 0 && rate < 1)) throw new ConfigError(`dropout: got rate ${rate}, wanted 0 up to but not 1`)
  if (!key) throw new ConfigError('dropout: needs a random key; pass the step’s key, or rate 0 for inference')
  const shape = staticShape('dropout', x.shape)
  const size = sizeOf(shape)
  const words = key.bits(Math.ceil(size / 8))
  const bytes = concat(
    [0, 8, 16, 24].map((bit) => bitAnd(shiftRight(words, bit), 0xff)),
    0,
  )
  const threshold = Math.max(1, Math.min(255, Math.round((1 - rate) * 256)))
  const kept = less(cast(reshape(slice(bytes, 0, 0, size), shape), 'int32'), threshold)
  return where(kept, mul(x, 256 / threshold), 0)
}

/** Uniform float32 in [0, 1) of the given shape, one of 2²⁴ equally spaced numbers each. */
export function uniform(shape: readonly number[], key: RandomKey): Tensor {
  const size = sizeOf(shape)
  const words = slice(key.bits(Math.ceil(size / 2)), 0, 0, size)
  const scale: Operand = 2 ** 24
  return reshape(div(cast(shiftRight(words, 8), 'float32'), scale), shape)
}

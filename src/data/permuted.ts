import type { Random } from '../random/random.ts'

const rounds = 6

/**
 * The place of item `index` in a random order of 0 to `length` − 1, without ever writing the order down: a balanced
 * Feistel network (Luby and Rackoff 1988) on the next power of four, walked until it lands inside (Black and Rogaway
 * 2002, cycle walking; four steps on average at most). `length` from 1 to 2^52.
 */
export function permuted(index: number, length: number, random: Random): number {
  const halfBits = Math.max(1, Math.ceil(Math.log2(length) / 2))
  const half = 2 ** halfBits
  const keys = Array.from({ length: rounds }, (_, round) => random.at(round))
  let place = index
  do {
    let [left, right] = [Math.floor(place / half), place % half]
    for (const key of keys) {
      key.counter = right
      const mixed = (left + (key.uint32() % half)) % half
      left = right
      right = mixed
    }
    place = left * half + right
  } while (place >= length)
  return place
}

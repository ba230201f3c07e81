/** Where {@link threefry2x32} rotates: round r uses entry r mod 8 (Salmon et al. 2011, table 2, for 2×32 bits). */
export const threefryRotations = [13, 15, 26, 6, 17, 29, 16, 24] as const

/** The constant that makes the third key word, key0 ^ key1 ^ parity (Skein's C240, its low 32 bits). */
export const threefryParity = 0x1bd11bda

/**
 * Threefry-2x32 with 20 rounds: enciphers a 64-bit counter with a 64-bit key, which gives 64 random bits.
 *
 * All words are uint32 (or int32 with the same bits). Writes the two words to `out[0]` and `out[1]`.
 * Pure: the same key and counter give the same words on every machine.
 *
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.2.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  const key2 = key0 ^ key1 ^ threefryParity
  let x0 = (counter0 + key0) | 0
  let x1 = (counter1 + key1) | 0
  for (let group = 1; group <= 5; group++) {
    const first = group % 2 === 1 ? 0 : 4
    for (let round = first; round < first + 4; round++) {
      const distance = threefryRotations[round] as number
      x0 = (x0 + x1) | 0
      x1 = ((x1 << distance) | (x1 >>> (32 - distance))) ^ x0
    }
    const phase = group % 3
    x0 = (x0 + (phase === 0 ? key0 : phase === 1 ? key1 : key2)) | 0
    x1 = (x1 + (phase === 0 ? key1 : phase === 1 ? key2 : key0) + group) | 0
  }
  out[0] = x0
  out[1] = x1
}

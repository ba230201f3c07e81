const slotWords = 4

/**
 * A set of 128-bit digests in 16 bytes each (at most 40 with the empty slots), by open addressing.
 * JavaScript's own `Set` ends at 2²⁴ entries; a corpus of short documents does not.
 */
export class DigestSet {
  private slots = new Uint32Array(1024 * slotWords)
  private capacity = 1024
  private count = 0

  /** How many digests are in. */
  get size(): number {
    return this.count
  }

  /** Adds the first 16 bytes of a digest; false when they were in already. */
  add(digest: Buffer): boolean {
    const words = [0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset)) as Words
    // An all-zero slot means "empty": a digest of zeros (odds 2⁻¹²⁸) shares a slot with its neighbour.
    if (words.every((word) => word === 0)) words[0] = 1
    const at = this.find(words)
    if (this.slots[at] !== 0 || this.slots[at + 1] !== 0 || this.slots[at + 2] !== 0 || this.slots[at + 3] !== 0) {
      return false
    }
    this.slots.set(words, at)
    this.count += 1
    if (this.count > 0.7 * this.capacity) this.grow()
    return true
  }

  private find([a, b, c, d]: Words): number {
    const { slots, capacity } = this
    for (let slot = a & (capacity - 1); ; slot = (slot + 1) & (capacity - 1)) {
      const at = slot * slotWords
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return at
      if (slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0) return at
    }
  }

  private grow() {
    const old = this.slots
    this.capacity *= 2
    this.slots = new Uint32Array(this.capacity * slotWords)
    for (let at = 0; at < old.length; at += slotWords) {
      const words = [...old.subarray(at, at + slotWords)] as Words
      if (words.some((word) => word !== 0)) this.slots.set(words, this.find(words))
    }
  }
}

type Words = [number, number, number, number]

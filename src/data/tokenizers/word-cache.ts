import type { IdBuffer } from './id-buffer.ts'

/** Longer words are rare and each one different: not worth keeping. In UTF-16 units. */
export const longestCachedWord = 64

const capacity = 2 ** 18
const mostWords = capacity / 2

/**
 * Ids of words already encoded, found by their characters in place: no string is created and nothing is allocated
 * when a word is known. Open addressing over typed arrays; when it is full it starts again from nothing.
 */
export class WordCache {
  /** For each slot: hash, start of the key, length of the key | count of ids << 8, start of the ids; count 0 is free. */
  #slots = new Int32Array(2 ** 12 * 4)
  #mask = 2 ** 12 - 1
  #words = 0
  #keys = new Uint16Array(2 ** 15)
  #keysUsed = 0
  #ids = new Int32Array(2 ** 14)
  #idsUsed = 0

  /** Appends the ids of the word `text[start … end - 1]` to `ids`; false if it isn't known. */
  find(text: string, start: number, end: number, ids: IdBuffer): boolean {
    const at = this.#slotOf(text, start, end, hashWord(text, start, end)) * 4
    const count = this.#slots[at + 2]! >>> 8
    if (count === 0) return false
    const from = this.#slots[at + 3]!
    if (count === 1) ids.push(this.#ids[from]!)
    else ids.append(this.#ids, from, from + count)
    return true
  }

  /** Remembers a word that isn't known, of 1 to {@link longestCachedWord} units, with its ids. */
  add(text: string, start: number, end: number, ids: Int32Array, count: number): void {
    if (this.#words >= mostWords) this.#clear()
    else if (this.#words * 2 > this.#mask) this.#growSlots()
    const hash = hashWord(text, start, end)
    const at = this.#slotOf(text, start, end, hash) * 4
    this.#slots[at] = hash
    this.#slots[at + 1] = this.#addKey(text, start, end)
    this.#slots[at + 2] = (end - start) | (count << 8)
    this.#slots[at + 3] = this.#addIds(ids, count)
    this.#words++
  }

  #slotOf(text: string, start: number, end: number, hash: number): number {
    const slots = this.#slots
    let slot = hash & this.#mask
    while (slots[slot * 4 + 2] !== 0 && !(slots[slot * 4] === hash && this.#isKey(slot * 4, text, start, end))) {
      slot = (slot + 1) & this.#mask
    }
    return slot
  }

  #isKey(at: number, text: string, start: number, end: number): boolean {
    const length = end - start
    if ((this.#slots[at + 2]! & 0xff) !== length) return false
    const key = this.#slots[at + 1]!
    for (let i = 0; i < length; i++) if (this.#keys[key + i] !== text.charCodeAt(start + i)) return false
    return true
  }

  #addKey(text: string, start: number, end: number): number {
    const from = this.#keysUsed
    this.#keysUsed += end - start
    if (this.#keysUsed > this.#keys.length) {
      const grown = new Uint16Array(this.#keys.length * 2)
      grown.set(this.#keys)
      this.#keys = grown
    }
    for (let i = start; i < end; i++) this.#keys[from + i - start] = text.charCodeAt(i)
    return from
  }

  #addIds(ids: Int32Array, count: number): number {
    const from = this.#idsUsed
    this.#idsUsed += count
    if (this.#idsUsed > this.#ids.length) {
      const grown = new Int32Array(this.#ids.length * 2)
      grown.set(this.#ids)
      this.#ids = grown
    }
    for (let i = 0; i < count; i++) this.#ids[from + i] = ids[i]!
    return from
  }

  #growSlots(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    for (let at = 0; at < old.length; at += 4) if (old[at + 2] !== 0) this.#moveSlot(old, at)
  }

  #moveSlot(old: Int32Array, at: number): void {
    let slot = old[at]! & this.#mask
    while (this.#slots[slot * 4 + 2] !== 0) slot = (slot + 1) & this.#mask
    this.#slots.set(old.subarray(at, at + 4), slot * 4)
  }

  #clear(): void {
    this.#slots.fill(0)
    this.#words = 0
    this.#keysUsed = 0
    this.#idsUsed = 0
  }
}

/** Multiply and rotate over the UTF-16 units, then mix. */
function hashWord(text: string, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}

import { CheckpointError } from '../errors.ts'
import { openSafetensors, writeSafetensors } from '../files/safetensors-file.ts'
import type { Vocabulary } from './grammar/vocabulary.ts'
import type { History } from './history.ts'
import type { LogitsProcessor } from './penalties.ts'

/** The file of a model's folder that holds a guard. */
export const guardFile = 'copy-guard.safetensors'

/** Bytes of a stretch that is known again, the first of a word its last. */
export const guardedBytes = 36

/** Bits for each stretch, and places of each among them: one of 2,000 strange stretches is taken for a known one. */
const [bitsEach, probes] = [16, 8]

const format = 'atelier-copy-guard-1'

/**
 * Keeps a model from copying what it learned from: knows again, by a Bloom filter, the {@link guardedBytes} bytes of a
 * corpus that end with a word's first letter, and forbids to begin a word so. A copy breaks off at the first word that it
 * would begin after so many bytes. MemFree decoding (Ippolito et al. 2023, "Preventing Generation of Verbatim Memorization
 * in Language Models Gives a False Sense of Privacy"), here by bytes and not by ids, so that it sees any spelling in ids,
 * and where words begin, so that words stay whole. Paraphrases pass, and scripts that part no words.
 */
export class CopyGuard {
  readonly #bits: Uint8Array

  private constructor(bits: Uint8Array) {
    this.#bits = bits
  }

  /** Reads the texts twice: once for how many stretches there are, once for what they say. */
  static of(texts: () => Iterable<string>): CopyGuard {
    let stretches = 0
    for (const text of texts()) for (const _ of stretchesOf(Buffer.from(text))) stretches++
    const guard = new CopyGuard(new Uint8Array(Math.max(1, Math.ceil((stretches * bitsEach) / 8))))
    for (const text of texts()) for (const hash of stretchesOf(Buffer.from(text))) guard.#add(hash)
    return guard
  }

  /** Reads what {@link CopyGuard.write} wrote. Throws {@link CheckpointError} for any other file. */
  static async read(path: string): Promise<CopyGuard> {
    const reader = await openSafetensors(path)
    try {
      const { dtype, shape } = reader.tensors.get('bits') ?? {}
      if (reader.metadata.format !== format || dtype !== 'U8' || shape?.length !== 1 || !(shape[0]! > 0))
        throw new CheckpointError(`${path} is no copy guard; make it again by atelier guard, or remove it`, { path })
      return new CopyGuard((await reader.read('bits')).data as Uint8Array)
    } finally {
      await reader.close()
    }
  }

  async write(path: string): Promise<void> {
    const bits = { dtype: 'uint8' as const, shape: [this.#bits.length], data: this.#bits }
    await writeSafetensors(path, { bits }, { metadata: { format } })
  }

  /** Size of the filter. */
  get bytes(): number {
    return this.#bits.length
  }

  /** Whether these {@link guardedBytes} bytes are known; a strange stretch is, now and then. */
  has(stretch: Uint8Array): boolean {
    return this.#holds(hashOf(stretch))
  }

  /** Forbids ids in which a word begins as it did behind the same bytes of the corpus. */
  processor({ later: bytesOf }: Vocabulary): LogitsProcessor {
    const starts = bytesOf.map((bytes = none) => [wordStarts(bytes, true), wordStarts(bytes, false)] as const)
    const longest = bytesOf.reduce((most, bytes) => Math.max(most, bytes?.length ?? 0), 0)
    const text = new Uint8Array(guardedBytes + longest)
    return (logits, history) => {
      if (!tailInto(text.subarray(0, guardedBytes), history, bytesOf)) return
      const hash = hashOf(text)
      const isInWord = isOfWord(text[guardedBytes - 1]!) ? 1 : 0
      for (let id = 0; id < logits.length; id++) {
        const places = starts[id]?.[isInWord]
        if (!places?.length || logits[id] === Number.NEGATIVE_INFINITY) continue
        text.set(bytesOf[id]!, guardedBytes)
        if (this.#knows(text, hash, places)) logits[id] = Number.NEGATIVE_INFINITY
      }
    }
  }

  /** Whether a known stretch ends at one of the places behind the first {@link guardedBytes}, whose hash is told. */
  #knows(text: Uint8Array, hash: number, places: readonly number[]): boolean {
    let rolled = hash
    let at = 0
    for (const place of places) {
      for (; at <= place; at++) rolled = roll(rolled, text[at]!, text[at + guardedBytes]!)
      if (this.#holds(rolled)) return true
    }
    return false
  }

  #add(hash: number): void {
    const [first, step] = [mixed(hash), mixed(hash ^ other)]
    for (let probe = 0; probe < probes; probe++) {
      const at = this.#placeOf(first, step, probe)
      this.#bits[at >>> 3]! |= 1 << (at & 7)
    }
  }

  #holds(hash: number): boolean {
    const [first, step] = [mixed(hash), mixed(hash ^ other)]
    for (let probe = 0; probe < probes; probe++) {
      const at = this.#placeOf(first, step, probe)
      if ((this.#bits[at >>> 3]! & (1 << (at & 7))) === 0) return false
    }
    return true
  }

  /** Places of a hash by two others (Kirsch and Mitzenmacher 2006). */
  #placeOf(first: number, step: number, probe: number): number {
    return ((first + Math.imul(probe, step)) >>> 0) % (this.#bits.length * 8)
  }
}

/** Odd numbers: the base of a hash that rolls, and what makes a second one of it. */
const [base, other] = [0x01000193, 0x5bd1e995]

/** base^(guardedBytes − 1) mod 2^32: what the first byte of a stretch weighs. */
const firstWeight = Array.from({ length: guardedBytes - 1 }).reduce<number>((power) => Math.imul(power, base), 1)

/** Hashes of the stretches of a text. */
function* stretchesOf(text: Uint8Array): Generator<number> {
  if (text.length < guardedBytes) return
  let hash = hashOf(text)
  for (let last = guardedBytes - 1; ; last++) {
    if (isOfWord(text[last]!) && !isOfWord(text[last - 1]!)) yield hash
    if (last + 1 >= text.length) return
    hash = roll(hash, text[last + 1 - guardedBytes]!, text[last + 1]!)
  }
}

/** Σ bᵢ · base^(guardedBytes − 1 − i) mod 2^32 over the first {@link guardedBytes} bytes. */
function hashOf(text: Uint8Array): number {
  let hash = 0
  for (let i = 0; i < guardedBytes; i++) hash = (Math.imul(hash, base) + text[i]!) | 0
  return hash
}

/** The hash of the stretch one byte further on. */
function roll(hash: number, gone: number, come: number): number {
  return (Math.imul(hash - Math.imul(gone, firstWeight), base) + come) | 0
}

/** Every bit of the hash has a part in every bit of this: MurmurHash3's last step (Appleby). */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Letters and digits of ASCII, and all bytes of other characters. */
function isOfWord(byte: number): boolean {
  return byte >= 128 || (byte >= 48 && byte <= 57) || ((byte | 32) >= 97 && (byte | 32) <= 122)
}

/** Where words begin in a token; its first byte may begin one, where it `isParted` from the byte before. */
function wordStarts(bytes: Uint8Array, isParted: boolean): number[] {
  return [...bytes.keys()].filter((i) => isOfWord(bytes[i]!) && (i === 0 ? isParted : !isOfWord(bytes[i - 1]!)))
}

/** Fills `tail` with the last bytes of a history; says whether there are so many. */
function tailInto(tail: Uint8Array, { ids, length }: History, bytesOf: Vocabulary['later']): boolean {
  let missing = tail.length
  for (let at = length - 1; at >= 0 && missing > 0; at--) {
    const bytes = bytesOf[ids[at]!] ?? none
    const taken = bytes.subarray(Math.max(0, bytes.length - missing))
    missing -= taken.length
    tail.set(taken, missing)
  }
  return missing === 0
}

const none = new Uint8Array(0)

import { CheckpointError } from '../errors.ts'
import { openSafetensors, writeSafetensors } from '../files/safetensors-file.ts'
import type { Vocabulary } from './grammar/vocabulary.ts'
import type { History } from './history.ts'
import type { LogitsProcessor } from './penalties.ts'

/** The file of a model's folder that holds a guard. */
export const guardFile = 'copy-guard.safetensors'

/** Bytes of a stretch that is known again. */
export const guardedBytes = 36

/** Stretches are kept from every so many bytes of a text on: a copy holds one by the time it is 3 bytes longer. */
const stride = 4

/** Bits for each stretch, and places of each among them: one of 2,000 strange stretches is taken for a known one. */
const [bitsEach, probes] = [16, 8]

const format = 'atelier-copy-guard-1'

/**
 * Keeps a model from copying what it learned from: knows again, by a Bloom filter, stretches of {@link guardedBytes} bytes
 * of a corpus, and forbids the beginning of a word that would end one. MemFree decoding (Ippolito et al. 2023, "Preventing
 * Generation of Verbatim Memorization in Language Models Gives a False Sense of Privacy"), here by bytes and not by ids, so
 * that any spelling in ids is seen, and at words' beginnings, so that words stay whole. Ideas and paraphrases pass.
 */
export class CopyGuard {
  readonly #bits: Uint8Array

  private constructor(bits: Uint8Array) {
    this.#bits = bits
  }

  /** Reads the texts twice: once for their lengths, once for what they say. */
  static of(texts: () => Iterable<string>): CopyGuard {
    let stretches = 0
    for (const text of texts())
      stretches += Math.max(0, Math.floor((Buffer.byteLength(text) - guardedBytes) / stride) + 1)
    const guard = new CopyGuard(new Uint8Array(Math.max(1, Math.ceil((stretches * bitsEach) / 8))))
    for (const text of texts()) guard.#learn(Buffer.from(text))
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
    return this.#holds(hashOf(stretch, 0))
  }

  /** Forbids ids that begin a word and end a known stretch. Ids that go on with a word may always follow. */
  processor({ later: bytesOf }: Vocabulary): LogitsProcessor {
    const begins = bytesOf.map((bytes) => (bytes ? wordBegins(bytes) : undefined))
    const longest = bytesOf.reduce((most, bytes) => Math.max(most, bytes?.length ?? 0), 0)
    const text = new Uint8Array(guardedBytes + longest)
    return (logits, history) => {
      if (!tailInto(text.subarray(0, guardedBytes), history, bytesOf)) return
      const hash = hashOf(text, 0)
      const isParted = !isOfWord(text[guardedBytes - 1]!)
      for (let id = 0; id < logits.length; id++) {
        const where = begins[id]
        if (where === undefined || !(where.inside || (where.first && isParted))) continue
        if (logits[id] === Number.NEGATIVE_INFINITY) continue
        const bytes = bytesOf[id]!
        text.set(bytes, guardedBytes)
        if (this.#endsKnown(text, hash, bytes.length)) logits[id] = Number.NEGATIVE_INFINITY
      }
    }
  }

  /** Whether a known stretch ends in one of the `added` bytes behind the first {@link guardedBytes}, whose hash is told. */
  #endsKnown(text: Uint8Array, hash: number, added: number): boolean {
    let rolled = hash
    for (let i = 0; i < added; i++) {
      rolled = roll(rolled, text[i]!, text[i + guardedBytes]!)
      if (this.#holds(rolled)) return true
    }
    return false
  }

  #learn(text: Uint8Array): void {
    if (text.length < guardedBytes) return
    let hash = hashOf(text, 0)
    for (let start = 0; ; start++) {
      if (start % stride === 0) this.#add(hash)
      if (start + guardedBytes >= text.length) return
      hash = roll(hash, text[start]!, text[start + guardedBytes]!)
    }
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

/** Σ bᵢ · base^(guardedBytes − 1 − i) mod 2^32, from `start` on. */
function hashOf(text: Uint8Array, start: number): number {
  let hash = 0
  for (let i = start; i < start + guardedBytes; i++) hash = (Math.imul(hash, base) + text[i]!) | 0
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

/** Whether a token's first byte may begin a word, and whether one begins inside of it. */
function wordBegins(bytes: Uint8Array): { readonly first: boolean; readonly inside: boolean } {
  const inside = bytes.some((byte, i) => i > 0 && isOfWord(byte) && !isOfWord(bytes[i - 1]!))
  return { first: bytes.length > 0 && isOfWord(bytes[0]!), inside }
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

import { createHash } from 'node:crypto'
import { CheckpointError } from '../errors.ts'
import { openSafetensors, writeSafetensors } from '../files/safetensors-file.ts'
import type { Vocabulary } from './grammar/vocabulary.ts'
import type { History } from './history.ts'
import type { LogitsProcessor } from './penalties.ts'

/** The file of a model's folder that holds a guard. */
export const guardFile = 'copy-guard.safetensors'

/** Bytes of a stretch that is known again, the first of a word its last. */
export const guardedBytes = 36

/** Bits for each stretch, and places of each among them: one of 1,700 strange stretches is taken for a known one. */
const [bitsEach, probes] = [16, 8]

const format = 'atelier-copy-guard-1'

/**
 * Keeps a model from copying what it learned from: knows again, by a Bloom filter, the {@link guardedBytes} bytes of a
 * corpus that end where a word begins, and forbids to begin a word so. A copy breaks off at the first word that it would
 * begin after so many bytes. MemFree decoding (Ippolito et al. 2023, "Preventing Generation of Verbatim Memorization in
 * Language Models Gives a False Sense of Privacy"), here by bytes and not by ids, so that it sees any spelling in ids, and
 * where words begin, so that a word that was begun is not cut. What differs by a letter passes, and scripts that part no words.
 */
export class CopyGuard {
  readonly #bits: Uint8Array
  #digest: string | undefined

  private constructor(bits: Uint8Array) {
    this.#bits = bits
  }

  /** Reads the texts twice: once for how many stretches there are, once for what they say. */
  static of(texts: () => Iterable<string>): CopyGuard {
    let count = 0
    for (const text of texts()) for (const _ of hashesIn(Buffer.from(text))) count++
    const guard = new CopyGuard(new Uint8Array(Math.ceil((count * bitsEach) / 8)))
    for (const text of texts()) for (const hash of hashesIn(Buffer.from(text))) guard.#add(hash)
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

  /** Size of the filter; 0 where no text was long enough. */
  get bytes(): number {
    return this.#bits.length
  }

  /** SHA-256 of the filter, in hexadecimal digits. */
  get digest(): string {
    this.#digest ??= createHash('sha256').update(this.#bits).digest('hex')
    return this.#digest
  }

  /** Whether these {@link guardedBytes} bytes are known; a strange stretch is, now and then. */
  has(stretch: Uint8Array): boolean {
    const hash = mixed(hashOf(stretch))
    for (let i = 0; i < probes; i++) {
      const at = this.#place(hash, i)
      if ((this.#bits[at >>> 3]! & (1 << (at & 7))) === 0) return false
    }
    return true
  }

  /** Forbids ids in which a word begins as it did behind the same bytes of the corpus. */
  processor({ later: bytesOf }: Vocabulary): LogitsProcessor {
    const beginnings = { parted: beginningsOf(bytesOf, true), inWord: beginningsOf(bytesOf, false) }
    const tail = new Uint8Array(guardedBytes)
    const stretch = new Uint8Array(guardedBytes)
    return (logits, history) => {
      const held = tailInto(tail, history, bytesOf)
      for (const { bytes, ids } of isOfWord(tail, guardedBytes - 1) ? beginnings.inWord : beginnings.parted) {
        const missing = guardedBytes - bytes.length
        if (missing > held) continue
        stretch.set(tail.subarray(guardedBytes - missing))
        stretch.set(bytes, missing)
        if (this.has(stretch)) for (const id of ids) logits[id] = Number.NEGATIVE_INFINITY
      }
    }
  }

  #add(stretch: Hash): void {
    const hash = mixed(stretch)
    for (let i = 0; i < probes; i++) {
      const at = this.#place(hash, i)
      this.#bits[at >>> 3]! |= 1 << (at & 7)
    }
  }

  /** Where a stretch sets its i-th bit, by two hashes (Kirsch and Mitzenmacher 2006). */
  #place([start, step]: Hash, i: number): number {
    return ((start + Math.imul(i, step)) >>> 0) % (this.#bits.length * 8)
  }
}

/** Two hashes of a stretch, Σ bᵢ · baseᵏ mod 2^32 with k = guardedBytes − 1 − i, one for each of {@link bases}. */
type Hash = readonly [number, number]

const bases: Hash = [0x01000193, 0x5bd1e995]

/** What the first byte of a stretch weighs. */
const firstWeights = bases.map((base) =>
  Array.from({ length: guardedBytes - 1 }).reduce<number>((power) => Math.imul(power, base), 1),
) as unknown as Hash

function hashOf(stretch: Uint8Array): Hash {
  let [first, second] = [0, 0]
  for (let i = 0; i < guardedBytes; i++) {
    first = (Math.imul(first, bases[0]) + stretch[i]!) | 0
    second = (Math.imul(second, bases[1]) + stretch[i]!) | 0
  }
  return [first, second]
}

/** The hash of the stretch one byte further on. */
function rolled([first, second]: Hash, gone: number, come: number): Hash {
  return [
    (Math.imul(first - Math.imul(gone, firstWeights[0]), bases[0]) + come) | 0,
    (Math.imul(second - Math.imul(gone, firstWeights[1]), bases[1]) + come) | 0,
  ]
}

/** Hashes of what a guard keeps of a text. */
function* hashesIn(text: Uint8Array): Generator<Hash> {
  if (text.length < guardedBytes) return
  let hash = hashOf(text)
  for (let last = guardedBytes - 1; ; last++) {
    if (isWordStart(text, last)) yield hash
    if (last + 1 >= text.length) return
    hash = rolled(hash, text[last + 1 - guardedBytes]!, text[last + 1]!)
  }
}

function mixed([first, second]: Hash): Hash {
  return [mixedBits(first), mixedBits(second)]
}

/** Every bit of the hash has a part in every bit of this: MurmurHash3's last step (Appleby). */
function mixedBits(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Ids that begin words alike: by their bytes up to the first of a word, or the last {@link guardedBytes} of these. */
interface Beginning {
  readonly bytes: Uint8Array
  readonly ids: number[]
}

/** The beginnings of words in tokens behind a byte that is of a word, or not; an id stands with each that it holds. */
function beginningsOf(bytesOf: Vocabulary['later'], isParted: boolean): Beginning[] {
  const found = new Map<string, Beginning>()
  for (const [id, bytes = none] of bytesOf.entries()) {
    for (let at = 0; at < bytes.length; at++) {
      if (!isWordStart(bytes, at) || (at === 0 && !isParted)) continue
      const beginning = bytes.slice(Math.max(0, at + 1 - guardedBytes), at + 1)
      const key = Buffer.from(beginning).toString('latin1')
      const known = found.get(key)
      if (known) known.ids.push(id)
      else found.set(key, { bytes: beginning, ids: [id] })
    }
  }
  return [...found.values()]
}

/** Whether a character begins at `at` that is of a word, behind one that is not. */
function isWordStart(text: Uint8Array, at: number): boolean {
  return !isContinuing(text[at]!) && isOfWord(text, at) && (at === 0 || !isOfWord(text, at - 1))
}

/**
 * Whether the character that the byte at `at` is of belongs to words, in UTF-8: letters and digits of ASCII, its
 * apostrophe, and all others but for those that begin with C2 or E2, which are signs for the most part.
 */
function isOfWord(text: Uint8Array, at: number): boolean {
  let lead = at
  while (lead > 0 && isContinuing(text[lead]!)) lead--
  const byte = text[lead]!
  if (byte >= 128) return byte !== 0xc2 && byte !== 0xe2
  return byte === 39 || (byte >= 48 && byte <= 57) || ((byte | 32) >= 97 && (byte | 32) <= 122)
}

/** Whether a byte goes on with a character of several. */
function isContinuing(byte: number): boolean {
  return byte >= 128 && byte < 192
}

/** Fills `tail` from its end with the last bytes of a history; gives how many. */
function tailInto(tail: Uint8Array, { ids, length }: History, bytesOf: Vocabulary['later']): number {
  let missing = tail.length
  for (let at = length - 1; at >= 0 && missing > 0; at--) {
    const bytes = bytesOf[ids[at]!] ?? none
    const taken = bytes.subarray(Math.max(0, bytes.length - missing))
    missing -= taken.length
    tail.set(taken, missing)
  }
  return tail.length - missing
}

const none = new Uint8Array(0)

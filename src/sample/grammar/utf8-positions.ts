import type { CharacterRange, CharacterSet } from './character-set.ts'
import type { ProgramBuilder } from './program.ts'

/** Lengths of UTF-8 above one byte: code points from `first` to `last`, lead bytes from `lead` (RFC 3629, section 3). */
const lengths = [
  { first: 0x80, last: 0x7ff, lead: 0xc0, tails: 1 },
  { first: 0x800, last: 0xffff, lead: 0xe0, tails: 2 },
  { first: 0x1_0000, last: 0x10_ffff, lead: 0xf0, tails: 3 },
] as const

const continuation = 0x80

/** The one-byte characters of a set, as a class of bytes, `[256]`; undefined where there are none. */
export function singleBytes(set: CharacterSet): Uint8Array | undefined {
  const holds = new Uint8Array(256)
  for (const [first, last] of set) if (first < 0x80) holds.fill(1, first, Math.min(last, 0x7f) + 1)
  return holds.includes(1) ? holds : undefined
}

/** Positions that read the characters of a set that take several bytes, then go on at `next`. */
export function multiBytePositions(set: CharacterSet, builder: ProgramBuilder, next: number): number[] {
  const blocks = new Blocks(builder, next)
  return lengths.flatMap(({ first, last, lead, tails }) =>
    blocks.ways(within(set, first, last), lead, tails, first === 0x1_0000 ? 5 : 64),
  )
}

/** Whether a set has characters that take several bytes. */
export function hasMultiByte(set: CharacterSet): boolean {
  return (set.at(-1)?.[1] ?? 0) >= 0x80
}

/** Positions for blocks of 64ⁿ code points, of which equal ones are made once. */
class Blocks {
  readonly #builder: ProgramBuilder
  readonly #next: number
  readonly #known = new Map<string, number>()

  constructor(builder: ProgramBuilder, next: number) {
    this.#builder = builder
    this.#next = next
  }

  /** A position for each kind of block among `count` blocks of 64^tails, whose bytes start at `firstByte`. */
  ways(ranges: CharacterSet, firstByte: number, tails: number, count: number): number[] {
    const size = 64 ** tails
    const kinds = new Map<string, { bytes: Uint8Array; inside: CharacterSet }>()
    for (let block = 0; block < count; block++) {
      const inside = within(ranges, block * size, (block + 1) * size - 1)
      if (inside.length === 0) continue
      const relative = inside.map(([a, b]): CharacterRange => [a - block * size, b - block * size])
      const key = relative.join(';')
      if (!kinds.has(key)) kinds.set(key, { bytes: new Uint8Array(256), inside: relative })
      kinds.get(key)!.bytes[firstByte + block] = 1
    }
    return [...kinds.values()].map(({ bytes, inside }) => this.#builder.read(bytes, this.#block(inside, tails)))
  }

  #block(ranges: CharacterSet, tails: number): number {
    if (tails === 0) return this.#next
    const key = `${tails}:${ranges.join(';')}`
    let position = this.#known.get(key)
    if (position === undefined) {
      position = this.#builder.split(this.ways(ranges, continuation, tails - 1, 64))
      this.#known.set(key, position)
    }
    return position
  }
}

function within(set: CharacterSet, first: number, last: number): CharacterSet {
  return set.flatMap(([a, b]): CharacterRange[] =>
    b < first || a > last ? [] : [[Math.max(a, first), Math.min(b, last)]],
  )
}

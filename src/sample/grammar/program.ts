import { ConfigError } from '../../errors.ts'

/** What a position of a {@link Program} does: read one byte, follow a rule, go several ways at once, end its rule. */
export const positionKinds = { read: 0, call: 1, split: 2, end: 3 } as const

/** The most positions that a grammar may come to. */
const mostPositions = 500_000

/**
 * A grammar as a recursive transition network over bytes (Woods 1970): for each rule an automaton whose edges read a
 * byte of a class or go through another rule.
 */
export interface Program {
  /** What each position does, one of {@link positionKinds}. */
  readonly kinds: readonly number[]
  /** The class that a position reads, or the rule that it calls. */
  readonly targets: readonly number[]
  /** Where each position goes on. */
  readonly nexts: readonly number[]
  /** Where a split goes, by position. */
  readonly splits: ReadonlyMap<number, readonly number[]>
  /** Classes of bytes, each `[groups]`: 1 where it holds a group. */
  readonly classes: readonly Uint8Array[]
  /** The group of each byte, `[256]`: bytes that no class tells apart are one group. */
  readonly groupOf: Uint8Array
  readonly groups: number
  /** The first position of each rule, and its name. */
  readonly entries: readonly number[]
  readonly names: readonly string[]
  /** The rule that a whole text follows. */
  readonly start: number
}

/** Makes a {@link Program} position by position, each after those that it goes on to. */
export class ProgramBuilder {
  readonly #kinds: number[] = []
  readonly #targets: number[] = []
  readonly #nexts: number[] = []
  readonly #splits = new Map<number, readonly number[]>()
  readonly #classes: Uint8Array[] = []
  readonly #classIndices = new Map<string, number>()
  readonly #entries: number[] = []
  readonly #names: string[] = []

  /** Declares a rule, whose entry comes later; gives its number. */
  addRule(name: string): number {
    this.#names.push(name)
    return this.#entries.push(-1) - 1
  }

  setEntry(rule: number, position: number): void {
    this.#entries[rule] = position
  }

  /** A position that reads one of the bytes that `holds` has, `[256]`, and goes on at `next`. */
  read(holds: Uint8Array, next: number): number {
    const key = holds.join('')
    let index = this.#classIndices.get(key)
    if (index === undefined) {
      index = this.#classes.push(holds) - 1
      this.#classIndices.set(key, index)
    }
    return this.#add(positionKinds.read, index, next)
  }

  call(rule: number, next: number): number {
    return this.#add(positionKinds.call, rule, next)
  }

  /** A position that goes all these ways; they may be given later by {@link ProgramBuilder.setSplit}. */
  split(ways: readonly number[]): number {
    const [only] = ways
    if (ways.length === 1 && only !== undefined) return only
    const position = this.#add(positionKinds.split, -1, -1)
    this.#splits.set(position, ways)
    return position
  }

  setSplit(position: number, ways: readonly number[]): void {
    this.#splits.set(position, ways)
  }

  end(): number {
    return this.#add(positionKinds.end, -1, -1)
  }

  build(start: number): Program {
    const { groupOf, groups } = groupBytes(this.#classes)
    return {
      kinds: this.#kinds,
      targets: this.#targets,
      nexts: this.#nexts,
      splits: this.#splits,
      classes: this.#classes.map((holds) => byGroup(holds, groupOf, groups)),
      groupOf,
      groups,
      entries: this.#entries,
      names: this.#names,
      start,
    }
  }

  #add(kind: number, target: number, next: number): number {
    if (this.#kinds.length >= mostPositions) {
      throw new ConfigError(
        `grammar: got more than ${mostPositions} positions, wanted fewer; shorten the repetitions, or let them be unbounded`,
        { mostPositions },
      )
    }
    this.#kinds.push(kind)
    this.#targets.push(target)
    return this.#nexts.push(next) - 1
  }
}

/** Bytes that are in the same classes are one group. */
function groupBytes(classes: readonly Uint8Array[]): { groupOf: Uint8Array; groups: number } {
  let groupOf = new Uint8Array(256)
  let groups = 1
  for (const holds of classes) {
    const split = new Map<number, number>()
    groupOf = groupOf.map((group, byte) => {
      const key = group * 2 + (holds[byte] as number)
      if (!split.has(key)) split.set(key, split.size)
      return split.get(key) as number
    })
    groups = split.size
  }
  return { groupOf, groups }
}

function byGroup(holds: Uint8Array, groupOf: Uint8Array, groups: number): Uint8Array {
  const own = new Uint8Array(groups)
  for (let byte = 0; byte < 256; byte++) own[groupOf[byte] as number] = holds[byte] as number
  return own
}

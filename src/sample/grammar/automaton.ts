import { ConfigError } from '../../errors.ts'
import { leastBytes } from './least-bytes.ts'
import { type Program, positionKinds } from './program.ts'
import { type StackSet, StackSets } from './stack-sets.ts'

/** Where texts that begin alike stand in a grammar. */
export interface State {
  /** Positions that read a byte, ascending, and the stacks below each. */
  readonly positions: readonly number[]
  readonly stacks: readonly StackSet[]
  /** Whether the text may end here. */
  readonly accepts: boolean
  /** The fewest bytes to an end. */
  readonly leastBytes: number
  /** The states after a byte of each group, as far as they are known; null where none may follow. */
  readonly next: (State | null | undefined)[]
  /** Room for a walk over tokens: which walk came here last, and its number for this state. */
  walk: number
  slot: number
}

/** The most ways at once in which a text may be followed. */
const mostWays = 20_000

/**
 * Runs a {@link Program} over bytes, all ways at once: a deterministic pushdown automaton whose states are made when
 * they are first met and found again afterwards. States from which no text can be finished do not exist.
 */
export class Automaton {
  readonly program: Program
  /** The state of the empty text; null where no text can be finished with the bytes there are. */
  readonly start: State | null
  /** Positions of all states made so far: what finding them cost. */
  work = 0
  readonly #leastBytes: Float64Array
  readonly #stacks: StackSets
  readonly #states = new Map<string, State>()

  /** `canRead` says which groups of bytes a text can have: a vocabulary may lack some. */
  constructor(program: Program, canRead: (group: number) => boolean = () => true) {
    this.program = program
    this.#leastBytes = leastBytes(program, canRead)
    this.#stacks = new StackSets(this.#leastBytes)
    this.start = this.#stateOf([program.entries[program.start] as number], [this.#stacks.bottom])
  }

  /** How many states there are so far. */
  get size(): number {
    return this.#states.size
  }

  /** The state after one more byte, of `group`; null where it may not follow. */
  step(state: State, group: number): State | null {
    const known = state.next[group]
    if (known !== undefined) return known
    const { targets, nexts, classes } = this.program
    const positions: number[] = []
    const stacks: StackSet[] = []
    for (const [i, position] of state.positions.entries()) {
      if (classes[targets[position] as number]?.[group] !== 1) continue
      positions.push(nexts[position] as number)
      stacks.push(state.stacks[i] as StackSet)
    }
    const next = positions.length === 0 ? null : this.#stateOf(positions, stacks)
    state.next[group] = next
    return next
  }

  /** The state of all positions that read and that can be reached from these without reading. */
  #stateOf(from: readonly number[], fromStacks: readonly StackSet[]): State | null {
    const reached = new Map<number, StackSet>()
    const accepts = this.#close(from, fromStacks, reached)
    if (reached.size > mostWays) throw tooAmbiguous(reached.size)
    const positions = [...reached.keys()].sort((a, b) => a - b)
    const stacks = positions.map((position) => reached.get(position) as StackSet)
    const key = `${accepts}${positions.map((position, i) => `;${position},${stacks[i]?.id}`).join('')}`
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const least = positions.reduce(
      (fewest, position, i) => Math.min(fewest, this.#bytesFrom(position, stacks[i] as StackSet)),
      accepts ? 0 : Number.POSITIVE_INFINITY,
    )
    if (least === Number.POSITIVE_INFINITY) return null
    const next = new Array<undefined>(this.program.groups).fill(undefined)
    this.work += positions.length
    const state: State = { positions, stacks, accepts, leastBytes: least, next, walk: -1, slot: 0 }
    this.#states.set(key, state)
    return state
  }

  /** Follows calls, splits and ends to the positions that read; whether a text may end. */
  #close(from: readonly number[], fromStacks: readonly StackSet[], reached: Map<number, StackSet>): boolean {
    const { kinds, targets, nexts, splits, entries } = this.program
    const seen = new Set<string>()
    const positions = [...from].reverse()
    const stacks = [...fromStacks].reverse()
    let accepts = false
    while (positions.length > 0) {
      const position = positions.pop() as number
      const stack = stacks.pop() as StackSet
      const visit = (next: number, below: StackSet) => {
        positions.push(next)
        stacks.push(below)
      }
      if (this.#bytesFrom(position, stack) === Number.POSITIVE_INFINITY) continue
      if (kinds[position] === positionKinds.read) {
        const other = reached.get(position)
        reached.set(position, other === undefined ? stack : this.#stacks.union(other, stack))
        continue
      }
      const key = `${position},${stack.id}`
      if (seen.has(key)) continue
      seen.add(key)
      if (kinds[position] === positionKinds.split) for (const way of splits.get(position) ?? []) visit(way, stack)
      else if (kinds[position] === positionKinds.call) {
        visit(entries[targets[position] as number] as number, this.#below(nexts[position] as number, stack))
      } else {
        accepts ||= stack.empty
        for (const [i, back] of stack.returns.entries()) visit(back, stack.below[i] as StackSet)
      }
    }
    return accepts
  }

  /** What a call leaves below it: nothing new where the caller ends with it, so that repetitions do not pile up. */
  #below(next: number, stack: StackSet): StackSet {
    return this.program.kinds[next] === positionKinds.end ? stack : this.#stacks.push(next, stack)
  }

  #bytesFrom(position: number, stack: StackSet): number {
    return (this.#leastBytes[position] as number) + stack.leastBytes
  }
}

function tooAmbiguous(ways: number): ConfigError {
  return new ConfigError(
    `grammar: a text could be followed in ${ways} ways at once, wanted at most ${mostWays}; ` +
      'shorten the repetitions, or write alternatives that do not begin alike',
    { ways, mostWays },
  )
}

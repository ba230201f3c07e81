/**
 * What may still have to be followed when a rule ends: a set of stacks of positions, shared and merged so that the
 * exponentially many stacks of an ambiguous grammar take little room (a graph-structured stack, Tomita 1987).
 */
export interface StackSet {
  readonly id: number
  /** Whether the empty stack is among them: then a text may end here. */
  readonly empty: boolean
  /** Positions to return to, ascending, and for each what is below it. */
  readonly returns: readonly number[]
  readonly below: readonly StackSet[]
  /** The fewest bytes to the end of the text, once the rule has ended. */
  readonly leastBytes: number
}

/** Makes sets of stacks; equal ones are the same object. */
export class StackSets {
  readonly #leastBytes: Float64Array
  readonly #known = new Map<string, StackSet>()
  readonly #unions = new Map<string, StackSet>()
  #made = 0
  /** The empty stack alone. */
  readonly bottom: StackSet

  /** `leastBytes` of each position to its rule's end. */
  constructor(leastBytes: Float64Array) {
    this.#leastBytes = leastBytes
    this.bottom = this.#set(true, [], [])
  }

  /** These stacks with `position` on top of each. */
  push(position: number, stacks: StackSet): StackSet {
    return this.#set(false, [position], [stacks])
  }

  union(a: StackSet, b: StackSet): StackSet {
    if (a === b) return a
    const key = a.id < b.id ? `${a.id},${b.id}` : `${b.id},${a.id}`
    let both = this.#unions.get(key)
    if (both === undefined) {
      both = this.#unite(a, b)
      this.#unions.set(key, both)
    }
    return both
  }

  #unite(a: StackSet, b: StackSet): StackSet {
    const below = new Map(a.returns.map((position, i) => [position, a.below[i] as StackSet]))
    for (const [i, position] of b.returns.entries()) {
      const other = below.get(position)
      const own = b.below[i] as StackSet
      below.set(position, other === undefined ? own : this.union(other, own))
    }
    const returns = [...below.keys()].sort((x, y) => x - y)
    return this.#set(
      a.empty || b.empty,
      returns,
      returns.map((position) => below.get(position) as StackSet),
    )
  }

  #set(empty: boolean, returns: readonly number[], below: readonly StackSet[]): StackSet {
    const key = `${empty}${returns.map((position, i) => `;${position},${below[i]?.id}`).join('')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const leastBytes = returns.reduce(
      (least, position, i) =>
        Math.min(least, (this.#leastBytes[position] as number) + (below[i] as StackSet).leastBytes),
      empty ? 0 : Number.POSITIVE_INFINITY,
    )
    const made: StackSet = { id: this.#made++, empty, returns, below, leastBytes }
    this.#known.set(key, made)
    return made
  }
}

import type { Automaton, State } from './automaton.ts'
import { type TokenTrie, walk } from './token-trie.ts'

/** More tokens than any budget holds: there is no way to an end. */
export const noWay = 2 ** 30

/** How far {@link exactLeastTokens} looks before it gives up. */
const mostExplored = { states: 1_000, steps: 400_000, work: 200_000 }

/** The fewest tokens that bring a state to an end, at most: what a budget must leave room for. */
export interface LeastTokens {
  of(state: State): number
}

/**
 * The least numbers of tokens, exactly, where the grammar has few enough states between tokens to look at all of
 * them; else those of the texts with the fewest bytes, an upper bound that some text always keeps to.
 */
export function leastTokens(automaton: Automaton, first: TokenTrie, later: TokenTrie): LeastTokens {
  const exact = exactLeastTokens(automaton, first, later)
  return exact === undefined ? new ShortestTexts(automaton, later) : { of: (state) => exact.get(state) ?? noWay }
}

/** Breadth-first from the ends backwards, over all states between tokens; undefined where these are too many. */
function exactLeastTokens(automaton: Automaton, first: TokenTrie, later: TokenTrie): Map<State, number> | undefined {
  const { start } = automaton
  const before = start && explore(automaton, start, first, later)
  if (!before) return undefined
  const found = new Map<State, number>()
  let border = [...before.keys()].filter((state) => state.accepts)
  for (let tokens = 0; border.length > 0; tokens++) {
    for (const state of border) found.set(state, tokens)
    border = [...new Set(border.flatMap((state) => [...(before.get(state) ?? [])]))].filter(
      (state) => !found.has(state),
    )
  }
  return found
}

/** All states after a token, each with those that a token leads from. */
function explore(automaton: Automaton, start: State, first: TokenTrie, later: TokenTrie) {
  const before = new Map<State, Set<State>>()
  let steps = 0
  const look = (trie: TokenTrie, from: State, source?: State) => {
    walk(trie, automaton, from, (_, target) => {
      steps++
      const sources = before.get(target) ?? new Set()
      if (source) sources.add(source)
      before.set(target, sources)
    })
  }
  look(first, start)
  for (const [state] of before) {
    look(later, state, state)
    const isTooMuch = steps > mostExplored.steps || automaton.work > mostExplored.work
    if (isTooMuch || before.size > mostExplored.states) return undefined
  }
  return before
}

/** States whose shortest texts are all looked at; after so many, one text each must do. */
const mostTied = 2_000

/** Looks only at texts with the fewest bytes, and among them for the fewest tokens. */
class ShortestTexts implements LeastTokens {
  readonly #automaton: Automaton
  readonly #trie: TokenTrie
  /** Never forgotten while its states live: a budget relies on what was said of them. */
  readonly #known = new WeakMap<State, number>()
  #seen = 0

  constructor(automaton: Automaton, trie: TokenTrie) {
    this.#automaton = automaton
    this.#trie = trie
  }

  of(state: State): number {
    const open: { readonly state: State; targets?: readonly State[] }[] = [{ state }]
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (top.state.accepts) this.#known.set(top.state, 0)
      if (this.#known.has(top.state)) open.pop()
      else if (top.targets === undefined) {
        top.targets = this.#nearer(top.state)
        for (const target of top.targets) if (!this.#known.has(target)) open.push({ state: target })
      } else {
        const fewest = top.targets.reduce((least, target) => Math.min(least, this.#known.get(target) ?? noWay), noWay)
        this.#known.set(top.state, Math.min(noWay, 1 + fewest))
      }
    }
    return this.#known.get(state) ?? noWay
  }

  /** The states after one token on the way to a nearest end. */
  #nearer(state: State): State[] {
    const targets = new Set<State>()
    const all = (before: State, after: State) => after.leastBytes < before.leastBytes
    const one = (before: State, after: State) => all(before, after) && after === this.#nearest(before)
    walk(this.#trie, this.#automaton, state, (_, target) => targets.add(target), this.#seen++ < mostTied ? all : one)
    return [...targets]
  }

  /** The state after the first group of bytes that comes nearer to an end. */
  #nearest(state: State): State | undefined {
    for (let group = 0; group < this.#automaton.program.groups; group++) {
      const after = this.#automaton.step(state, group)
      if (after !== null && after.leastBytes < state.leastBytes) return after
    }
    return undefined
  }
}

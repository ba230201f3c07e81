import type { Automaton, State } from './automaton.ts'
import { type LeastTokens, leastTokens, noWay } from './least-tokens.ts'
import { type TokenTrie, walk } from './token-trie.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Tokens that may follow a state, by the number of tokens that an end then still takes. */
interface StateMasks {
  /** Tokens to an end after the token, ascending. */
  readonly needs: readonly number[]
  /** For each, the tokens that need no more: bit `id % 32` of word `id >> 5`. */
  readonly masks: readonly Uint32Array[]
}

/** Memory that masks may take before they are made afresh. */
const mostBytes = 128 * 2 ** 20

/** Which tokens may follow in which state, found once for each and kept. */
export class TokenMasks {
  readonly automaton: Automaton
  readonly #vocabulary: Vocabulary
  readonly #least: LeastTokens
  readonly #words: number
  readonly #room: { readonly nodes: Int32Array; readonly slots: Int32Array }
  #walks = 0
  #first: StateMasks | undefined
  #later = new Map<State, StateMasks>()
  #bytes = 0

  constructor(automaton: Automaton, vocabulary: Vocabulary) {
    this.automaton = automaton
    this.#vocabulary = vocabulary
    this.#least = leastTokens(automaton, vocabulary.firstTrie, vocabulary.laterTrie)
    this.#words = (vocabulary.size + 31) >> 5
    const most = Math.max(vocabulary.firstTrie.nodes, vocabulary.laterTrie.nodes)
    this.#room = { nodes: new Int32Array(most), slots: new Int32Array(most) }
  }

  /** The fewest tokens of a whole text that a budget must hold, Infinity where there is none. */
  get shortest(): number {
    const { start } = this.automaton
    if (start === null) return Number.POSITIVE_INFINITY
    if (start.accepts) return 0
    const least = this.#masksOf(start, true).needs[0]
    return least === undefined ? Number.POSITIVE_INFINITY : least + 1
  }

  /**
   * The tokens that may follow `state` and leave room for an end within `budget` tokens, the token itself among them;
   * undefined where there are none. `isFirst` says that the text is still empty.
   */
  following(state: State, isFirst: boolean, budget: number): Uint32Array | undefined {
    const { needs, masks } = this.#masksOf(state, isFirst)
    let fitting = needs.length
    while (fitting > 0 && (needs[fitting - 1] as number) > budget - 1) fitting--
    return masks[fitting - 1]
  }

  #masksOf(state: State, isFirst: boolean): StateMasks {
    const known = isFirst ? this.#first : this.#later.get(state)
    if (known !== undefined) return known
    const made = this.#make(state, isFirst ? this.#vocabulary.firstTrie : this.#vocabulary.laterTrie)
    if (isFirst) this.#first = made
    else this.#keep(state, made)
    return made
  }

  #keep(state: State, made: StateMasks): void {
    this.#bytes += 256 + made.masks.length * this.#words * 4
    if (this.#bytes > mostBytes) {
      this.#later = new Map()
      this.#bytes = 0
    }
    this.#later.set(state, made)
  }

  #make(state: State, trie: TokenTrie): StateMasks {
    const { targets, nodes, slots, count } = this.#targetsFrom(state, trie)
    const needsOf = targets.map((target) => this.#least.of(target))
    const needs = [...new Set(needsOf)].filter((need) => need < noWay).sort((a, b) => a - b)
    const masks = needs.map(() => new Uint32Array(this.#words))
    const maskOf = needsOf.map((need) => masks[needs.indexOf(need)])
    for (let i = 0; i < count; i++) {
      const mask = maskOf[slots[i] as number]
      if (mask !== undefined) add(mask, trie, nodes[i] as number)
    }
    for (const [i, mask] of masks.entries()) if (i > 0) unite(mask, masks[i - 1] as Uint32Array)
    return { needs, masks }
  }

  /** Nodes of tokens that may follow, `count` of them, and for each the number of the state that it leads to. */
  #targetsFrom(state: State, trie: TokenTrie) {
    const { nodes, slots } = this.#room
    const targets: State[] = []
    const stamp = ++this.#walks
    let count = 0
    walk(trie, this.automaton, state, (node, target) => {
      if (target.walk !== stamp) {
        target.walk = stamp
        target.slot = targets.push(target) - 1
      }
      nodes[count] = node
      slots[count++] = target.slot
    })
    return { targets, nodes, slots, count }
  }
}

function add(mask: Uint32Array, { starts, ids }: TokenTrie, node: number): void {
  for (let i = starts[node] as number; i < (starts[node + 1] as number); i++) {
    const id = ids[i] as number
    mask[id >> 5] = (mask[id >> 5] as number) | (1 << (id & 31))
  }
}

function unite(mask: Uint32Array, other: Uint32Array): void {
  for (let word = 0; word < mask.length; word++) mask[word] = (mask[word] as number) | (other[word] as number)
}

/** Sets the logits of all ids that `mask` does not hold to −∞, but for `kept`, and those beyond it too. */
export function applyMask(logits: Float32Array, mask: Uint32Array | undefined, kept: readonly number[]): void {
  const saved = kept.map((id) => logits[id] as number)
  const words = mask?.length ?? 0
  for (let word = 0; word < words; word++) {
    const bits = (mask as Uint32Array)[word] as number
    if (bits === 0xffff_ffff) continue
    const from = word << 5
    if (bits === 0) logits.fill(Number.NEGATIVE_INFINITY, from, from + 32)
    else for (let bit = 0; bit < 32; bit++) if ((bits & (1 << bit)) === 0) forbid(logits, from + bit)
  }
  if (words << 5 < logits.length) logits.fill(Number.NEGATIVE_INFINITY, words << 5)
  for (const [i, id] of kept.entries()) logits[id] = saved[i] as number
}

function forbid(logits: Float32Array, id: number): void {
  if (id < logits.length) logits[id] = Number.NEGATIVE_INFINITY
}

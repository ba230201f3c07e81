import type { Automaton, State } from './automaton.ts'

/** A vocabulary's tokens as a trie of their bytes, laid out in preorder: what begins alike is read once. */
export interface TokenTrie {
  readonly nodes: number
  /** The byte that leads to each node; the root, node 0, has none. */
  readonly bytes: Uint8Array
  /** Length in bytes of what each node spells. */
  readonly depths: Uint16Array
  /** The first node that is not below each. */
  readonly ends: Int32Array
  /** The ids that a node spells are `ids[starts[node]]` to `ids[starts[node + 1] − 1]`. */
  readonly starts: Int32Array
  readonly ids: Int32Array
  /** Bytes of the longest token. */
  readonly longest: number
}

/** The trie of tokens' bytes by id; those without bytes, or undefined, are left out. */
export function tokenTrie(tokens: readonly (Uint8Array | undefined)[]): TokenTrie {
  const spelled = tokens.flatMap((bytes, id) => (bytes === undefined || bytes.length === 0 ? [] : [{ bytes, id }]))
  spelled.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.id - b.id)
  const bytes: number[] = [0]
  const depths: number[] = [0]
  const starts: number[] = [0]
  let before = new Uint8Array(0)
  for (const [index, token] of spelled.entries()) {
    const shared = sharedLength(before, token.bytes)
    for (let depth = shared; depth < token.bytes.length; depth++) {
      bytes.push(token.bytes[depth] as number)
      depths.push(depth + 1)
      starts.push(index)
    }
    before = Uint8Array.from(token.bytes)
  }
  starts.push(spelled.length)
  return {
    nodes: bytes.length,
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    ends: endsOf(depths),
    starts: Int32Array.from(starts),
    ids: Int32Array.from(spelled, ({ id }) => id),
    longest: depths.reduce((most, depth) => Math.max(most, depth), 0),
  }
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length)
  let shared = 0
  while (shared < most && a[shared] === b[shared]) shared++
  return shared
}

/** The first later node that is no deeper. */
function endsOf(depths: readonly number[]): Int32Array {
  const ends = new Int32Array(depths.length).fill(depths.length)
  const open: number[] = []
  for (const [node, depth] of depths.entries()) {
    while (open.length > 0 && (depths[open.at(-1) as number] as number) >= depth) ends[open.pop() as number] = node
    open.push(node)
  }
  return ends
}

/**
 * Reads every token from `from` on and tells of each node that spells some: the node and the state after it.
 * Bytes that `follows` refuses, told the states before and after, are not followed.
 */
export function walk(
  trie: TokenTrie,
  automaton: Automaton,
  from: State,
  visit: (node: number, state: State) => void,
  follows: (before: State, after: State) => boolean = () => true,
): void {
  const { nodes, bytes, depths, ends, starts } = trie
  const { groupOf } = automaton.program
  const path: State[] = [from]
  for (let node = 1; node < nodes; ) {
    const depth = depths[node] as number
    const before = path[depth - 1] as State
    const group = groupOf[bytes[node] as number] as number
    const known = before.next[group]
    const state = known === undefined ? automaton.step(before, group) : known
    if (state === null || !follows(before, state)) {
      node = ends[node] as number
      continue
    }
    path[depth] = state
    if (starts[node] !== starts[node + 1]) visit(node, state)
    node++
  }
}

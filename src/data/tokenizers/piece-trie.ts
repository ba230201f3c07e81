import { hashPair } from './merge-table.ts'

/**
 * Pieces of text as a trie over UTF-16 units, in an open-addressed hash table of numbers: one look-up a unit, and
 * nothing is allocated. Nodes are numbers; 0 is the root.
 */
export class PieceTrie {
  /** The id of the piece that ends at a node, or -1. */
  readonly ids: Int32Array
  readonly #mask: number
  readonly #parents: Int32Array
  readonly #units: Uint16Array
  /** 0 is a free slot: the root is nobody's child. */
  readonly #children: Int32Array
  #nodes = 1

  /** `pieces`: not empty, each once, with its id from 0. */
  constructor(pieces: Iterable<readonly [piece: string, id: number]>) {
    const sorted = [...pieces].sort(([a], [b]) => (a < b ? -1 : 1))
    const nodes = countNodes(sorted)
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, nodes * 2)))
    this.#mask = size - 1
    this.#parents = new Int32Array(size)
    this.#units = new Uint16Array(size)
    this.#children = new Int32Array(size)
    this.ids = new Int32Array(nodes).fill(-1)
    for (const [piece, id] of sorted) this.#add(piece, id)
  }

  /** The node below `node` by a unit; 0 if there is none. */
  child(node: number, unit: number): number {
    return this.#children[this.#slotOf(node, unit)]!
  }

  /** The node that a text leads to from the root; 0 if none, or for an empty text. */
  nodeOf(text: string): number {
    let node = 0
    for (let i = 0; i < text.length; i++) {
      node = this.child(node, text.charCodeAt(i))
      if (node === 0) return 0
    }
    return node
  }

  #add(piece: string, id: number): void {
    let node = 0
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i)
      const slot = this.#slotOf(node, unit)
      if (this.#children[slot] === 0) {
        this.#parents[slot] = node
        this.#units[slot] = unit
        this.#children[slot] = this.#nodes++
      }
      node = this.#children[slot]!
    }
    this.ids[node] = id
  }

  #slotOf(node: number, unit: number): number {
    let slot = hashPair(node, unit) & this.#mask
    while (this.#children[slot] !== 0 && (this.#parents[slot] !== node || this.#units[slot] !== unit)) {
      slot = (slot + 1) & this.#mask
    }
    return slot
  }
}

/** Nodes of the trie of sorted pieces, its root among them: what each piece does not share with the one before it. */
function countNodes(sorted: readonly (readonly [string, number])[]): number {
  let nodes = 1
  let before = ''
  for (const [piece] of sorted) {
    let shared = 0
    while (shared < before.length && piece[shared] === before[shared]) shared++
    nodes += piece.length - shared
    before = piece
  }
  return nodes
}

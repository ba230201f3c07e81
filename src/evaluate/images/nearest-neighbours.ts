import { DataError } from '../../errors.ts'
import type { Rows } from './feature-matrix.ts'
import { type PairBlock, type PairOptions, pairBlocks } from './pair-distances.ts'

/** The k nearest references of every query, nearest first; of equally near ones, the first. */
export interface Neighbours {
  readonly k: number
  /** [queries, k]. */
  readonly indices: Int32Array
  /** ‖q − r‖², [queries, k]. */
  readonly squares: Float64Array
}

/** What {@link nearestNeighbours} is asked for. */
export interface NeighbourOptions extends PairOptions {
  /** 1 by default. */
  readonly k?: number
  /** Where given, query i is reference `self[i]`, which is not its own neighbour. */
  readonly self?: ArrayLike<number>
}

/**
 * The nearest references of every query by Euclidean distance, exactly as float64 arithmetic orders them. References
 * are gone through once, queries once for each block of them. Throws {@link DataError} for fewer references than `k`.
 */
export async function nearestNeighbours(
  queries: Rows,
  references: Rows,
  options: NeighbourOptions = {},
): Promise<Neighbours> {
  const { k = 1, self } = options
  const others = references.length - (self ? 1 : 0)
  if (others < k)
    throw new DataError(`neighbours: got ${others} other pictures, wanted ${k} or more; make more samples`, { k })
  const indices = new Int32Array(queries.length * k).fill(-1)
  const squares = new Float64Array(queries.length * k).fill(Number.POSITIVE_INFINITY)
  for await (const block of pairBlocks(queries, references, options)) takeNearer(block, { k, indices, squares }, self)
  return { k, indices, squares }
}

/** Distances to the k-th nearest other row of the same set, squared: the radii of Kynkäänniemi's and Naeem's manifolds. */
export async function squaredRadii(set: Rows, k: number, options: PairOptions = {}): Promise<Float64Array> {
  const self = Int32Array.from({ length: set.length }, (_, i) => i)
  const { squares } = await nearestNeighbours(set, set, { ...options, k, self })
  return Float64Array.from({ length: set.length }, (_, i) => squares[i * k + k - 1]!)
}

function takeNearer(block: PairBlock, found: Neighbours, self: ArrayLike<number> | undefined): void {
  const { query, reference, about, queryDoubt, referenceDoubt, exact } = block
  const { k, squares } = found
  for (let i = 0, at = 0; i < queryDoubt.length; i++) {
    const last = (query + i) * k + k - 1
    const own = self ? (self[query + i] as number) - reference : -1
    for (let j = 0; j < referenceDoubt.length; j++, at++) {
      if (about[at]! - queryDoubt[i]! - referenceDoubt[j]! >= squares[last]! || j === own) continue
      insert(found, query + i, reference + j, exact(i, j))
    }
  }
}

function insert({ k, indices, squares }: Neighbours, query: number, index: number, square: number): void {
  const first = query * k
  let place = first + k
  while (place > first && square < squares[place - 1]!) place--
  if (place === first + k) return
  squares.copyWithin(place + 1, place, first + k - 1)
  indices.copyWithin(place + 1, place, first + k - 1)
  squares[place] = square
  indices[place] = index
}

import { type DotProducts, doubleDots } from './dot-products.ts'
import { checkWidths, type Rows } from './feature-matrix.ts'

/** How comparisons of all pairs are made. */
export interface PairOptions {
  /** What multiplies; {@link doubleDots} by default, an engine's are faster. Results are the same. */
  readonly dots?: DotProducts | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears of reference rows done, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Pairs of some queries and some references: the squared distance of i and j is within doubts of `about`. */
export interface PairBlock {
  /** The first query and the first reference. */
  readonly query: number
  readonly reference: number
  /** About ‖q − r‖², [queries, references]; right to `queryDoubt[i] + referenceDoubt[j]`. */
  readonly about: Float64Array
  readonly queryDoubt: Float64Array
  readonly referenceDoubt: Float64Array
  /** ‖q − r‖² of a pair, by its places in the block: squared differences summed in float64; symmetric, 0 for equals. */
  exact(i: number, j: number): number
}

/** Rows of each side that are multiplied at once. */
const rowsAtOnce = 1024

/**
 * Goes through all pairs of rows, block by block, references outermost, so that each is read once. Distances come from
 * dot products, ‖q‖² + ‖r‖² − 2 q·r, with a rigorous bound of their rounding error (Higham, "Accuracy and Stability of
 * Numerical Algorithms", 2nd edition, section 3.1): whoever decides by a distance computes it exactly where the bound
 * leaves doubt, and so decides as float64 would, ties included.
 */
export async function* pairBlocks(queries: Rows, references: Rows, options: PairOptions): AsyncGenerator<PairBlock> {
  checkWidths('distances', queries, references)
  const { dots = doubleDots, signal, onProgress } = options
  const { width } = queries
  const doubt = (width + 4) * 1.01 * (dots.roundoff + 2 ** -52)
  const left = blocksOf(queries)
  for (const { begin: reference, rows: b, squares: ofB } of blocksOf(references)) {
    for (const { begin: query, rows: a, squares: ofA } of left) {
      signal?.throwIfAborted()
      const about = squaredDistances(ofA, ofB, await dots.multiply(a, b, width))
      const queryDoubt = ofA.map((square) => square * doubt)
      const referenceDoubt = ofB.map((square) => square * doubt)
      const exact = (i: number, j: number) => squaredDistance(a, i, b, j, width)
      yield { query, reference, about, queryDoubt, referenceDoubt, exact }
    }
    onProgress?.(Math.min(references.length, reference + rowsAtOnce), references.length)
  }
}

/** A set's rows in blocks with their squared lengths, made anew each time that they are gone through. */
function blocksOf(set: Rows): Iterable<{ begin: number; rows: Float32Array; squares: Float64Array }> {
  return {
    *[Symbol.iterator]() {
      for (let begin = 0; begin < set.length; begin += rowsAtOnce) {
        const rows = set.rows(begin, Math.min(set.length, begin + rowsAtOnce))
        yield { begin, rows, squares: squaresOf(rows, set.width) }
      }
    },
  }
}

function squaresOf(rows: Float32Array, width: number): Float64Array {
  const squares = new Float64Array(rows.length / width)
  for (let i = 0, at = 0; i < squares.length; i++) {
    let sum = 0
    for (let k = 0; k < width; k++, at++) sum += rows[at]! * rows[at]!
    squares[i] = sum
  }
  return squares
}

function squaredDistances(ofA: Float64Array, ofB: Float64Array, products: Float32Array | Float64Array): Float64Array {
  const about = new Float64Array(products.length)
  for (let i = 0, at = 0; i < ofA.length; i++) {
    const square = ofA[i]!
    for (let j = 0; j < ofB.length; j++, at++) about[at] = square + ofB[j]! - 2 * products[at]!
  }
  return about
}

function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let sum = 0
  for (let k = 0, x = i * width, y = j * width; k < width; k++, x++, y++) sum += (a[x]! - b[y]!) ** 2
  return sum
}

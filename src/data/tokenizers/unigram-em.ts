import type { Lattice } from './unigram-lattice.ts'

/** What a piece is expected to occur at least: no character becomes impossible. */
const leastExpected = 1e-3

/** Log-probabilities in proportion to what is expected of each piece: the M-step, by maximum likelihood. */
export function scoresOf(expected: Float64Array, nCharacters: number): Float64Array {
  const floored = expected.map((count, piece) => (piece < nCharacters ? Math.max(count, leastExpected) : count))
  const total = Math.log(floored.reduce((sum, count) => sum + count, 0))
  return floored.map((count) => Math.log(count) - total)
}

/** What the E-step finds. */
export interface Expectation {
  /** How often each piece is expected to occur, over all segmentations by their probability. */
  readonly expected: Float64Array
  /** Log-likelihood of the runs in nats: Σ count · log Σ of the segmentations' probabilities. */
  readonly logLikelihood: number
}

/**
 * The E-step (Kudo 2018, section 3.2): the marginal log-likelihood of the runs and the expected count of each piece, by
 * the forward-backward algorithm, in order of the edges.
 *
 * Probabilities are scaled by a constant to the power of a piece's length, which all segmentations of a run share, so
 * that those of a run of 32 characters fit a float64 without logarithms.
 */
export function expectCounts(lattice: Lattice, scores: Float64Array): Expectation {
  const { text, offsets, pieces, lengths } = lattice
  const perCharacter = natsPerCharacter(lattice, scores)
  const weights = scores.map((score, piece) => Math.exp(score + perCharacter * lengths[piece]!))
  const expected = new Float64Array(scores.length)
  const [forward, backward] = [new Float64Array(64), new Float64Array(64)]
  let logLikelihood = 0
  for (let run = 0; run < text.starts.length; run++) {
    const start = text.starts[run]!
    const length = text.ends[run]! - start
    forward.fill(0, 0, length + 1)
    forward[0] = 1
    for (let at = 0; at < length; at++) {
      for (let edge = offsets[start + at]!; edge < offsets[start + at + 1]!; edge++) {
        const piece = pieces[edge]!
        forward[at + lengths[piece]!]! += forward[at]! * weights[piece]!
      }
    }
    const whole = forward[length]!
    const count = text.counts[run]!
    logLikelihood += count * (Math.log(whole) - perCharacter * length)
    backward[length] = count / whole
    for (let at = length - 1; at >= 0; at--) {
      let sum = 0
      for (let edge = offsets[start + at]!; edge < offsets[start + at + 1]!; edge++) {
        const piece = pieces[edge]!
        const after = weights[piece]! * backward[at + lengths[piece]!]!
        expected[piece]! += forward[at]! * after
        sum += after
      }
      backward[at] = sum
    }
  }
  return { expected, logLikelihood }
}

/** The mean surprise of a character, in nats, in proportion to frequencies. */
function natsPerCharacter({ lengths, frequencies }: Lattice, scores: Float64Array): number {
  let [nats, characters] = [0, 0]
  for (let piece = 0; piece < lengths.length; piece++) {
    if (scores[piece] === Number.NEGATIVE_INFINITY) continue
    nats -= frequencies[piece]! * scores[piece]!
    characters += frequencies[piece]! * lengths[piece]!
  }
  return nats / characters
}

/** Room for the best segmentation of one run. */
class BestPath {
  readonly scores = new Float64Array(64)
  readonly pieces = new Int32Array(64)

  /** Finds the best segmentation of `length` symbols from `start` that does not use `without`; gives its score. */
  find(
    { offsets, pieces, lengths }: Lattice,
    scores: Float64Array,
    start: number,
    length: number,
    without = -1,
  ): number {
    this.scores.fill(Number.NEGATIVE_INFINITY, 1, length + 1)
    this.scores[0] = 0
    for (let at = 0; at < length; at++) {
      for (let edge = offsets[start + at]!; edge < offsets[start + at + 1]!; edge++) {
        const piece = pieces[edge]!
        const to = at + lengths[piece]!
        if (to > length || piece === without) continue
        const score = this.scores[at]! + scores[piece]!
        if (score <= this.scores[to]!) continue
        this.scores[to] = score
        this.pieces[to] = piece
      }
    }
    return this.scores[length]!
  }
}

/**
 * The pieces to keep, about `wanted` of them (Kudo 2018, section 3.2, step 3c): characters, and of the rest those
 * whose loss would cost most likelihood. A piece's loss is judged, as in SentencePiece, by its frequency in the best
 * segmentations and what takes its place: the best segmentation of itself without it.
 */
export function choosePieces(lattice: Lattice, scores: Float64Array, wanted: number): number[] {
  const { nCharacters, lengths, positions } = lattice
  const used = bestFrequencies(lattice, scores)
  const total = used.reduce((sum, count) => sum + count, 0)
  const path = new BestPath()
  const losses: { piece: number; loss: number }[] = []
  for (let piece = nCharacters; piece < lengths.length; piece++) {
    if (used[piece] === 0) continue
    const other = path.find(lattice, scores, positions[piece]!, lengths[piece]!, piece)
    // What is split in its own best segmentation is never used.
    if (other >= scores[piece]!) continue
    losses.push({ piece, loss: lossOf(path, lattice, piece, used, total) })
  }
  losses.sort((a, b) => b.loss - a.loss || a.piece - b.piece)
  const kept = losses.slice(0, Math.max(0, wanted - nCharacters)).map(({ piece }) => piece)
  return [...Array.from({ length: nCharacters }, (_, piece) => piece), ...kept.sort((a, b) => a - b)]
}

/** Log-likelihood lost, in nats, when all uses of a piece become the pieces of the path just found. */
function lossOf(path: BestPath, { lengths }: Lattice, piece: number, used: Float64Array, total: number): number {
  const parts: number[] = []
  for (let at = lengths[piece]!; at > 0; at -= lengths[path.pieces[at]!]!) parts.push(path.pieces[at]!)
  const count = used[piece]!
  const newTotal = Math.log(total + count * (parts.length - 1))
  const alternative = parts.reduce((sum, part) => sum + Math.log(used[part]! + count) - newTotal, 0)
  return count * (Math.log(count) - Math.log(total) - alternative)
}

/** How often each piece occurs in the best segmentations of the runs. */
function bestFrequencies(lattice: Lattice, scores: Float64Array): Float64Array {
  const { text, lengths } = lattice
  const used = new Float64Array(lengths.length)
  const path = new BestPath()
  for (let run = 0; run < text.starts.length; run++) {
    const length = text.ends[run]! - text.starts[run]!
    path.find(lattice, scores, text.starts[run]!, length)
    for (let at = length; at > 0; at -= lengths[path.pieces[at]!]!) used[path.pieces[at]!]! += text.counts[run]!
  }
  return used
}

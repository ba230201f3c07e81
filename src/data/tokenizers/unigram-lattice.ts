import { suffixArray } from '../suffix-array.ts'

/** Runs of characters that Unigram pieces are learned from, one after the other, as numbers. */
export interface RunText {
  /** Code points as numbers from 2; 1 ends a run, 0 the text. */
  readonly symbols: Int32Array
  /** The character of each symbol. */
  readonly characters: readonly string[]
  /** Where each run begins and ends in `symbols`, and how often it occurs. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly counts: Float64Array
}

const firstSymbol = 2
const endOfRun = 1

/** Longer pieces are not considered, as in SentencePiece. In code points, the `▁` among them. */
const longestPiece = 16

/** Lays runs out as numbers. They must hold no character but those of `alphabet`. */
export function layOut(
  runs: readonly (readonly [text: string, count: number])[],
  alphabet: readonly string[],
): RunText {
  const symbolOf = new Map(alphabet.map((char, i) => [char, i + firstSymbol]))
  const spelled = runs.map(([text]) => Int32Array.from(text, (char) => symbolOf.get(char)!))
  const size = spelled.reduce((sum, run) => sum + run.length + 1, 1)
  const symbols = new Int32Array(size)
  const starts = new Int32Array(runs.length)
  let at = 0
  for (const [i, run] of spelled.entries()) {
    starts[i] = at
    symbols.set(run, at)
    at += run.length
    symbols[at++] = endOfRun
  }
  const ends = starts.map((start, i) => start + spelled[i]!.length)
  return {
    symbols,
    characters: ['', '', ...alphabet],
    starts,
    ends,
    counts: Float64Array.from(runs, ([, count]) => count),
  }
}

/** A piece that may enter the vocabulary: `order[low … high]` are the suffixes of the text that begin with it. */
interface Candidate {
  readonly low: number
  readonly high: number
  readonly length: number
  readonly frequency: number
}

/**
 * All segmentations of the runs into pieces: at each position the pieces that begin there, by ascending length.
 * Piece 0 to `nCharacters - 1` are the single characters; the rest are the seeds.
 */
export interface Lattice {
  readonly text: RunText
  readonly nCharacters: number
  /** Code points of each piece, its first position, and its frequency in the runs. */
  readonly lengths: Uint8Array
  readonly positions: Int32Array
  readonly frequencies: Float64Array
  /** Edges from position i are those from `offsets[i]` to `offsets[i + 1] - 1`. */
  readonly offsets: Int32Array
  readonly pieces: Int32Array
}

/**
 * The lattice of the characters and of the `seeds` substrings of highest frequency × length (Kudo 2018, section 3.2:
 * "the union of all characters and the most frequent substrings"), from a suffix array of the different runs.
 * Unlike SentencePiece's, frequencies count each run as often as it occurs, and runs that are a substring of no other
 * are considered too.
 */
export function seedLattice(text: RunText, seeds: number): Lattice {
  const order = suffixArray(text.symbols, text.characters.length)
  const rest = distancesToEnd(text.symbols)
  const candidates = findCandidates(order, sharedPrefixes(text.symbols, order, rest), rest, weightsBefore(text, order))
  const score = ({ frequency, length }: Candidate) => frequency * length
  const chosen = candidates.sort((a, b) => score(b) - score(a) || a.low - b.low || a.length - b.length).slice(0, seeds)
  return connect(text, order, chosen)
}

/** Symbols from each position to the end of its run. */
function distancesToEnd(symbols: Int32Array): Int32Array {
  const rest = new Int32Array(symbols.length)
  for (let i = symbols.length - 2; i >= 0; i--) rest[i] = symbols[i] === endOfRun ? 0 : rest[i + 1]! + 1
  return rest
}

/** For each place in the order, the symbols that the suffix shares with the one before: within runs, and not too many. */
function sharedPrefixes(symbols: Int32Array, order: Int32Array, rest: Int32Array): Uint8Array {
  const shared = new Uint8Array(order.length + 1)
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1]!, order[i]!]
    const most = Math.min(rest[a]!, rest[b]!, longestPiece)
    let length = 0
    while (length < most && symbols[a + length] === symbols[b + length]) length++
    shared[i] = length
  }
  return shared
}

/** Sums over the order of how often the run of each suffix occurs. */
function weightsBefore({ symbols, starts, ends, counts }: RunText, order: Int32Array): Float64Array {
  const weights = new Float64Array(symbols.length)
  for (let run = 0; run < starts.length; run++) weights.fill(counts[run]!, starts[run]!, ends[run]!)
  const before = new Float64Array(order.length + 1)
  for (let i = 0; i < order.length; i++) before[i + 1] = before[i]! + weights[order[i]!]!
  return before
}

/** The substrings of two to {@link longestPiece} symbols that can't be made longer without becoming rarer. */
function findCandidates(order: Int32Array, shared: Uint8Array, rest: Int32Array, before: Float64Array): Candidate[] {
  const found: Candidate[] = []
  const add = (low: number, high: number, length: number) => {
    const frequency = before[high + 1]! - before[low]!
    if (length > 1 && frequency > 1) found.push({ low, high, length, frequency })
  }
  const open: { length: number; low: number }[] = []
  for (let i = 0; i < order.length; i++) {
    // The whole rest of a run, where no other suffix has it.
    const whole = rest[order[i]!]!
    if (whole <= longestPiece && whole > Math.max(shared[i]!, shared[i + 1]!)) add(i, i, whole)
    let low = i
    while (open.length > 0 && open.at(-1)!.length > shared[i + 1]!) {
      const closed = open.pop()!
      add(closed.low, i, closed.length)
      low = closed.low
    }
    if (shared[i + 1]! > (open.at(-1)?.length ?? 0)) open.push({ length: shared[i + 1]!, low })
  }
  return found
}

function connect(text: RunText, order: Int32Array, chosen: readonly Candidate[]): Lattice {
  const { symbols } = text
  const nCharacters = text.characters.length - firstSymbol
  const byLength = chosen.map((_, i) => i).sort((a, b) => chosen[a]!.length - chosen[b]!.length || a - b)
  const offsets = new Int32Array(symbols.length + 1)
  for (let i = 0; i < symbols.length; i++) if (symbols[i]! >= firstSymbol) offsets[i + 1]!++
  for (const { low, high } of chosen) for (let i = low; i <= high; i++) offsets[order[i]! + 1]!++
  for (let i = 0; i < symbols.length; i++) offsets[i + 1]! += offsets[i]!
  const next = offsets.slice()
  const pieces = new Int32Array(offsets[symbols.length]!)
  const lengths = new Uint8Array(nCharacters + chosen.length).fill(1, 0, nCharacters)
  const positions = new Int32Array(lengths.length).fill(-1)
  const frequencies = new Float64Array(lengths.length)
  for (let i = 0; i < symbols.length; i++) {
    const piece = symbols[i]! - firstSymbol
    if (piece < 0) continue
    pieces[next[i]!++] = piece
    positions[piece] = i
  }
  for (let run = 0; run < text.starts.length; run++)
    for (let i = text.starts[run]!; i < text.ends[run]!; i++)
      frequencies[symbols[i]! - firstSymbol]! += text.counts[run]!
  for (const at of byLength) {
    const { low, high, length, frequency } = chosen[at]!
    const piece = nCharacters + at
    for (let i = low; i <= high; i++) pieces[next[order[i]!]!++] = piece
    lengths[piece] = length
    positions[piece] = order[low]!
    frequencies[piece] = frequency
  }
  return { text, nCharacters, lengths, positions, frequencies, offsets, pieces }
}

/** The same lattice with fewer pieces: those of `kept`, ascending, the characters among them. */
export function keepPieces(lattice: Lattice, kept: readonly number[]): Lattice {
  const newId = new Int32Array(lattice.lengths.length).fill(-1)
  for (const [id, piece] of kept.entries()) newId[piece] = id
  const offsets = new Int32Array(lattice.offsets.length)
  const pieces = new Int32Array(lattice.pieces.length)
  let size = 0
  for (let at = 0; at + 1 < offsets.length; at++) {
    for (let edge = lattice.offsets[at]!; edge < lattice.offsets[at + 1]!; edge++) {
      const id = newId[lattice.pieces[edge]!]!
      if (id >= 0) pieces[size++] = id
    }
    offsets[at + 1] = size
  }
  return {
    ...lattice,
    lengths: Uint8Array.from(kept, (piece) => lattice.lengths[piece]!),
    positions: Int32Array.from(kept, (piece) => lattice.positions[piece]!),
    frequencies: Float64Array.from(kept, (piece) => lattice.frequencies[piece]!),
    offsets,
    pieces: pieces.slice(0, size),
  }
}

/** How a piece is spelled. */
export function spellingOf({ text, lengths, positions }: Lattice, piece: number): string {
  const start = positions[piece]!
  if (start < 0) return text.characters[piece + firstSymbol]!
  const symbols = text.symbols.subarray(start, start + lengths[piece]!)
  return Array.from(symbols, (symbol) => text.characters[symbol]!).join('')
}

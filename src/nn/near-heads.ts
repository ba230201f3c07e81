import type { Matrix } from './parameters.ts'

/** Widths that decide how heads look near. */
interface NearSizes {
  readonly dModel: number
  readonly dHead: number
  /** Of the words' table and of the matrices, which the means given here stand beside. */
  readonly deviation: number
}

/** Where the first heads of a layer look at first, in positions from their own. */
const shifts = [-1, 1, -2, 2]

/**
 * The score with which a head sees the position that it looks at, by words and the waves of positions alone. The tables'
 * other noise takes its part of the norm: with positions' own it is 3.6 in BERT of four heads, with segments' 2.6.
 */
const score = 6

/**
 * Where learned positions and the first four heads of every layer begin, so that heads see the tokens just before and
 * just after their own from the first step: without it, a masked model of small batches predicts from no context at all
 * for thousands of steps, as attention that sees everything tells next to nothing of the neighbours.
 *
 * The last dHead columns of a position's vector are cos and sin of p · f for dHead/2 frequencies; q turns them by
 * shift · f and k leaves them, so that q·k is largest where the positions differ by the shift. In the spirit of Trockman
 * & Kolter 2023, mimetic initialization, whose heads see near and like tokens: like tokens would be the hidden ones here.
 */
export function nearHeads({ dModel, dHead, deviation }: NearSizes) {
  const half = Math.floor(dHead / 2)
  const first = dModel - 2 * half
  const amplitude = 2 * deviation
  // Words and the waves of positions added up are normalized to variance 1.
  const scale = Math.sqrt(deviation ** 2 + (half / dModel) * amplitude ** 2)
  const gain = Math.sqrt((score * Math.sqrt(dHead)) / half) * (scale / amplitude)
  /** Of column or row c of a head's half · 2. */
  const frequency = (c: number) => Math.PI * (((c >> 1) + 0.5) / half) ** 1.5
  /** cos at even and sin at odd places. */
  const wave = (c: number, angle: number) => (c % 2 === 0 ? Math.cos(angle) : Math.sin(angle))

  /** The mean of a projection [dModel, dModel] whose head h turns positions by `by[h]`. */
  const turning =
    (by: readonly number[]): Matrix =>
    (row, column) => {
      const [h, r, c] = [Math.floor(row / dHead), row % dHead, column - first]
      const shift = by[h]
      if (shift === undefined || c < 0 || r >> 1 !== c >> 1) return 0
      const angle = shift * frequency(c)
      if (r % 2 === c % 2) return gain * Math.cos(angle)
      return (r % 2 === 0 ? -gain : gain) * Math.sin(angle)
    }

  return {
    /** Of the position table [positions, dModel]. */
    positions: ((p, column) =>
      column < first ? 0 : amplitude * wave(column - first, p * frequency(column - first))) as Matrix,
    /** Of the queries' matrix [dModel, dModel]. */
    queries: turning(shifts),
    /** Of the keys' matrix [dModel, dModel]. */
    keys: turning(shifts.map(() => 0)),
  }
}

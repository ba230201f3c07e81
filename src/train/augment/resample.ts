/** How a row or a column of an augmented picture is found in the picture, along one axis. */
export interface AxisTransform {
  /** Whether the axis is turned around. */
  readonly flip: boolean
  /** How many times larger what is seen becomes, about the middle; above 0. */
  readonly scale: number
  /** How far it then moves towards the end, in pixels. */
  readonly shift: number
}

/** Leaves an axis as it is. */
export const unmoved: AxisTransform = { flip: false, scale: 1, shift: 0 }

/** Where pixel `i` of the result lies in the picture, in pixels between centres: 0 is the middle of the first one. */
export function sourceOf(i: number, size: number, { flip, scale, shift }: AxisTransform): number {
  const middle = (size - 1) / 2
  const away = (i - middle - shift) / scale
  return middle + (flip ? -away : away)
}

/**
 * Writes into `target` (zeros, [S, S] row by row) the matrix whose product with a picture's rows resamples them:
 * pixel i is interpolated linearly between the two pixels around {@link sourceOf} i. What lies outside is the picture
 * reflected at its outermost pixels, or, without `reflect`, nothing: its weight stays 0.
 */
export function writeResampling(target: Float32Array, size: number, axis: AxisTransform, reflect: boolean): void {
  for (let i = 0; i < size; i++) {
    const source = sourceOf(i, size, axis)
    const before = Math.floor(source)
    const share = source - before
    for (const [at, weight] of [
      [before, 1 - share],
      [before + 1, share],
    ] as const) {
      const inside = reflect ? reflected(at, size) : at
      if (weight > 0 && inside >= 0 && inside < size) target[i * size + inside]! += weight
    }
  }
}

/** The place inside 0 … size − 1 that `at` is the mirror image of, over and over: −1 is 1, size is size − 2. */
export function reflected(at: number, size: number): number {
  if (size === 1) return 0
  const period = 2 * (size - 1)
  const folded = ((at % period) + period) % period
  return folded < size ? folded : period - folded
}

/** An affine map of a pixel's colour planes: matrix [C, C] row by row, then offset [C]. */
export interface ColourMap {
  readonly matrix: readonly number[]
  readonly offset: readonly number[]
}

const square = (n: number, at: (row: number, column: number) => number) =>
  Array.from({ length: n * n }, (_, i) => at(Math.floor(i / n), i % n))

/** Leaves `n` planes as they are. */
export function unchanged(n: number): ColourMap {
  return { matrix: square(n, (i, j) => (i === j ? 1 : 0)), offset: new Array<number>(n).fill(0) }
}

/** First `map`, then `matrix` [n, n] and, at last, the same `shift` on every plane. */
export function followedBy({ matrix: before, offset }: ColourMap, matrix: readonly number[], shift = 0): ColourMap {
  const n = offset.length
  const row = (i: number) => matrix.slice(i * n, (i + 1) * n)
  return {
    matrix: square(n, (i, j) => row(i).reduce((total, value, k) => total + value * before[k * n + j]!, 0)),
    offset: offset.map((_, i) => shift + row(i).reduce((total, value, k) => total + value * offset[k]!, 0)),
  }
}

/** All planes times `factor`: contrast about mid-grey, which is 0. */
export function contrast(n: number, factor: number): number[] {
  return square(n, (i, j) => (i === j ? factor : 0))
}

/** What differs from a pixel's mean over its planes, times `factor`; grey stays as it is. */
export function saturation(n: number, factor: number): number[] {
  return square(n, (i, j) => (1 - factor) / n + (i === j ? factor : 0))
}

/** A pixel's mean over its planes changes sign, its hue stays: I − 2 v vᵀ with v = (1, …, 1)/√n. */
export function lumaFlip(n: number): number[] {
  return square(n, (i, j) => (i === j ? 1 : 0) - 2 / n)
}

/** RGB turned by `angle` radians about the axis of greys (Rodrigues' formula); fewer planes have no hue. */
export function hueRotation(n: number, angle: number): number[] {
  if (n !== 3) return contrast(n, 1)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return square(3, (i, j) => {
    const side = i === j ? 0 : (j - i + 3) % 3 === 1 ? -1 : 1
    return (1 - cos) / 3 + (i === j ? cos : 0) + (side * sin) / Math.sqrt(3)
  })
}

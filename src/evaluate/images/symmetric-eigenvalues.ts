import { DataError } from '../../errors.ts'
import { turn } from './matrix-product.ts'

/**
 * Eigenvalues of a symmetric matrix [n, n], of which the lower triangle is read, and all of it overwritten; in no order.
 *
 * Householder reduction to tridiagonal form, then implicit QL (Golub and Van Loan, 4th edition, sections 8.3.1 and
 * 8.3.3); eigenvalues are right to a rounding error of the largest. Throws {@link DataError} where it doesn't converge,
 * as with numbers that are not finite.
 */
export async function symmetricEigenvalues(matrix: Float64Array, n: number): Promise<Float64Array> {
  const diagonal = new Float64Array(n)
  const beside = new Float64Array(n)
  const direction = new Float64Array(n)
  const product = new Float64Array(n)
  for (let last = n - 1; last > 0; last--) {
    diagonal[last] = matrix[last * n + last]!
    beside[last - 1] = reduceRow(matrix, n, last, direction, product)
    if (last % 16 === 0) await turn()
  }
  diagonal[0] = matrix[0]!
  implicitQl(diagonal, beside, n)
  return diagonal
}

/**
 * Reflects the leading [size, size] block so that row `size` keeps one element, beside the diagonal, and returns it:
 * A ← A − v wᵀ − w vᵀ with w = β (A v) − (β²/2)(vᵀ A v) v, and β = 2 / vᵀv.
 */
function reduceRow(matrix: Float64Array, n: number, size: number, v: Float64Array, w: Float64Array): number {
  const row = size * n
  let squares = 0
  for (let k = 0; k < size; k++) {
    v[k] = matrix[row + k]!
    squares += v[k]! ** 2
  }
  const pivot = v[size - 1]!
  const rest = squares - pivot ** 2
  if (rest <= 0) return pivot
  const length = pivot > 0 ? -Math.sqrt(squares) : Math.sqrt(squares)
  v[size - 1] = pivot - length
  const beta = 2 / (rest + v[size - 1]! ** 2)
  multiplyLower(matrix, n, size, v, w)
  let inner = 0
  for (let k = 0; k < size; k++) inner += v[k]! * w[k]!
  for (let k = 0; k < size; k++) w[k] = beta * (w[k]! - (beta / 2) * inner * v[k]!)
  for (let i = 0; i < size; i++) {
    const [vi, wi] = [v[i]!, w[i]!]
    for (let j = 0, at = i * n; j <= i; j++, at++) matrix[at]! -= vi * w[j]! + wi * v[j]!
  }
  return length
}

/** w = A v from A's lower triangle. */
function multiplyLower(matrix: Float64Array, n: number, size: number, v: Float64Array, w: Float64Array): void {
  w.fill(0, 0, size)
  for (let i = 0; i < size; i++) {
    const vi = v[i]!
    let sum = 0
    for (let j = 0, at = i * n; j < i; j++, at++) {
      const value = matrix[at]!
      sum += value * v[j]!
      w[j]! += value * vi
    }
    w[i]! += sum + matrix[i * n + i]! * vi
  }
}

const mostSweeps = 60

/** Eigenvalues of the tridiagonal matrix into `d`; `e[i]` lies between d[i] and d[i + 1]. */
function implicitQl(d: Float64Array, e: Float64Array, n: number): void {
  e[n - 1] = 0
  for (let low = 0; low < n; low++) {
    for (let sweep = 0; ; sweep++) {
      const high = splitAfter(d, e, low, n)
      if (high === low) break
      if (sweep === mostSweeps)
        throw new DataError('eigenvalues: no convergence, wanted finite numbers; are the features sound?')
      sweepQl(d, e, low, high)
    }
  }
}

/** The first place from `low` on whose element beside the diagonal is negligible. */
function splitAfter(d: Float64Array, e: Float64Array, low: number, n: number): number {
  let high = low
  for (; high < n - 1; high++)
    if (Math.abs(e[high]!) <= Number.EPSILON * (Math.abs(d[high]!) + Math.abs(d[high + 1]!))) break
  return high
}

/** One implicit QL step with Wilkinson's shift on the block from `low` to `high`. */
function sweepQl(d: Float64Array, e: Float64Array, low: number, high: number): void {
  const half = (d[low + 1]! - d[low]!) / (2 * e[low]!)
  const root = Math.hypot(half, 1)
  let g = d[high]! - d[low]! + e[low]! / (half + (half >= 0 ? root : -root))
  let [sine, cosine, shift] = [1, 1, 0]
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i]!
    const b = cosine * e[i]!
    const r = Math.hypot(f, g)
    e[i + 1] = r
    if (r === 0) {
      d[i + 1]! -= shift
      e[high] = 0
      return
    }
    sine = f / r
    cosine = g / r
    g = d[i + 1]! - shift
    const t = (d[i]! - g) * sine + 2 * cosine * b
    shift = sine * t
    d[i + 1] = g + shift
    g = cosine * t - b
  }
  d[low]! -= shift
  e[low] = g
  e[high] = 0
}

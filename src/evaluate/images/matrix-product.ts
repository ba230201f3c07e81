/*
 * A · Bᵀ in float64, blocked for the caches and two by four in registers: long enough work that the event loop gets
 * its turns in between.
 */

/** Inner sizes and rows of B that are worked on at once: 256 KB of B. */
const innerBlock = 512
const rowBlock = 64

/** A turn for the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}

/**
 * C += A · Bᵀ for A [m, inner], B [n, inner] and C [m, n], row after row. Where `isSymmetric` (A is B) only the lower
 * triangle, i ≥ j, is promised.
 */
export async function addProduct(
  a: Float64Array,
  b: Float64Array,
  inner: number,
  c: Float64Array,
  isSymmetric = false,
): Promise<void> {
  const n = b.length / inner
  for (let from = 0; from < inner; from += innerBlock) {
    const to = Math.min(inner, from + innerBlock)
    for (let j = 0; j < n; j += rowBlock) {
      multiplyBlock(a, b, inner, c, { from, to, first: j, end: Math.min(n, j + rowBlock), isSymmetric })
      if ((j / rowBlock) % 16 === 15) await turn()
    }
  }
}

interface Block {
  readonly from: number
  readonly to: number
  readonly first: number
  readonly end: number
  readonly isSymmetric: boolean
}

function multiplyBlock(a: Float64Array, b: Float64Array, inner: number, c: Float64Array, block: Block): void {
  const { from, to, first, end, isSymmetric } = block
  const m = a.length / inner
  const n = b.length / inner
  for (let i = isSymmetric ? first - (first % 2) : 0; i < m; i += 2) {
    let j = first
    if (i + 1 < m) for (; j + 4 <= end; j += 4) multiplyTile(a, b, inner, c, n, i, j, from, to)
    for (; j < end; j++)
      for (let row = i; row < Math.min(m, i + 2); row++) {
        let sum = 0
        for (let k = from; k < to; k++) sum += a[row * inner + k]! * b[j * inner + k]!
        c[row * n + j]! += sum
      }
  }
}

/** Two rows of A by four of B. */
function multiplyTile(
  a: Float64Array,
  b: Float64Array,
  inner: number,
  c: Float64Array,
  n: number,
  i: number,
  j: number,
  from: number,
  to: number,
): void {
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0]
  const [a0, b0] = [i * inner, j * inner]
  for (let k = from; k < to; k++) {
    const x = a[a0 + k]!
    const y = a[a0 + inner + k]!
    const p = b[b0 + k]!
    const q = b[b0 + inner + k]!
    const r = b[b0 + 2 * inner + k]!
    const s = b[b0 + 3 * inner + k]!
    s00 += x * p
    s01 += x * q
    s02 += x * r
    s03 += x * s
    s10 += y * p
    s11 += y * q
    s12 += y * r
    s13 += y * s
  }
  const at = i * n + j
  c[at]! += s00
  c[at + 1]! += s01
  c[at + 2]! += s02
  c[at + 3]! += s03
  c[at + n]! += s10
  c[at + n + 1]! += s11
  c[at + n + 2]! += s12
  c[at + n + 3]! += s13
}

/** Singular values of a row-major matrix by one-sided Jacobi rotations in double precision (Golub & Van Loan 2013, 8.6.3). */
export function singularValues(data: Float32Array, rows: number, columns: number): number[] {
  const tall = rows >= columns
  const [length, count] = tall ? [rows, columns] : [columns, rows]
  const vectors = Array.from({ length: count }, (_, j) =>
    Float64Array.from({ length }, (_, i) => data[tall ? i * columns + j : j * columns + i]!),
  )
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < count; p++) for (let q = p + 1; q < count; q++) rotate(vectors[p]!, vectors[q]!)
  return vectors.map((v) => Math.sqrt(dot(v, v)))
}

/** Turns two vectors in their plane until they are orthogonal. */
function rotate(a: Float64Array, b: Float64Array): void {
  const inner = dot(a, b)
  if (inner === 0) return
  const zeta = (dot(b, b) - dot(a, a)) / (2 * inner)
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta))
  const c = 1 / Math.hypot(1, t)
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!]
    a[i] = c * (x - t * y)
    b[i] = c * (t * x + y)
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

import { checkLength, checkWidths, type FeatureMatrix } from './feature-matrix.ts'
import { addProduct } from './matrix-product.ts'
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts'

/** Rows that a covariance takes in at once. */
const rowsAtOnce = 4096

/**
 * The Fréchet distance of two sets of features, each taken for a normal distribution:
 * ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½). With Inception's features, FID; 0 or more, lower is more alike.
 *
 * Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017,
 * equation 6; covariances with n − 1. Where Σ = F Fᵀ, the root's trace is the sum of the singular values of F₁ᵀF₂: so
 * no root of a product is taken, and covariances may be singular, as they are with fewer pictures than features. The
 * measure falls with the number of pictures: compare equal numbers alone. Throws `DataError` for sets of one picture,
 * or of different widths.
 */
export async function frechetDistance(samples: FeatureMatrix, real: FeatureMatrix): Promise<number> {
  checkWidths('Fréchet distance', samples, real)
  const [a, b] = [await factored(samples), await factored(real)]
  let means = 0
  for (let k = 0; k < samples.width; k++) means += (a.mean[k]! - b.mean[k]!) ** 2
  const rootTrace = await nuclearNorm(a.factor, b.factor, samples.width)
  return Math.max(0, means + a.trace + b.trace - 2 * rootTrace)
}

/** Mean, Tr Σ, and F [r, width] with Σ = FᵀF, r the smaller of pictures and width. */
interface Moments {
  readonly mean: Float64Array
  readonly trace: number
  readonly factor: Float64Array
}

async function factored(features: FeatureMatrix): Promise<Moments> {
  checkLength('Fréchet distance', features, 2)
  const mean = meanOf(features)
  if (features.length > features.width) {
    const covariance = await covarianceOf(features, mean)
    return { mean, trace: traceOf(covariance, features.width), factor: choleskyRows(covariance, features.width) }
  }
  const factor = new Float64Array(features.data.length)
  const scale = 1 / Math.sqrt(features.length - 1)
  let trace = 0
  for (let i = 0; i < factor.length; i++) {
    factor[i] = scale * (features.data[i]! - mean[i % features.width]!)
    trace += factor[i]! ** 2
  }
  return { mean, trace, factor }
}

function meanOf({ data, length, width }: FeatureMatrix): Float64Array {
  const mean = new Float64Array(width)
  for (let i = 0; i < data.length; i++) mean[i % width]! += data[i]!
  return mean.map((sum) => sum / length)
}

/** Σ [width, width] with n − 1, the lower triangle mirrored. */
async function covarianceOf({ data, length, width }: FeatureMatrix, mean: Float64Array): Promise<Float64Array> {
  const covariance = new Float64Array(width * width)
  for (let begin = 0; begin < length; begin += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, length - begin)
    const columns = new Float64Array(width * count)
    for (let i = 0; i < count; i++)
      for (let k = 0; k < width; k++) columns[k * count + i] = data[(begin + i) * width + k]! - mean[k]!
    await addProduct(columns, columns, count, covariance, true)
  }
  for (let i = 0; i < width; i++)
    for (let j = 0; j <= i; j++) {
      const value = covariance[i * width + j]! / (length - 1)
      covariance[i * width + j] = value
      covariance[j * width + i] = value
    }
  return covariance
}

function traceOf(matrix: Float64Array, n: number): number {
  let trace = 0
  for (let i = 0; i < n; i++) trace += matrix[i * n + i]!
  return trace
}

/**
 * R [rank, n] with A = RᵀR for a semidefinite A [n, n]: Cholesky's factorization, the largest remaining diagonal element
 * next, until all that remains is rounding (Higham, "Accuracy and Stability of Numerical Algorithms", section 10.3).
 */
function choleskyRows(matrix: Float64Array, n: number): Float64Array {
  const rows = new Float64Array(n * n)
  const remaining = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!)
  const negligible = n * Number.EPSILON * Math.max(...remaining)
  for (let rank = 0; rank < n; rank++) {
    let pivot = 0
    for (let i = 1; i < n; i++) if (remaining[i]! > remaining[pivot]!) pivot = i
    if (!(remaining[pivot]! > negligible)) return rows.subarray(0, rank * n)
    const row = rows.subarray(rank * n, (rank + 1) * n)
    row.set(matrix.subarray(pivot * n, (pivot + 1) * n))
    subtractRows(rows, rank, n, pivot, row)
    const scale = 1 / Math.sqrt(remaining[pivot]!)
    for (let i = 0; i < n; i++) {
      row[i] = row[i]! * scale
      remaining[i]! -= row[i]! ** 2
    }
    remaining[pivot] = 0
  }
  return rows
}

/** row −= Σ over the first `rank` rows r of r[pivot] · r, four at a time. */
function subtractRows(rows: Float64Array, rank: number, n: number, pivot: number, row: Float64Array): void {
  let r = 0
  for (; r + 4 <= rank; r += 4) {
    const at = r * n
    const [a, b, c, d] = [
      rows[at + pivot]!,
      rows[at + n + pivot]!,
      rows[at + 2 * n + pivot]!,
      rows[at + 3 * n + pivot]!,
    ]
    for (let i = 0, k = at; i < n; i++, k++)
      row[i]! -= a * rows[k]! + b * rows[k + n]! + c * rows[k + 2 * n]! + d * rows[k + 3 * n]!
  }
  for (; r < rank; r++) {
    const factor = rows[r * n + pivot]!
    for (let i = 0; i < n; i++) row[i]! -= factor * rows[r * n + i]!
  }
}

/** The sum of the singular values of A · Bᵀ, for A [m, inner] and B [n, inner]: roots of its Gram matrix's eigenvalues. */
async function nuclearNorm(a: Float64Array, b: Float64Array, inner: number): Promise<number> {
  const [few, many] = a.length <= b.length ? [a, b] : [b, a]
  const [m, n] = [few.length / inner, many.length / inner]
  if (m === 0) return 0
  const product = new Float64Array(m * n)
  await addProduct(few, many, inner, product)
  const gram = new Float64Array(m * m)
  await addProduct(product, product, n, gram, true)
  const eigenvalues = await symmetricEigenvalues(gram, m)
  return eigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
}

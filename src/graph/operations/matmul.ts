import { ConfigError, ShapeError } from '../../errors.ts'
import { type BlockFormat, type Emitter, type Operation, quantizedParts } from '../operation.ts'
import { broadcastShapes, floats, requireSameDtype } from '../shape-rules.ts'
import { applyOne, type Dim, formatShape, type Node, type Shape, type Tensor } from '../tensor.ts'
import { add } from './elementwise.ts'
import { sumTo } from './reduce.ts'
import { reshape, transpose } from './shape.ts'

interface MatmulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly alpha: number
}

/** The last two sizes, swapped where the operand is transposed. */
function rowsAndColumns(shape: Shape, transposed: boolean): [Dim, Dim] {
  const [rows, columns] = shape.slice(-2) as [Dim, Dim]
  return transposed ? [columns, rows] : [rows, columns]
}

/**
 * C = α · op(A) · op(B) over broadcast leading dimensions: [..., M, K] × [..., K, N] → [..., M, N].
 *
 * The transposes and the scale live inside the operation, so that no gradient needs a Transpose node.
 */
const matmulRow: Operation<MatmulAttributes> = {
  name: 'matmul',
  infer: ([a, b], { transposeA, transposeB }) => {
    const shapes = `${formatShape(a!.shape)}${transposeA ? 'ᵀ' : ''} × ${formatShape(b!.shape)}${transposeB ? 'ᵀ' : ''}`
    if (a!.shape.length < 2 || b!.shape.length < 2)
      throw new ShapeError(`matmul: both sides need 2 or more dimensions, got ${shapes}; reshape first`)
    const [m, inner] = rowsAndColumns(a!.shape, transposeA)
    const [k, n] = rowsAndColumns(b!.shape, transposeB)
    if (inner !== k) throw new ShapeError(`matmul: inner sizes differ, got ${shapes}; transpose the second?`)
    const batch = broadcastShapes('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2))
    return [{ dtype: requireSameDtype('matmul', [a!, b!], floats), shape: [...batch, m, n] }]
  },
  gradient: ({ inputs: [a, b], attributes }, [g]) => {
    const { transposeA, transposeB, alpha } = attributes
    const ga = transposeA
      ? product(b!, g!, { transposeA: transposeB, transposeB: true, alpha })
      : product(g!, b!, { transposeA: false, transposeB: !transposeB, alpha })
    return [sumTo(ga, a!.shape), gradientOfB(a!, b!, g!, attributes)]
  },
  takesFewBits: (index, { transposeA, transposeB, alpha }) => index === 1 && !transposeA && transposeB && alpha === 1,
  lower: (emit, inputs, attributes, node) => lowerMatmul(emit, inputs, attributes, node.inputs),
}

/**
 * ∂/∂B. A matrix B shared by a batch of A sums over the batch inside one product, and a tall result
 * is computed as the transpose of a wide one, which runs faster.
 */
function gradientOfB(a: Tensor, b: Tensor, g: Tensor, { transposeA, transposeB, alpha }: MatmulAttributes): Tensor {
  const shared = b.rank === 2 && !transposeA
  const [x, y] = shared && a.rank > 2 ? [flatten(a), flatten(g)] : [a, g]
  const left = transposeB ? y : x
  const right = transposeB ? x : y
  const flags = transposeB
    ? { transposeA: true, transposeB: transposeA }
    : { transposeA: !transposeA, transposeB: false }
  const [rows, columns] = b.shape.slice(-2) as [number, number]
  if (!shared || rows <= columns) return sumTo(product(left, right, { ...flags, alpha }), b.shape)
  return transpose(product(right, left, { transposeA: !flags.transposeB, transposeB: !flags.transposeA, alpha }))
}

/** [..., M, N] → [..·M, N]. */
function flatten(x: Tensor): Tensor {
  return reshape(x, [-1, x.shape.at(-1) as Dim])
}

function lowerMatmul(
  emit: Emitter,
  inputs: readonly string[],
  { transposeA, transposeB, alpha }: MatmulAttributes,
  operands: readonly Tensor[],
): string[] {
  const format = emit.quantized(inputs[1]!)
  if (format) return lowerQuantized(emit, inputs, { transposeA, transposeB, alpha }, operands[1]!, format)
  if (!transposeA && !transposeB && alpha === 1) return emit.node('MatMul', inputs)
  if (emit.provider === 'cpu') {
    const flag = (on: boolean) => ({ int: on ? 1 : 0 })
    const attributes = { transA: flag(transposeA), transB: flag(transposeB), alpha: { float: alpha } }
    return emit.node('FusedMatMul', inputs, attributes, { domain: 'com.microsoft' })
  }
  const plain = inputs.map((name, i) => {
    if (!(i === 0 ? transposeA : transposeB)) return name
    const rank = operands[i]!.rank
    const axes = Array.from({ length: rank }, (_, axis) => axis)
    return emit.node('Transpose', [name], { perm: { ints: [...axes.slice(0, -2), rank - 1, rank - 2] } })[0]!
  })
  const result = emit.node('MatMul', plain)
  if (alpha === 1) return result
  return emit.node('Mul', [result[0]!, emit.constant({ dtype: 'float32', shape: [], data: Float32Array.of(alpha) })])
}

/** x · Wᵀ by a matrix in few bits, with inputs rounded to 8 bits on the way (`accuracy_level` 4). */
function lowerQuantized(
  emit: Emitter,
  [x, w]: readonly string[],
  { transposeA, transposeB, alpha }: MatmulAttributes,
  { shape }: Tensor,
  { bits, blockSize }: BlockFormat,
): string[] {
  if (!matmulRow.takesFewBits!(1, { transposeA, transposeB, alpha }))
    throw new ConfigError(`matmul: ${w} is quantized, which serves x · Wᵀ alone; leave it as it is`, { name: w })
  const { packed, scales } = quantizedParts(w!)
  const [n, k] = shape as readonly [number, number]
  const attributes = { K: k, N: n, bits, block_size: blockSize, accuracy_level: 4 }
  return emit.node(
    'MatMulNBits',
    [x!, packed, scales],
    Object.fromEntries(Object.entries(attributes).map(([name, int]) => [name, { int }])),
    { domain: 'com.microsoft' },
  )
}

function product(a: Tensor, b: Tensor, attributes: MatmulAttributes): Tensor {
  return applyOne(matmulRow, [a, b], attributes)
}

/** α · op(A) · op(B), where op transposes the last two axes if asked: [..., M, K] × [..., K, N] → [..., M, N]. */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  return product(a, b, { transposeA: false, transposeB: false, alpha: 1, ...options })
}

/** y = x · Wᵀ + b: [..., in] with `weight` [out, in] and `bias` [out] → [..., out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const y = matmul(x, weight, { transposeB: true })
  return bias ? add(y, bias) : y
}

/** Sizes of the vectors that a matrix maps from and to. */
export interface MatrixSides {
  readonly inputs: number
  readonly outputs: number
  /** Whether the matrix is W [outputs, inputs] of x · Wᵀ, else W [inputs, outputs] of x · W. */
  readonly transposed: boolean
}

/** The sides of the matrix that a node multiplies x by, where it computes x · W or x · Wᵀ and nothing else. */
export function sidesOfMatrix({ operation, inputs: [, w], attributes }: Node): MatrixSides | undefined {
  const { transposeA, transposeB, alpha } = attributes as MatmulAttributes
  if (operation.name !== matmulRow.name || transposeA || alpha !== 1 || w!.rank !== 2) return undefined
  const [inputs, outputs] = rowsAndColumns(w!.shape, transposeB) as [number, number]
  return { inputs, outputs, transposed: transposeB }
}

/** Rows of this file. */
export const matmulRows = [matmulRow]

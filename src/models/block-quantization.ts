import { ConfigError } from '../errors.ts'
import { float16ToFloat32, float32ToFloat16 } from '../files/half-precision.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { type BlockFormat, quantizedParts } from '../graph/operation.ts'

/** A matrix in few bits: q = clamp(round(w / scale) + 2^(bits − 1)), so that w ≈ (q − 2^(bits − 1)) · scale. */
export interface QuantizedMatrix {
  readonly format: BlockFormat
  /** uint8 [N, K / blockSize, blockSize · bits / 8]; of two numbers in a byte the first has the lower bits. */
  readonly packed: HostTensor
  /** float32 [N, K / blockSize], of values that 16 bits hold. */
  readonly scales: HostTensor
}

/** Matrices in few bits, by parameter name. */
export type QuantizedMatrices = Readonly<Record<string, QuantizedMatrix>>

/** What `lower` is told of matrices in few bits. */
export function formatsOf(matrices: QuantizedMatrices): Record<string, BlockFormat> {
  return Object.fromEntries(Object.entries(matrices).map(([name, { format }]) => [name, format]))
}

/** What a session is handed over for them. */
export function partsOf(matrices: QuantizedMatrices): Record<string, HostTensor> {
  const parts = Object.entries(matrices).flatMap(([name, { packed, scales }]) => {
    const names = quantizedParts(name)
    return [[names.packed, packed] as const, [names.scales, scales] as const]
  })
  return Object.fromEntries(parts)
}

/** The same, but those of `stacks` on top of each other, as a program wants them that was lowered with `stack`. */
export function stackedPartsOf(
  matrices: QuantizedMatrices,
  stacks: Readonly<Record<string, readonly string[]>>,
): Record<string, HostTensor> {
  const rest = { ...matrices }
  for (const name of Object.values(stacks).flat()) delete rest[name]
  const stacked = Object.entries(stacks).map(([stack, names]) => {
    const parts = names.map((name) => matrices[name]!)
    const packed = onTop(parts.map((part) => part.packed))
    return [stack, { format: parts[0]!.format, packed, scales: onTop(parts.map((part) => part.scales)) }] as const
  })
  return partsOf({ ...rest, ...Object.fromEntries(stacked) })
}

/** [N, …] and [M, …] → [N + M, …]. */
function onTop(tensors: readonly HostTensor[]): HostTensor {
  const [{ dtype, shape, data: first }] = tensors as [HostTensor]
  const length = tensors.reduce((sum, { data }) => sum + data.length, 0)
  const data = new (first.constructor as new (length: number) => Uint8Array | Float32Array)(length)
  let at = 0
  for (const part of tensors) {
    data.set(part.data as Uint8Array | Float32Array, at)
    at += part.data.length
  }
  return { dtype, shape: [tensors.reduce((sum, part) => sum + part.shape[0]!, 0), ...shape.slice(1)], data }
}

/** Whether rows of K numbers divide into whole blocks. */
export function canQuantize(shape: readonly number[], { blockSize }: BlockFormat): boolean {
  return shape.length === 2 && shape[1]! % blockSize === 0
}

/**
 * Cuts each row of W [N, K] into blocks and rounds them, as ONNX Runtime's `MatMulNBits` reads them: in 8 bits so that
 * the number of largest size becomes −128, in 4 by the scale of nearly least squared error, as far as 16 bits hold it.
 * Throws {@link ConfigError} for rows that do not divide into blocks.
 */
export function quantizeMatrix({ shape, data }: HostTensor, format: BlockFormat): QuantizedMatrix {
  const { bits, blockSize } = format
  if (!canQuantize(shape, format))
    throw new ConfigError(`quantize: [${shape}] does not divide into blocks of ${blockSize}; leave it as it is`)
  const [rows, columns] = shape as readonly [number, number]
  const blocks = columns / blockSize
  const levels = new Uint8Array(rows * columns)
  const scales = new Float32Array(rows * blocks)
  const zero = 2 ** (bits - 1)
  const valuesOf = (block: number) => (data as Float32Array).subarray(block * blockSize, (block + 1) * blockSize)
  for (let block = 0; block < scales.length; block++)
    scales[block] = bits === 8 ? extremeOf(valuesOf(block)) / -zero : closestScale(valuesOf(block), zero)
  scales.set(float16ToFloat32(float32ToFloat16(scales)))
  for (let block = 0; block < scales.length; block++)
    roundBlock(valuesOf(block), scales[block]!, zero, levels.subarray(block * blockSize, (block + 1) * blockSize))
  const packed = bits === 8 ? levels : pairs(levels)
  const bytes = (blockSize * bits) / 8
  return {
    format,
    packed: { dtype: 'uint8', shape: [rows, blocks, bytes], data: packed },
    scales: { dtype: 'float32', shape: [rows, blocks], data: scales },
  }
}

/** The number of largest size. */
function extremeOf(values: Float32Array): number {
  let extreme = 0
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value
  return extreme
}

/** Scales tried to each side of the one that makes the largest number −`zero`, which they make −`zero` ± 1 at most. */
const triedScales = 4

/**
 * The scale d for which Σ (x − q·d)², q = round(x / d) from −`zero` to `zero` − 1, is least among a few: of the levels q
 * that each scale tried gives, the least squares' own, Σ x·q ÷ Σ q², with an error of Σ x² − (Σ x·q)² ÷ Σ q². Outliers
 * may be cut off for the others' sake. llama.cpp's `make_qx_quants` searches so.
 */
function closestScale(values: Float32Array, zero: number): number {
  const extreme = extremeOf(values)
  let explained = 0
  let scale = 0
  for (let tried = -triedScales; tried <= triedScales && extreme !== 0; tried++) {
    const inverse = -(zero + tried / triedScales) / extreme
    let products = 0
    let squares = 0
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const steps = Math.min(zero - 1, Math.max(-zero, Math.round(value * inverse)))
      products += value * steps
      squares += steps * steps
    }
    if (products * products <= explained * squares) continue
    explained = (products * products) / squares
    scale = products / squares
  }
  return scale
}

/** Writes the levels of one block. */
function roundBlock(values: Float32Array, scale: number, zero: number, levels: Uint8Array): void {
  for (let i = 0; i < values.length; i++) {
    const steps = scale === 0 ? 0 : Math.round(values[i]! / scale)
    levels[i] = Math.min(2 * zero - 1, Math.max(0, steps + zero))
  }
}

/** Two numbers of 4 bits in a byte. */
function pairs(levels: Uint8Array): Uint8Array {
  const packed = new Uint8Array(levels.length / 2)
  for (let i = 0; i < packed.length; i++) packed[i] = levels[2 * i]! | (levels[2 * i + 1]! << 4)
  return packed
}

/** The matrix that is computed with: float32 [N, K]. */
export function dequantizeMatrix({ format: { bits, blockSize }, packed, scales }: QuantizedMatrix): HostTensor {
  const [rows, blocks] = scales.shape as readonly [number, number]
  const zero = 2 ** (bits - 1)
  const level = (i: number) => {
    const byte = packed.data[bits === 8 ? i : i >> 1] as number
    return bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4
  }
  const values = Float32Array.from({ length: rows * blocks * blockSize }, (_, i) => {
    return (level(i) - zero) * (scales.data[Math.floor(i / blockSize)] as number)
  })
  return { dtype: 'float32', shape: [rows, blocks * blockSize], data: values }
}

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

/** Whether rows of K numbers divide into whole blocks. */
export function canQuantize(shape: readonly number[], { blockSize }: BlockFormat): boolean {
  return shape.length === 2 && shape[1]! % blockSize === 0
}

/**
 * Cuts each row of W [N, K] into blocks and rounds them, as ONNX Runtime's `MatMulNBits` reads them. The number of
 * largest size in a block becomes −2^(bits − 1), so that all levels are used, as far as 16 bits hold the scale. Throws {@link ConfigError} for rows
 * that do not divide into blocks.
 */
export function quantizeMatrix({ shape, data }: HostTensor, format: BlockFormat): QuantizedMatrix {
  const { bits, blockSize } = format
  if (!canQuantize(shape, format))
    throw new ConfigError(`quantize: [${shape}] does not divide into blocks of ${blockSize}; leave it as it is`)
  const [rows, columns] = shape as readonly [number, number]
  const blocks = columns / blockSize
  const levels = new Uint8Array(rows * columns)
  const scales = new Float32Array(rows * blocks)
  for (let block = 0; block < scales.length; block++) {
    const values = (data as Float32Array).subarray(block * blockSize, (block + 1) * blockSize)
    scales[block] = roundBlock(values, levels.subarray(block * blockSize, (block + 1) * blockSize), 2 ** (bits - 1))
  }
  const packed = bits === 8 ? levels : pairs(levels)
  const bytes = (blockSize * bits) / 8
  return {
    format,
    packed: { dtype: 'uint8', shape: [rows, blocks, bytes], data: packed },
    scales: { dtype: 'float32', shape: [rows, blocks], data: scales },
  }
}

/** Writes the levels of one block and gives its scale. */
function roundBlock(values: Float32Array, levels: Uint8Array, zero: number): number {
  let extreme = 0
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value
  const [scale] = float16ToFloat32(float32ToFloat16(Float32Array.of(extreme / -zero))) as unknown as [number]
  for (let i = 0; i < values.length; i++) {
    const steps = scale === 0 ? 0 : Math.round(values[i]! / scale)
    levels[i] = Math.min(2 * zero - 1, Math.max(0, steps + zero))
  }
  return scale
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

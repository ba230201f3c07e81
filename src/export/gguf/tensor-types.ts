import { float32ToFloat16 } from '../../files/half-precision.ts'
import { quantizeMatrix } from '../../models/block-quantization.ts'

/** One way in which ggml stores rows of numbers. */
export interface TensorType {
  /** ggml's number for it (`enum ggml_type`). */
  readonly id: number
  /** Numbers that are stored together; rows must divide into so many. */
  readonly blockSize: number
  readonly bytesPerBlock: number
  encode(values: Float32Array): Uint8Array
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

const { fround } = Math

/** Numbers of a quantized block, all of ggml's simple formats. */
const blockSize = 32

/** Blocks of a scale in float16 and then what `write` puts into the block's other bytes. */
function blocksOf(scales: Float32Array, bytesPerBlock: number, write: (block: number, bytes: Uint8Array) => void) {
  const bytes = new Uint8Array(scales.length * bytesPerBlock)
  const halves = bytesOf(float32ToFloat16(scales))
  for (let block = 0; block < scales.length; block++) {
    const start = block * bytesPerBlock
    bytes.set(halves.subarray(2 * block, 2 * block + 2), start)
    write(block, bytes.subarray(start + 2, start + bytesPerBlock))
  }
  return bytes
}

/** q = round(x / d) in int8, d = max |x| / 127: `quantize_row_q8_0_ref`, bit for bit. */
function encodeQ8(values: Float32Array): Uint8Array {
  const blockAt = (block: number) => values.subarray(block * blockSize, (block + 1) * blockSize)
  const scales = Float32Array.from({ length: values.length / blockSize }, (_, block) => {
    return blockAt(block).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127
  })
  return blocksOf(scales, 34, (block, bytes) => {
    const scale = scales[block]!
    const inverse = scale === 0 ? 0 : fround(1 / scale)
    for (const [i, value] of blockAt(block).entries()) {
      const steps = fround(value * inverse)
      // Halves go away from zero, as C's roundf has it.
      bytes[i] = Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5)
    }
  })
}

/**
 * q from 0 to 15 for (q − 8) · d, numbers i and i + 16 of a block in one byte, as `dequantize_row_q4_0` reads them. Scales
 * are those of {@link quantizeMatrix}, which err less than `quantize_row_q4_0_ref`'s.
 */
function encodeQ4(values: Float32Array): Uint8Array {
  const matrix = { dtype: 'float32', shape: [1, values.length], data: values } as const
  const { packed, scales } = quantizeMatrix(matrix, { bits: 4, blockSize })
  const half = blockSize / 2
  return blocksOf(scales.data as Float32Array, 18, (block, bytes) => {
    const level = (i: number) => ((packed.data[block * half + (i >> 1)] as number) >> (4 * (i % 2))) & 15
    for (let i = 0; i < half; i++) bytes[i] = level(i) | (level(i + half) << 4)
  })
}

/** The types that are written, by the names that llama.cpp gives them. */
export const tensorTypes = {
  f32: { id: 0, blockSize: 1, bytesPerBlock: 4, encode: bytesOf },
  f16: { id: 1, blockSize: 1, bytesPerBlock: 2, encode: (values) => bytesOf(float32ToFloat16(values)) },
  q4_0: { id: 2, blockSize, bytesPerBlock: 18, encode: encodeQ4 },
  q8_0: { id: 8, blockSize, bytesPerBlock: 34, encode: encodeQ8 },
} satisfies Readonly<Record<string, TensorType>>

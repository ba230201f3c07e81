import { float32ToFloat16 } from '../../files/half-precision.ts'

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

/** Encodes block by block: a scale in float16, then what `fill` writes. */
function blockwise(bytesPerBlock: number, fill: (block: Float32Array, bytes: Uint8Array) => number) {
  return (values: Float32Array): Uint8Array => {
    const blocks = values.length / blockSize
    const bytes = new Uint8Array(blocks * bytesPerBlock)
    const scales = new Float32Array(blocks)
    for (let i = 0; i < blocks; i++) {
      const block = values.subarray(i * blockSize, (i + 1) * blockSize)
      scales[i] = fill(block, bytes.subarray(i * bytesPerBlock + 2, (i + 1) * bytesPerBlock))
    }
    const halves = bytesOf(float32ToFloat16(scales))
    for (let i = 0; i < blocks; i++) bytes.set(halves.subarray(2 * i, 2 * i + 2), i * bytesPerBlock)
    return bytes
  }
}

/** 1/scale in float32, and 0 for 0: what the reference multiplies with instead of dividing. */
function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale)
}

/** q = round(x / d) in int8, d = max |x| / 127: `quantize_row_q8_0_ref`. */
function fillQ8(block: Float32Array, bytes: Uint8Array): number {
  let largest = 0
  for (const value of block) largest = Math.max(largest, Math.abs(value))
  const scale = fround(largest / 127)
  const inverse = inverseOf(scale)
  for (let i = 0; i < blockSize; i++) {
    const steps = fround(block[i]! * inverse)
    // Halves go away from zero, as C's roundf has it.
    bytes[i] = Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5)
  }
  return scale
}

/** q = ⌊x / d + 8.5⌋ in 0 … 15, d = the number of largest size / −8: `quantize_row_q4_0_ref`. */
function fillQ4(block: Float32Array, bytes: Uint8Array): number {
  let extreme = 0
  for (const value of block) if (Math.abs(value) > Math.abs(extreme)) extreme = value
  const scale = fround(extreme / -8)
  const inverse = inverseOf(scale)
  const level = (value: number) => Math.min(15, Math.trunc(fround(fround(value * inverse) + 8.5)))
  const half = blockSize / 2
  for (let i = 0; i < half; i++) bytes[i] = level(block[i]!) | (level(block[i + half]!) << 4)
  return scale
}

/** The types that are written, by the names that llama.cpp gives them. */
export const tensorTypes = {
  f32: { id: 0, blockSize: 1, bytesPerBlock: 4, encode: bytesOf },
  f16: { id: 1, blockSize: 1, bytesPerBlock: 2, encode: (values) => bytesOf(float32ToFloat16(values)) },
  q4_0: { id: 2, blockSize, bytesPerBlock: 18, encode: blockwise(18, fillQ4) },
  q8_0: { id: 8, blockSize, bytesPerBlock: 34, encode: blockwise(34, fillQ8) },
} satisfies Readonly<Record<string, TensorType>>

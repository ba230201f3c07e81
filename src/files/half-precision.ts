/*
 * Conversions between float32 and the two 16-bit formats, IEEE 754-2019: binary16 (float16: 5 bits of
 * exponent, 10 of fraction) and bfloat16 (the upper half of a float32). 16-bit values travel as raw bits.
 */

let widened: Float32Array | undefined

/** float16 bits → float32; exact. NaNs stay NaNs with their payload. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  widened ??= tableOfFloat16()
  const table = widened
  const output = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) output[i] = table[bits[i] as number] as number
  return output
}

/** float32 → float16 bits, rounded to nearest, ties to even; beyond ±65,504 (rounded) becomes ±infinity. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const output = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) output[i] = narrow(bits[i] as number)
  return output
}

/** bfloat16 bits → float32; exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const output = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) output[i] = (bits[i] as number) << 16
  return new Float32Array(output.buffer)
}

/** float32 → bfloat16 bits, rounded to nearest, ties to even; NaNs stay (quiet) NaNs. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const output = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i] as number
    const notANumber = (x & 0x7fffffff) > 0x7f800000
    output[i] = notANumber ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16
  }
  return output
}

/** One float32's bits → float16's. The lowest normal float16 is 2^-14, the lowest subnormal 2^-24. */
function narrow(x: number): number {
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fffffff
  if (magnitude >= 0x47800000) return magnitude > 0x7f800000 ? sign | 0x7e00 | ((x >>> 13) & 0x1ff) : sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13)
  if (magnitude < 0x33000000) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  return sign | roundShift(fraction, 126 - (magnitude >>> 23))
}

/** value / 2^shift, rounded to nearest, ties to even; a carry into the exponent is the right result. */
function roundShift(value: number, shift: number): number {
  const half = 2 ** (shift - 1)
  const odd = (value >>> shift) & 1
  return (value + half - 1 + odd) >>> shift
}

function tableOfFloat16(): Float32Array {
  const bits = new Uint32Array(65536)
  for (let half = 0; half < 65536; half++) bits[half] = widen(half)
  return new Float32Array(bits.buffer)
}

function widen(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13)
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half-precision.ts'

const fixture = JSON.parse(
  readFileSync(new URL('../../test/fixtures/safetensors/halves.json', import.meta.url), 'utf8'),
) as Record<'float32' | 'float16' | 'bfloat16', number[]>
const values = new Float32Array(Uint32Array.from(fixture.float32).buffer)

/** The definition: (-1)^s · 2^(e-15) · (1 + f/1024), or subnormal (-1)^s · 2^-14 · f/1024. */
function valueOfFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? 2 ** -14 * (fraction / 1024) : 2 ** (exponent - 15) * (1 + fraction / 1024))
}

const everyHalf = Uint16Array.from({ length: 65536 }, (_, bits) => bits)

describe('float16', () => {
  it('widens all 65,536 values as the format defines them', () => {
    const wide = float16ToFloat32(everyHalf)
    expect(wide.every((value, bits) => Object.is(value, valueOfFloat16(bits)))).toBe(true)
  })

  it('comes back to the same bits, NaNs staying NaNs', () => {
    const back = float32ToFloat16(float16ToFloat32(everyHalf))
    const same = everyHalf.every((bits, i) =>
      Number.isNaN(valueOfFloat16(bits)) ? Number.isNaN(valueOfFloat16(back[i] as number)) : back[i] === bits,
    )
    expect(same).toBe(true)
  })

  it('rounds every midpoint to even and its neighbours to the nearest', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (valueOfFloat16(bits) + valueOfFloat16(bits + 1)) / 2
      const around = new Float32Array([
        middle,
        Math.fround(middle * (1 - 2 ** -23)),
        Math.fround(middle * (1 + 2 ** -22)),
      ])
      const rounded = [...float32ToFloat16(around)]
      const even = bits % 2 === 0 ? bits : bits + 1
      if (rounded.join() !== [even, bits, bits + 1].join())
        expect({ bits, rounded }).toEqual({ bits, rounded: [even, bits, bits + 1] })
    }
  })

  it('rounds as numpy does, to infinity and zero too', () => {
    expect([...float32ToFloat16(values)]).toEqual(fixture.float16)
  })
})

describe('bfloat16', () => {
  it('rounds as torch does', () => {
    expect([...float32ToBfloat16(values)]).toEqual(fixture.bfloat16)
  })

  it('comes back to the same bits for every value that is not a NaN', () => {
    const back = float32ToBfloat16(bfloat16ToFloat32(everyHalf))
    expect(everyHalf.every((bits, i) => (bits & 0x7fff) > 0x7f80 || back[i] === bits)).toBe(true)
  })

  it('keeps NaNs whose payload lies in the lower half', () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff).buffer)
    expect(bfloat16ToFloat32(float32ToBfloat16(nan)).every(Number.isNaN)).toBe(true)
  })
})

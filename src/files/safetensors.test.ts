import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { float32, type HostTensor } from '../graph/dtype.ts'
import { decodeSafetensors, encodeSafetensors, toFloat32 } from './safetensors.ts'

const fixtures = new URL('../../test/fixtures/safetensors/', import.meta.url)
const python = new Uint8Array(readFileSync(new URL('types.safetensors', fixtures)))
const expected = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')) as Record<
  string,
  { shape: number[]; values: string[] }
>

async function encode(...parameters: Parameters<typeof encodeSafetensors>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of encodeSafetensors(...parameters)) pieces.push(piece.slice())
  return new Uint8Array(Buffer.concat(pieces))
}

/** A file with this header, whatever it claims, and `dataBytes` zeros after it. */
function fileOf(header: unknown, dataBytes: number, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

describe('parity with the Python library', () => {
  const { tensors, metadata } = decodeSafetensors(python)

  it('reads every element type', () => {
    expect(metadata).toEqual({ format: 'pt' })
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(expected).sort())
    for (const [name, { shape, values }] of Object.entries(expected)) {
      const tensor = tensors[name] as HostTensor
      const got = tensor.dtype === 'float16' ? toFloat32(tensor) : tensor.data
      const wanted = tensor.dtype === 'bool' ? values.map((v) => (v === 'True' ? '1' : '0')) : values
      expect(tensor.shape, name).toEqual(shape)
      expect(Array.from(got, Number), name).toEqual(
        wanted.map(name === 'float64' ? (v) => Math.fround(Number(v)) : Number),
      )
    }
  })

  it('reads 64-bit integers exactly', () => {
    expect(tensors.int64?.data).toEqual(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n))
  })

  it('writes the same bytes', async () => {
    const written = new Uint8Array(readFileSync(new URL('written.safetensors', fixtures)))
    const { tensors, metadata } = decodeSafetensors(written)
    expect(await encode(tensors, { metadata })).toEqual(written)
  })
})

describe('in a page', () => {
  it('needs nothing of Node', async () => {
    const entry = new URL('./safetensors.ts', import.meta.url).pathname
    const { errors, outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'browser',
      write: false,
    })
    expect(errors).toEqual([])
    expect(outputFiles[0]?.text).not.toContain('node:')
  })
})

describe('writing', () => {
  it('matches the format by hand', async () => {
    const bytes = await encode({ a: float32([1], [1]) })
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    expect([...bytes]).toEqual([
      padded.length,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...new TextEncoder().encode(padded),
      0,
      0,
      0x80,
      0x3f,
    ])
  })

  it('stores floats in 16 bits on request and leaves integers alone', async () => {
    const tensors = { a: float32([1, 1 / 3], [2]), b: { dtype: 'int32', shape: [1], data: Int32Array.of(7) } } as const
    const half = decodeSafetensors(await encode(tensors, { float: 'F16' })).tensors
    expect(half.a?.dtype).toBe('float16')
    expect([...toFloat32(half.a as HostTensor)]).toEqual([1, 0.333251953125])
    expect(half.b).toEqual(tensors.b)
    const brain = decodeSafetensors(await encode(tensors, { float: 'BF16' })).tensors
    expect([...toFloat32(brain.a as HostTensor)]).toEqual([1, 0.333984375])
  })

  it('fetches lazy tensors one after the other, in file order', async () => {
    const asked: string[] = []
    const lazy = (name: string) => ({
      dtype: 'float32' as const,
      shape: [2],
      read: async () => {
        asked.push(name)
        return Float32Array.of(1, 2)
      },
    })
    const pieces = encodeSafetensors({ b: lazy('b'), a: lazy('a') })
    await pieces.next()
    expect(asked).toEqual([])
    await pieces.next()
    expect(asked).toEqual(['a'])
    await pieces.next()
    expect(asked).toEqual(['a', 'b'])
  })

  it('refuses an array that does not fit its shape', async () => {
    await expect(encode({ w: float32([1, 2, 3], [2, 2]) })).rejects.toThrow(
      'write w: got 12 bytes, F32 [2, 2] takes 16; is the shape right?',
    )
  })
})

describe('untrusted headers', () => {
  const refuses = (file: Uint8Array, message: RegExp) => {
    expect(() => decodeSafetensors(file, 'x.safetensors')).toThrow(CheckpointError)
    expect(() => decodeSafetensors(file, 'x.safetensors')).toThrow(message)
  }

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /0 bytes, too few for a header/],
    ['a header longer than the file', fileOf({}, 0, 1000n), /claims 1000 bytes of a file of 10/],
    ['a header of 2^63 bytes', fileOf({}, 0, 2n ** 63n), /claims 9223372036854776000 bytes/],
    ['a header that is no JSON', fileOf('{"a":', 0), /not JSON or is cut short/],
    ['a header that is a list', fileOf([], 0), /not a JSON object/],
    ['bytes that are no UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe), /not UTF-8/],
    ['an unknown type', fileOf({ a: entry('F7', [1], 0, 4) }, 4), /its type "F7" is not one of BOOL/],
    ['a type from the prototype', fileOf({ a: entry('toString', [1], 0, 4) }, 4), /its type "toString"/],
    ['offsets beyond the file', fileOf({ a: entry('F32', [2], 0, 8) }, 4), /where its header promises/],
    ['bytes that belong to no tensor', fileOf({ a: entry('F32', [1], 0, 4) }, 5), /1 bytes that belong to no tensor/],
    ['tensors that overlap', fileOf({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, 8), /"b" overlaps/],
    ['a hole', fileOf({ a: entry('U8', [1], 0, 1), b: entry('U8', [1], 2, 3) }, 3), /"b" leaves a hole/],
    ['offsets the wrong way round', fileOf({ a: entry('U8', [1], 1, 0) }, 1), /disagree/],
    ['a shape whose product overflows', fileOf({ a: entry('F32', [2 ** 40, 2 ** 40], 0, 4) }, 4), /disagree/],
    ['a negative size', fileOf({ a: entry('F32', [-1, -1], 0, 4) }, 4), /shape\.0/],
    ['a fractional size', fileOf({ a: entry('F32', [0.5, 2], 0, 4) }, 4), /shape\.0/],
    ['a shape that is text', fileOf({ a: entry('F32', '1', 0, 4) }, 4), /shape: expected array/],
    ['a size of zero that hides an overflow', fileOf({ a: entry('F32', [0, 1e300], 0, 0) }, 0), /shape\.1/],
    [
      'a name twice',
      fileOf(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /names "a" twice/,
    ],
    ['metadata that is not text', fileOf({ __metadata__: { a: 1 } }, 0), /__metadata__: a: expected string/],
  ])('%s', (_, file, message) => refuses(file, message))

  it('gives CheckpointError or a sound result for any damage to a real file', () => {
    const damage = fc.array(fc.tuple(fc.nat(python.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(damage, fc.nat(python.length), (edits, cut) => {
        const file = python.slice(0, cut % 3 === 0 ? cut : undefined)
        for (const [at, value] of edits) if (at < file.length) file[at] = value
        expectSoundOrRefused(file)
      }),
      { numRuns: 500 },
    )
  })

  it('gives CheckpointError or a sound result for any header', () => {
    const number = fc.oneof(fc.nat(16), fc.double(), fc.bigInt().map(Number), fc.integer())
    const dtype = fc.constantFrom('F32', 'U8', 'BF16', 'I64', 'BOOL', '__proto__', '')
    const tensor = fc.oneof(
      fc.record({ dtype, shape: fc.array(number, { maxLength: 3 }), data_offsets: fc.array(number, { maxLength: 3 }) }),
      fc.jsonValue(),
    )
    const name = fc.constantFrom('a', 'b', '', '__proto__', '__metadata__', 'constructor')
    fc.assert(
      fc.property(fc.dictionary(name, tensor), fc.nat(32), (header, bytes) =>
        expectSoundOrRefused(fileOf(header, bytes)),
      ),
      { numRuns: 500 },
    )
  })
})

function expectSoundOrRefused(file: Uint8Array) {
  let total = 0
  try {
    for (const tensor of Object.values(decodeSafetensors(file).tensors)) {
      expect(tensor.data.length).toBe(tensor.shape.reduce((product, size) => product * size, 1))
      total += tensor.data.length
    }
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).not.toContain('\n')
  }
  expect(total).toBeLessThanOrEqual(file.length)
}

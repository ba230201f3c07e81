import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { decodeUtf8 } from './utf8.ts'

async function* chunks(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function decode(bytes: Uint8Array, length: number): Promise<string> {
  let text = ''
  for await (const part of decodeUtf8(chunks(bytes, length), 'x')) text += part
  return text
}

const pieces = fc.constantFrom(
  'a',
  'é',
  '漢',
  '🙂',
  [0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f],
  [0xff],
  [0xed, 0xa0, 0x80],
)
const mixed = fc
  .array(pieces, { maxLength: 12 })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))))

it('gives what a strict decoder gives, or names the first byte that is not UTF-8, in chunks of any size', async () => {
  await fc.assert(
    fc.asyncProperty(mixed, fc.integer({ min: 1, max: 9 }), async (bytes, length) => {
      const result = await decode(bytes, length).catch((error: unknown) => error)
      if (isUtf8(bytes)) {
        expect(result).toBe(new TextDecoder().decode(bytes))
        return
      }
      expect(result).toBeInstanceOf(DataError)
      const byte = (result as DataError).details.byte as number
      expect(isUtf8(bytes.subarray(0, byte))).toBe(true)
      for (const characterLength of [1, 2, 3, 4]) {
        const next = bytes.subarray(byte, byte + characterLength)
        if (next.length === characterLength) expect(isUtf8(next)).toBe(false)
      }
    }),
    { numRuns: 2000 },
  )
})

it('drops the mark at the beginning alone', async () => {
  for (const length of [1, 2, 3, 10]) {
    expect(await decode(Buffer.from('\ufeffa\ufeff'), length)).toBe('a\ufeff')
    expect(await decode(Buffer.from('\ufeff'), length)).toBe('')
    expect(await decode(Buffer.from('é'), length)).toBe('é')
  }
})

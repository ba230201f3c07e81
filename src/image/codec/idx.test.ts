import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { readIdxHeader, readIdxLabels, readIdxPictures } from './idx.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-idx-'))
afterAll(() => rmSync(root, { recursive: true }))

const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(root, name), bytes)
  return join(root, name)
}
/** The head of the format by hand: 0, 0, uint8 (8), how many sizes, the sizes. */
const idx = (sizes: readonly number[], content: Uint8Array) =>
  Buffer.concat([
    Buffer.from([0, 0, 8, sizes.length, ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255])]),
    content,
  ])
const pictures = Uint8Array.from({ length: 3 * 2 * 5 }, (_, i) => i)
const all = async (path: string) => {
  const read: number[][] = []
  for await (const pixels of readIdxPictures(path)) read.push([...pixels])
  return read
}

describe('readIdxPictures', () => {
  it('gives each picture, plain or gzipped', async () => {
    const wanted = [0, 1, 2].map((i) => [...pictures.subarray(10 * i, 10 * i + 10)])
    const bytes = idx([3, 2, 5], pictures)
    for (const path of [file('a-idx3-ubyte', bytes), file('a-idx3-ubyte.gz', gzipSync(bytes))]) {
      expect(await readIdxHeader(path)).toEqual({ pictures: 3, height: 2, width: 5 })
      expect(await all(path)).toEqual(wanted)
    }
  })

  it('gives pictures that lie across pieces of the file', async () => {
    const many = Uint8Array.from({ length: 400 * 28 * 28 }, (_, i) => (i * 31) % 251)
    const read = await all(file('many-idx3-ubyte', idx([400, 28, 28], many)))
    expect(read).toHaveLength(400)
    expect(Buffer.from(read.flat()).equals(many)).toBe(true)
  })

  it('gives what is whole of a file that is cut short, then says so', async () => {
    const path = file('cut-idx3-ubyte', idx([3, 2, 5], pictures).subarray(0, 16 + 25))
    const read: number[][] = []
    const reading = async () => {
      for await (const pixels of readIdxPictures(path)) read.push([...pixels])
    }
    await expect(reading()).rejects.toThrow(/cut-idx3-ubyte: got 2 pictures, wanted the 3 that its head names; get it/)
    expect(read).toHaveLength(2)
    const noise = Uint8Array.from({ length: 7840 }, (_, i) => (i * i * i * 7 + (i >> 3)) % 251)
    const packed = gzipSync(idx([10, 28, 28], noise))
    const torn = file('torn-idx3-ubyte.gz', packed.subarray(0, packed.length >> 1))
    await expect(all(torn)).rejects.toThrow(/the gzip file is cut short/)
  })

  it('refuses other formats', async () => {
    await expect(readIdxHeader(file('b-idx3-ubyte', Buffer.from('hello, this is text')))).rejects.toThrow(/not an IDX/)
    await expect(readIdxHeader(file('c-idx3-ubyte', idx([3, 0, 5], pictures)))).rejects.toThrow(/got pictures of 5 × 0/)
    await expect(all(file('d-idx3-ubyte', Buffer.alloc(0)))).rejects.toThrow(/not an IDX file/)
  })
})

describe('readIdxLabels', () => {
  it('gives the labels, and refuses a file of another length', async () => {
    const bytes = idx([4], Uint8Array.of(9, 0, 3, 1))
    for (const path of [file('l-idx1-ubyte', bytes), file('l-idx1-ubyte.gz', gzipSync(bytes))]) {
      expect([...(await readIdxLabels(path))]).toEqual([9, 0, 3, 1])
    }
    await expect(readIdxLabels(file('short-idx1-ubyte', bytes.subarray(0, 11)))).rejects.toThrow(
      /got 3 labels, wanted 4/,
    )
    await expect(readIdxLabels(file('p-idx1-ubyte', idx([1, 2, 5], pictures)))).rejects.toThrow(
      /not an IDX file of uint8/,
    )
  })
})

import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../errors.ts'
import { Canvas, countOf, type Pictures, pictureAt } from './canvas.ts'
import { animationFormat, encodeAnimation, encodeGrid, encodePicture, gridOf, pictureFormat } from './encode.ts'
import { writeLine } from './glyphs.ts'
import { encodePairs, encodeSheet } from './sheet.ts'

/** n pictures of one shade each: 10, 20, 30… in every plane but alpha. */
function shades(n: number, channels: 1 | 3 | 4, imageSize = 2): Pictures {
  const plane = imageSize * imageSize
  const pixels = new Uint8Array(n * channels * plane)
  for (let i = 0; i < n * channels; i++)
    pixels.fill(i % channels === 3 ? 255 : 10 * (Math.floor(i / channels) + 1), i * plane, (i + 1) * plane)
  return { pixels, channels, imageSize }
}

/** Four pixels a, b above c, d. */
const square = (...planes: number[][]): Pictures => ({
  pixels: Uint8Array.from(planes.flat()),
  channels: planes.length as 1 | 3 | 4,
  imageSize: 2,
})

async function rawOf(file: Uint8Array) {
  const { data, info } = await sharp(file).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { data: [...data], info }
}

describe('a picture', () => {
  test('has its planes interleaved, each pixel as wide as asked for', async () => {
    const rgb = square([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12])
    expect((await rawOf(await encodePicture(rgb))).data).toEqual([1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12])
    const twice = (await rawOf(await encodePicture(square([1, 2, 3, 4]), { scale: 2, format: 'webp' }))).data
    expect(twice.filter((_, i) => i % 3 === 0)).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
  })

  test('takes any size: the nearest pixel', async () => {
    const { data, info } = await rawOf(await encodePicture(square([1, 2, 3, 4]), { size: 3 }))
    expect(info.width).toBe(3)
    expect(data.filter((_, i) => i % 3 === 0)).toEqual([1, 2, 2, 3, 4, 4, 3, 4, 4])
  })

  test('keeps colours beneath full transparency, in both formats', async () => {
    const clear = square([200, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [0, 255, 0, 128])
    for (const format of ['png', 'webp'] as const) {
      const { data } = await rawOf(await encodePicture(clear, { format }))
      expect(data.slice(0, 8)).toEqual([200, 5, 9, 0, 2, 6, 10, 255])
    }
  })

  test('is grey in the file where it is grey, and holds neither time nor text', async () => {
    const file = await encodePicture(shades(1, 1))
    expect((await sharp(file).metadata()).channels).toBe(1)
    expect(Buffer.from(file).toString('latin1')).not.toMatch(/tIME|tEXt|iTXt|eXIf|zTXt/)
    expect(Buffer.from(await encodePicture(shades(1, 1))).equals(file)).toBe(true)
  })
})

describe('a grid', () => {
  test('has picture i in column i mod columns, gaps around, white where nothing is', () => {
    const canvas = gridOf(shades(3, 1, 1), { columns: 2, gap: 1 })
    expect([canvas.width, canvas.height]).toEqual([5, 5])
    const w = 255
    expect([...canvas.pixels]).toEqual(
      [
        [w, w, w, w, w],
        [w, 10, w, 20, w],
        [w, w, w, w, w],
        [w, 30, w, w, w],
        [w, w, w, w, w],
      ].flat(),
    )
  })

  test('leaves what is not there transparent where pictures have an alpha plane', async () => {
    const { data } = await rawOf(await encodeGrid(shades(1, 4, 1), { gap: 1 }))
    expect(data.slice(0, 4)).toEqual([0, 0, 0, 0])
    expect(data.slice(16, 20)).toEqual([10, 10, 10, 255])
  })

  test('is about as wide as high where no number of columns is given', () => {
    expect(gridOf(shades(7, 3), { gap: 0 })).toMatchObject({ width: 6, height: 6 })
    expect(gridOf(shades(2, 3), { gap: 0, columns: 8 })).toMatchObject({ width: 4, height: 2 })
  })

  test('refuses no pictures, and values that are no whole pictures', async () => {
    await expect(encodeGrid({ ...shades(0, 3) })).rejects.toThrow('a grid of no pictures')
    await expect(encodeAnimation({ ...shades(0, 3) })).rejects.toThrow('an animation of no frames')
    expect(() => countOf({ pixels: new Uint8Array(5), channels: 1, imageSize: 2 })).toThrow(
      'got 5 values, wanted pictures of 1 × 2 × 2',
    )
  })
})

test('what no file can hold is refused before it is made', async () => {
  await expect(encodePicture(shades(1, 1), { size: 20_000, format: 'webp' })).rejects.toThrow(
    'render: it would be 20000 × 20000 pixels, webp goes up to 16383 a side',
  )
  await expect(encodePicture(shades(1, 3), { size: 40_000 })).rejects.toThrow('too many for one file')
})

describe('an animation', () => {
  test.for(['webp', 'gif'] as const)('as %s has every frame, its time and its loop', async (format) => {
    const file = await encodeAnimation(shades(5, 3, 4), { format, delayMs: 70, scale: 2 })
    const found = await sharp(file, { animated: true }).metadata()
    expect(found).toMatchObject({ format, pages: 5, loop: 0, pageHeight: 8, width: 8, delay: [70, 70, 70, 70, 70] })
    const { data } = await rawOf(await sharp(file, { page: 3 }).removeAlpha().png().toBuffer())
    expect(Math.abs(data[0]! - 40)).toBeLessThanOrEqual(format === 'gif' ? 4 : 0)
  })
})

describe('a sheet', () => {
  test('has each pair side by side with its label above', async () => {
    const sheet = await encodePairs(shades(3, 3), shades(3, 3), { columns: 2, scale: 4, labels: ['1', '', 'x'] })
    const { data, info } = await rawOf(sheet)
    expect([info.width, info.height]).toEqual([2 * (8 + 1 + 8 + 8) + 8, 2 * (8 + 7 + 8) + 8])
    const at = (x: number, y: number) => data[(y * info.width + x) * 3]
    expect([at(8, 15), at(17, 15), at(16, 15), at(33, 15), at(8, 38)]).toEqual([10, 10, 255, 20, 30])
    // The 1's stem: its second column, from its first row to its last.
    expect([8, 9, 10, 11, 12].map((y) => at(9, y))).toEqual([0, 0, 0, 0, 0])
  })

  test('refuses sets that differ', async () => {
    await expect(encodeSheet([shades(2, 3), shades(3, 3)])).rejects.toThrow(ConfigError)
  })

  test('cuts a label off where the room ends, and writes letters without their accents', () => {
    const [accented, plain] = [new Canvas(8, 5, 1), new Canvas(8, 5, 1)]
    writeLine(accented, 'éàz', 0, 0, 8)
    writeLine(plain, 'EA', 0, 0, 8)
    expect(accented.pixels).toEqual(plain.pixels)
    expect(plain.pixels.some((value) => value === 0)).toBe(true)
  })
})

test('an extension names the format, and others are refused', () => {
  expect([pictureFormat('a.PNG'), pictureFormat('b.webp'), animationFormat('c.gif')]).toEqual(['png', 'webp', 'gif'])
  expect(() => pictureFormat('a.jpg')).toThrow("write a.jpg: a picture ends in .png or .webp, got '.jpg'")
  expect(() => animationFormat('a.png')).toThrow("an animation ends in .webp or .gif, got '.png'")
})

test('one of some pictures is a view of them', () => {
  expect([...pictureAt(shades(3, 1), 1).pixels]).toEqual([20, 20, 20, 20])
})

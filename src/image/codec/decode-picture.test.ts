import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { decodePicture } from './decode-picture.ts'
import { type Fit, type PictureShape, parseColour } from './picture.ts'
import { svgDensity } from './svg-density.ts'

const shape = (changes: Partial<PictureShape> = {}): PictureShape => {
  return { size: 4, planes: 3, fit: 'cover', background: [255, 255, 255], ...changes }
}
const decode = (bytes: Uint8Array, changes: Partial<PictureShape> = {}) =>
  decodePicture({ kind: 'file', bytes }, shape(changes))

/** 8 × 4: the left half red, the right half blue. */
const twoColours = () => {
  const pixels = Buffer.alloc(8 * 4 * 3)
  for (let i = 0; i < 32; i++) pixels[3 * i + (i % 8 < 4 ? 0 : 2)] = 255
  return sharp(pixels, { raw: { width: 8, height: 4, channels: 3 } })
}
const plain = (colour: { r: number; g: number; b: number; alpha?: number }, side = 16) =>
  sharp({ create: { width: side, height: side, channels: colour.alpha === undefined ? 3 : 4, background: colour } })
const near = (got: Uint8Array, wanted: readonly number[], tolerance: number) => {
  const area = got.length / wanted.length
  const planes = wanted.map((_, plane) => got.subarray(plane * area, (plane + 1) * area))
  for (const [plane, values] of planes.entries())
    for (const value of values) expect(Math.abs(value - wanted[plane]!)).toBeLessThanOrEqual(tolerance)
}

describe('decodePicture', () => {
  it('gives planes, rows from the top, and parts colours', async () => {
    const pixels = Uint8Array.from({ length: 16 * 3 }, (_, i) => i * 5)
    const png = await sharp(pixels, { raw: { width: 4, height: 4, channels: 3 } })
      .png()
      .toBuffer()
    const wanted = [0, 1, 2].flatMap((plane) => Array.from({ length: 16 }, (_, pixel) => pixels[3 * pixel + plane]!))
    expect([...(await decode(png))]).toEqual(wanted)
  })

  it.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)('reads %s', async (format) => {
    const file = await plain({ r: 200, g: 100, b: 50 }, 64)[format]().toBuffer()
    near(await decode(file), [200, 100, 50], 4)
  })

  it('fits by cutting, by bars of the background, or by stretching', async () => {
    const png = await twoColours().png().toBuffer()
    const fitted = async (fit: Fit, size: number) => [...(await decode(png, { fit, size, background: [1, 2, 3] }))]
    const [red, blue] = [
      [255, 255, 0, 0],
      [0, 0, 255, 255],
    ]
    const row = (plane: number[]) => [plane, plane, plane, plane].flat()
    expect(await fitted('cover', 4)).toEqual([...row(red!), ...row([0, 0, 0, 0]), ...row(blue!)])
    const contained = await fitted('contain', 8)
    for (const [plane, bar] of [1, 2, 3].entries()) {
      const rows = Array.from({ length: 8 }, (_, y) => contained.slice(64 * plane + 8 * y, 64 * plane + 8 * y + 8))
      for (const y of [0, 1, 6, 7]) expect(rows[y]).toEqual(Array(8).fill(bar))
      expect(rows[3]![1]).toBe(plane === 0 ? 255 : 0)
      expect(rows[3]![6]).toBe(plane === 2 ? 255 : 0)
    }
    const stretched = await fitted('stretch', 4)
    expect([stretched[0], stretched[3], stretched[32], stretched[35]]).toEqual([255, 0, 0, 255])
  })

  it('lays transparent pictures on the background, or keeps their opacity', async () => {
    const half = await plain({ r: 200, g: 0, b: 0, alpha: 0.5 }).png().toBuffer()
    near(await decode(half), [227, 127, 127], 1)
    near(await decode(half, { background: [0, 0, 0] }), [100, 0, 0], 1)
    near(await decode(half, { planes: 4 }), [200, 0, 0, 128], 1)
    const clear = await plain({ r: 9, g: 9, b: 9, alpha: 0 }).png().toBuffer()
    expect([...(await decode(clear, { planes: 4, size: 1 }))]).toEqual([255, 255, 255, 0])
    near(await decode(await plain({ r: 1, g: 2, b: 3 }).png().toBuffer(), { planes: 4 }), [1, 2, 3, 255], 0)
  })

  it('reads grey, 16-bit, CMYK and grey with opacity', async () => {
    const grey = plain({ r: 90, g: 90, b: 90 })
    near(await decode(await grey.clone().toColourspace('b-w').png().toBuffer()), [90, 90, 90], 0)
    near(await decode(await grey.clone().toColourspace('grey16').png().toBuffer()), [90, 90, 90], 1)
    near(
      await decode(await plain({ r: 200, g: 100, b: 50 }).toColourspace('rgb16').png().toBuffer()),
      [200, 100, 50],
      1,
    )
    const cmyk = await plain({ r: 200, g: 100, b: 50 }).toColourspace('cmyk').jpeg().toBuffer()
    expect((await sharp(cmyk).metadata()).channels).toBe(4)
    near(await decode(cmyk), [200, 100, 50], 40)
    near(await decode(await grey.clone().ensureAlpha(0).toColourspace('b-w').png().toBuffer()), [255, 255, 255], 0)
  })

  it('keeps one plane of what is grey when it may choose, by ITU-R BT.601 when it must', async () => {
    const grey = await plain({ r: 90, g: 90, b: 90 }).png().toBuffer()
    expect([...(await decode(grey, { planes: 'auto', size: 2 }))]).toEqual([90, 90, 90, 90])
    const colour = await plain({ r: 200, g: 100, b: 50 }).png().toBuffer()
    expect(await decode(colour, { planes: 'auto' })).toHaveLength(48)
    expect([...(await decode(colour, { planes: 1, size: 1 }))]).toEqual([Math.round(0.299 * 200 + 58.7 + 5.7)])
  })

  it('takes the first frame of an animation', async () => {
    const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 255), Buffer.alloc(8 * 8 * 3, 0)])
    const raw = { width: 8, height: 16, channels: 3, pageHeight: 8 } as const
    for (const format of ['gif', 'webp'] as const) {
      const file = await sharp(frames, { raw })
        [format]({ delay: [100, 100] })
        .toBuffer()
      expect((await sharp(file).metadata()).pages).toBe(2)
      near(await decode(file), [255, 255, 255], 2)
    }
  })

  it('turns a photograph as its camera noted', async () => {
    const turned = await twoColours().png().withMetadata({ orientation: 3 }).toBuffer()
    const planes = await decode(turned)
    expect([planes[0], planes[3]]).toEqual([0, 255])
  })

  it('draws an svg as sharp as it is wanted, whatever size it says', async () => {
    const svg = (size: string) =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 2 2"><rect width="1" height="2" fill="#f00"/></svg>`,
      )
    for (const size of ['width="2" height="2"', 'width="3000" height="3000"', '']) {
      const planes = await decode(svg(size), { size: 8 })
      expect([...planes.subarray(64, 72)]).toEqual([0, 0, 0, 0, 255, 255, 255, 255])
    }
  })

  it('gives the reason for what cannot be read', async () => {
    const reason = (bytes: Uint8Array) => decode(bytes).catch((error: unknown) => error)
    const noise = sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 99, sigma: 40 },
      },
    })
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const) {
      const file = await noise.clone()[format]().toBuffer()
      const error = await reason(file.subarray(0, Math.floor(file.length * 0.6)))
      expect(error, format).toBeInstanceOf(DataError)
      expect((error as Error).message).not.toContain('\n')
    }
    const bomb = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="100000000"><rect/></svg>')
    expect(await reason(bomb)).toMatchObject({ message: 'more than 64 megapixels' })
    expect(await reason(Buffer.from('hello'))).toMatchObject({
      message: expect.stringMatching(/not a picture in a form/),
    })
    expect(await reason(Buffer.alloc(0))).toMatchObject({ message: 'an empty file' })
  })

  it('refuses more pixels than 64 million in a file of a few kilobytes', async () => {
    const bomb = pngOfZeros(9000, 8000)
    expect(bomb.length).toBeLessThan(20_000)
    await expect(decode(bomb)).rejects.toThrow('more than 64 megapixels')
    near(await decode(pngOfZeros(90, 80)), [0, 0, 0], 0)
  })
})

/** A png of one bit a pixel, all of them 0. */
function pngOfZeros(width: number, height: number): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const rows = deflateSync(Buffer.alloc(height * (Math.ceil(width / 8) + 1)))
  const magic = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([magic, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

describe('grey pixels', () => {
  const pixels = Uint8Array.from({ length: 28 * 28 }, (_, i) => 1 + (i % 200))
  const grey = { kind: 'grey', pixels, width: 28, height: 28 } as const

  it('get a frame of zeros where they are a little smaller', async () => {
    const framed = await decodePicture(grey, shape({ size: 32, planes: 'auto' }))
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const inside = x >= 2 && x < 30 && y >= 2 && y < 30
        expect(framed[32 * y + x]).toBe(inside ? pixels[28 * (y - 2) + x - 2] : 0)
      }
    }
    expect(await decodePicture(grey, shape({ size: 28, planes: 1 }))).toEqual(pixels)
  })

  it('are resized to other sizes, and become colour when they must', async () => {
    const flat = { ...grey, pixels: new Uint8Array(784).fill(77) }
    for (const size of [16, 64]) {
      expect(await decodePicture(flat, shape({ size, planes: 'auto' }))).toEqual(new Uint8Array(size * size).fill(77))
      near(await decodePicture(flat, shape({ size, planes: 4 })), [77, 77, 77, 255], 0)
    }
    near(await decodePicture(flat, shape({ size: 28, planes: 3 })), [77, 77, 77], 0)
  })
})

describe('svgDensity', () => {
  it('makes the side that counts as long as it is wanted', () => {
    expect(svgDensity(32, 32, 64, 'cover')).toBe(144)
    expect(svgDensity(200, 100, 50, 'cover')).toBe(36)
    expect(svgDensity(200, 100, 50, 'contain')).toBe(18)
    expect(svgDensity(0, 0, 64, 'cover')).toBe(1e5)
  })
})

describe('parseColour', () => {
  it('reads names and hexadecimal digits and says what it wants', () => {
    expect(parseColour('White')).toEqual([255, 255, 255])
    expect(parseColour('#1a2B3c')).toEqual([26, 43, 60])
    expect(parseColour('#f0a')).toEqual([255, 0, 170])
    expect(() => parseColour('beige')).toThrow(/background: got beige, wanted #rrggbb, white or black/)
  })
})

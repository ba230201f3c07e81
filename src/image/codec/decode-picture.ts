import sharp, { type Sharp } from 'sharp'
import { DataError } from '../../errors.ts'
import type { Fit, PictureContent, PictureShape } from './picture.ts'
import { greyPlanes, planesOfGrey, planesOfRgba } from './planes.ts'
import { plainDensity, svgDensity } from './svg-density.ts'

/** Pixels of the largest picture that is decoded: a small file can claim to be gigantic. */
export const mostPixels = 64e6

/**
 * Decodes a picture to uint8 planes [C, S, S], where C follows from the length: png, jpg, webp, gif and animated others
 * (their first frame), avif, svg (drawn at the size that is wanted) and tiff; grey, CMYK and 16-bit ones come out in
 * 8-bit sRGB, turned as their EXIF says. Throws `DataError` whose message is the reason alone: corrupt, cut short,
 * another format, more than {@link mostPixels}.
 */
export async function decodePicture(content: PictureContent, shape: PictureShape): Promise<Uint8Array> {
  if (content.kind === 'grey') return decodeGrey(content, shape)
  try {
    const density = isSvg(content.bytes) ? { density: await densityFor(content.bytes, shape) } : {}
    const image = sharp(content.bytes, { ...limits, ...density })
    const upright = image.autoOrient().toColourspace('srgb').ensureAlpha()
    return planesOfRgba(await resized(upright, shape), shape)
  } catch (cause) {
    throw pictureError(cause)
  }
}

const limits = { limitInputPixels: mostPixels, failOn: 'error' } as const

/**
 * Grey pixels that are at most an eighth smaller than the wanted size get a frame of zeros, as is usual for the MNIST
 * family (28 × 28 → 32 × 32); others are resized.
 */
async function decodeGrey(content: PictureContent & { kind: 'grey' }, shape: PictureShape): Promise<Uint8Array> {
  const { pixels, width, height } = content
  const framed = greyPlanes(content, shape.size)
  if (framed) return planesOfGrey(framed, shape.planes)
  const raw = { width, height, channels: 1 } as const
  const image = sharp(pixels, { raw, limitInputPixels: mostPixels }).toColourspace('srgb').ensureAlpha()
  return planesOfRgba(await resized(image, shape), shape)
}

const sharpFits: Readonly<Record<Fit, 'cover' | 'contain' | 'fill'>> = {
  cover: 'cover',
  contain: 'contain',
  stretch: 'fill',
}

async function resized(image: Sharp, { size, fit }: PictureShape): Promise<Uint8Array> {
  const clear = { r: 0, g: 0, b: 0, alpha: 0 }
  return image.resize(size, size, { fit: sharpFits[fit], background: clear }).raw({ depth: 'uchar' }).toBuffer()
}

/** Whether bytes look like a text that begins with a tag. */
function isSvg(bytes: Uint8Array): boolean {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 256)).replace(/^\u00ef\u00bb\u00bf/, '')
  return /^\s*</.test(start)
}

async function densityFor(bytes: Uint8Array, { size, fit }: PictureShape): Promise<number> {
  const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata()
  const density = svgDensity(width, height, size, fit)
  if (width * height * (density / plainDensity) ** 2 > mostPixels) throw new Error('pixel limit')
  return density
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/unsupported image format/, 'not a picture in a format that is read: png, jpg, webp, gif, avif, svg, tiff'],
  [/pixel limit/, `more than ${mostPixels / 1e6} megapixels`],
  [/Buffer is empty/, 'an empty file'],
]

function pictureError(cause: unknown): DataError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const known = reasons.find(([pattern]) => pattern.test(message))?.[1]
  const line = message.split('\n').filter(Boolean).at(-1) ?? ''
  return new DataError(known ?? `corrupt or cut short (${line.trim().slice(0, 120)})`, {}, { cause })
}

import { extname } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { ConfigError } from '../../errors.ts'
import { Canvas, checkCanvas, countOf, type Pictures } from './canvas.ts'

/** Kinds of files that a picture is written as, both lossless. */
export type PictureFormat = 'png' | 'webp'
/** Kinds of files that frames are written as: WebP is lossless, GIF has 256 colours at most. */
export type AnimationFormat = 'webp' | 'gif'

/** How large a picture becomes: each pixel `scale` times as wide, or all of it `size` pixels wide. */
export interface Enlargement {
  /** A whole number from 1; 1 by default. */
  readonly scale?: number
  /** Pixels from 1; wins over `scale`. */
  readonly size?: number
}

/** The format that a file's extension names. Throws {@link ConfigError} for others. */
export function pictureFormat(path: string): PictureFormat {
  return formatOf(path, ['png', 'webp'], 'a picture')
}

/** {@link pictureFormat} of an animation. */
export function animationFormat(path: string): AnimationFormat {
  return formatOf(path, ['webp', 'gif'], 'an animation')
}

function formatOf<Format extends string>(path: string, formats: readonly Format[], what: string): Format {
  const extension = extname(path).toLowerCase()
  const found = formats.find((format) => extension === `.${format}`)
  if (found) return found
  const wanted = formats.map((format) => `.${format}`).join(' or ')
  throw new ConfigError(`write ${path}: ${what} ends in ${wanted}, got '${extension}'; choose another name`, { path })
}

/** A picture's side after enlargement, in pixels. */
export function enlargedSide(imageSize: number, { scale = 1, size }: Enlargement = {}): number {
  return size ?? imageSize * scale
}

/** The index-th of some pictures as a file, lossless and without a timestamp: the same pixels, the same bytes. */
export async function encodePicture(
  pictures: Pictures,
  options: Enlargement & { readonly index?: number; readonly format?: PictureFormat } = {},
): Promise<Uint8Array> {
  const { index = 0, format = 'png' } = options
  const side = enlargedSide(pictures.imageSize, options)
  const canvas = new Canvas(side, side, pictures.channels)
  canvas.draw(pictures, index, 0, 0, side)
  return encodeCanvas(canvas, format)
}

/** How pictures stand beside each other. */
export interface GridOptions extends Enlargement {
  /** Pictures in a row; as many as rows by default, or one more. */
  readonly columns?: number
  /** Pixels between pictures and around them, after enlargement; 2 by default. */
  readonly gap?: number
  readonly format?: PictureFormat
}

/**
 * All pictures as one, row by row, on white (on nothing, where they have an alpha plane), lossless: picture i stands
 * in column i mod `columns`. Throws {@link ConfigError} where there are none.
 */
export async function encodeGrid(pictures: Pictures, options: GridOptions = {}): Promise<Uint8Array> {
  return encodeCanvas(gridOf(pictures, options), options.format ?? 'png')
}

/** {@link encodeGrid}, before it is a file. */
export function gridOf(pictures: Pictures, options: GridOptions = {}): Canvas {
  const n = countOf(pictures)
  if (n === 0) throw new ConfigError('render: a grid of no pictures; give one or more')
  const { across, step, gap, width, height } = gridLayout(n, pictures, options)
  const canvas = new Canvas(width, height, pictures.channels)
  for (let i = 0; i < n; i++) {
    const [left, top] = [gap + (i % across) * step, gap + Math.floor(i / across) * step]
    canvas.draw(pictures, i, left, top, step - gap)
  }
  return canvas
}

function gridLayout(n: number, { imageSize }: Pick<Pictures, 'imageSize'>, options: GridOptions) {
  const { columns = Math.ceil(Math.sqrt(n)), gap = 2 } = options
  const across = Math.min(columns, n)
  const step = enlargedSide(imageSize, options) + gap
  return { across, step, gap, width: across * step + gap, height: Math.ceil(n / across) * step + gap }
}

/** Throws {@link ConfigError} where `n` pictures will not fit into a grid's file: known before they are painted. */
export function checkGrid(n: number, shape: Omit<Pictures, 'pixels'>, options: GridOptions = {}): void {
  const { width, height } = gridLayout(n, shape, options)
  checkCanvas(width, height, shape.channels)
  checkSize(width, height, options.format ?? 'png')
}

/** {@link checkGrid} of `n` frames of an animation. */
export function checkAnimation(n: number, shape: Omit<Pictures, 'pixels'>, options: AnimationOptions = {}): void {
  const side = enlargedSide(shape.imageSize, options)
  checkCanvas(side, side * n, shape.channels)
  checkSize(side, side, options.format ?? 'webp')
}

/** How frames follow each other. */
export interface AnimationOptions extends Enlargement {
  /** Milliseconds that each frame stands; 50 by default. GIF counts in hundredths of a second. */
  readonly delayMs?: number
  /** How often it plays; 0, the default, is forever. */
  readonly loop?: number
  readonly format?: AnimationFormat
}

/** Pictures as the frames of an animation, in order. Throws {@link ConfigError} where there are none. */
export async function encodeAnimation(pictures: Pictures, options: AnimationOptions = {}): Promise<Uint8Array> {
  const n = countOf(pictures)
  if (n === 0) throw new ConfigError('render: an animation of no frames; give one or more')
  const { delayMs = 50, loop = 0, format = 'webp' } = options
  const side = enlargedSide(pictures.imageSize, options)
  const canvas = new Canvas(side, side * n, pictures.channels)
  for (let i = 0; i < n; i++) canvas.draw(pictures, i, 0, i * side, side)
  checkSize(side, side, format)
  const frames = sharpOf(canvas, side)
  const timing = { loop, delay: new Array<number>(n).fill(delayMs) }
  if (format === 'gif') return frames.gif({ ...timing, dither: 0 }).toBuffer()
  return frames.webp({ ...timing, lossless: true, exact: true }).toBuffer()
}

/** A canvas as a file. */
export async function encodeCanvas(canvas: Canvas, format: PictureFormat): Promise<Uint8Array> {
  checkSize(canvas.width, canvas.height, format)
  const image = sharpOf(canvas)
  if (format === 'webp') return image.webp({ lossless: true, exact: true }).toBuffer()
  return image.png({ compressionLevel: 9, adaptiveFiltering: false }).toBuffer()
}

/** The longest side that a format can have, in pixels; PNG's is ours, so that nobody asks for the machine's memory. */
const longest = { png: 65_535, webp: 16_383, gif: 65_535 } as const

function checkSize(width: number, height: number, format: PictureFormat | AnimationFormat): void {
  if (Math.max(width, height) <= longest[format]) return
  throw new ConfigError(
    `render: it would be ${width} × ${height} pixels, ${format} goes up to ${longest[format]} a side; make pictures smaller or fewer`,
    { width, height, format },
  )
}

function sharpOf({ pixels, width, height, channels }: Canvas, pageHeight?: number): Sharp {
  const raw = { width, height, channels, ...(pageHeight === undefined ? {} : { pageHeight }) }
  const image = sharp(pixels, { raw, limitInputPixels: false })
  return channels === 1 ? image.toColourspace('b-w') : image
}

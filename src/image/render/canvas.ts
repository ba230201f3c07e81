import { ConfigError } from '../../errors.ts'

/** Square pictures as models take and give them: planes, one picture after the other. */
export interface Pictures {
  /** uint8 [n, channels, imageSize, imageSize], 0 to 255. */
  readonly pixels: Uint8Array
  /** Colour planes: grey, RGB, RGBA (not premultiplied). */
  readonly channels: 1 | 3 | 4
  /** Side in pixels. */
  readonly imageSize: number
}

/** How many pictures there are. Throws {@link ConfigError} for pixels that are no whole number of pictures. */
export function countOf({ pixels, channels, imageSize }: Pictures): number {
  const each = channels * imageSize * imageSize
  if (each > 0 && pixels.length % each === 0) return pixels.length / each
  throw new ConfigError(
    `render: got ${pixels.length} values, wanted pictures of ${channels} × ${imageSize} × ${imageSize}; check the shape`,
    { values: pixels.length, channels, imageSize },
  )
}

/** One of some pictures, by its index. */
export function pictureAt({ pixels, channels, imageSize }: Pictures, index: number): Pictures {
  const each = channels * imageSize * imageSize
  return { pixels: pixels.subarray(index * each, (index + 1) * each), channels, imageSize }
}

/** Bytes of the largest canvas: more than any file needs, less than memory. */
const mostBytes = 2 ** 30

/** Throws {@link ConfigError} for a canvas beyond a gigabyte. */
export function checkCanvas(width: number, height: number, channels: number): void {
  if (width * height * channels <= mostBytes) return
  throw new ConfigError(
    `render: ${width} × ${height} pixels are too many for one file; make pictures smaller or fewer`,
    { width, height },
  )
}

/** A rectangle of interleaved pixels, row by row, which pictures are drawn into. */
export class Canvas {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  /** uint8 [height, width, channels]. */
  readonly pixels: Uint8Array

  /** A canvas of white, or, where it has an alpha plane, of nothing. Throws {@link ConfigError} beyond a gigabyte. */
  constructor(width: number, height: number, channels: 1 | 3 | 4, background = channels === 4 ? 0 : 255) {
    checkCanvas(width, height, channels)
    this.width = width
    this.height = height
    this.channels = channels
    this.pixels = new Uint8Array(width * height * channels).fill(background)
  }

  /** Draws the index-th picture with its corner at (left, top), `side` pixels wide: each the nearest of the picture's. */
  draw({ pixels, channels, imageSize }: Pictures, index: number, left: number, top: number, side = imageSize): void {
    const plane = imageSize * imageSize
    const first = index * channels * plane
    const nearest = Uint32Array.from({ length: side }, (_, i) => Math.floor(((i + 0.5) * imageSize) / side))
    for (let y = 0; y < side; y++) {
      const row = first + nearest[y]! * imageSize
      let to = ((top + y) * this.width + left) * this.channels
      for (let x = 0; x < side; x++) {
        const from = row + nearest[x]!
        for (let c = 0; c < this.channels; c++) this.pixels[to++] = pixels[from + c * plane]!
      }
    }
  }

  /** Makes a rectangle of one shade, opaque. */
  fill(left: number, top: number, width: number, height: number, shade: number): void {
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) {
        const at = (y * this.width + x) * this.channels
        this.pixels.fill(shade, at, at + Math.min(3, this.channels))
        if (this.channels === 4) this.pixels[at + 3] = 255
      }
  }
}

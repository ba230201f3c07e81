import type { Colour, PictureContent, PictureShape, Planes } from './picture.ts'

/**
 * Parts pixels [S, S, 4] into planes [C, S, S]. Without an opacity plane, the background shines through:
 * c = (c·a + background·(255 − a)) / 255. Grey is 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601).
 */
export function planesOfRgba(rgba: Uint8Array, { planes, background }: PictureShape): Uint8Array {
  const coloured = planes === 4 ? withOpacity(rgba, background) : onBackground(rgba, background)
  if (planes === 1 || (planes === 'auto' && isGrey(coloured))) return greyOf(coloured)
  return coloured
}

/** Planes of one plane [S, S] of grey. */
export function planesOfGrey(grey: Uint8Array, planes: Planes): Uint8Array {
  if (planes === 'auto' || planes === 1) return grey
  return widened(grey, planes)
}

/** Repeats a plane of grey as red, green and blue; a fourth plane is opaque. */
export function widened(grey: Uint8Array, planes: 3 | 4): Uint8Array {
  const all = new Uint8Array(planes * grey.length).fill(255)
  for (let plane = 0; plane < 3; plane++) all.set(grey, plane * grey.length)
  return all
}

/** Grey pixels in the middle of `size` × `size` zeros; undefined where they don't fit or the frame would be broad. */
export function greyPlanes(
  { pixels, width, height }: PictureContent & { kind: 'grey' },
  size: number,
): Uint8Array | undefined {
  const fits = (side: number) => side <= size && size - side <= size / 8
  if (!fits(width) || !fits(height)) return undefined
  const framed = new Uint8Array(size * size)
  const [left, top] = [(size - width) >> 1, (size - height) >> 1]
  for (let row = 0; row < height; row++) {
    framed.set(pixels.subarray(row * width, (row + 1) * width), (top + row) * size + left)
  }
  return framed
}

function onBackground(rgba: Uint8Array, background: Colour): Uint8Array {
  const area = rgba.length / 4
  const planes = new Uint8Array(3 * area)
  for (let pixel = 0; pixel < area; pixel++) {
    const opacity = rgba[4 * pixel + 3]!
    for (let plane = 0; plane < 3; plane++) {
      const over = rgba[4 * pixel + plane]! * opacity + background[plane]! * (255 - opacity)
      planes[plane * area + pixel] = Math.round(over / 255)
    }
  }
  return planes
}

/** What nobody sees has the background's colour, so that it is the same for pictures that look the same. */
function withOpacity(rgba: Uint8Array, background: Colour): Uint8Array {
  const area = rgba.length / 4
  const planes = new Uint8Array(4 * area)
  for (let pixel = 0; pixel < area; pixel++) {
    const opacity = rgba[4 * pixel + 3]!
    for (let plane = 0; plane < 3; plane++) {
      planes[plane * area + pixel] = opacity === 0 ? background[plane]! : rgba[4 * pixel + plane]!
    }
    planes[3 * area + pixel] = opacity
  }
  return planes
}

function isGrey(planes: Uint8Array): boolean {
  const area = planes.length / 3
  for (let pixel = 0; pixel < area; pixel++) {
    const red = planes[pixel]!
    if (planes[area + pixel] !== red || planes[2 * area + pixel] !== red) return false
  }
  return true
}

function greyOf(planes: Uint8Array): Uint8Array {
  const area = planes.length / 3
  const grey = new Uint8Array(area)
  for (let pixel = 0; pixel < area; pixel++) {
    const light = 0.299 * planes[pixel]! + 0.587 * planes[area + pixel]! + 0.114 * planes[2 * area + pixel]!
    grey[pixel] = Math.round(light)
  }
  return grey
}

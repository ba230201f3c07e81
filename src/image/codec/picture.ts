import { ConfigError } from '../../errors.ts'

/**
 * How a picture of another shape becomes a square: `cover` cuts off what stands over, from both sides alike; `contain`
 * leaves bars of the background; `stretch` keeps all and changes its proportions.
 */
export type Fit = 'cover' | 'contain' | 'stretch'

/** The names of {@link Fit}. */
export const fits: readonly Fit[] = ['cover', 'contain', 'stretch']

/** Red, green and blue, 0 to 255 each. */
export type Colour = readonly [number, number, number]

/** Colour planes: 1 grey, 3 colour, 4 colour and opacity; `auto` keeps one plane of a grey picture, else three. */
export type Planes = 'auto' | 1 | 3 | 4

/** What a decoded picture is to be: uint8 planes [C, S, S]. */
export interface PictureShape {
  /** Pixels a side, S. */
  readonly size: number
  readonly planes: Planes
  readonly fit: Fit
  /** What shines through where a picture is transparent, unless its opacity is kept. */
  readonly background: Colour
}

/** A picture before it is decoded: the bytes of a file of a known format, or grey pixels [height, width]. */
export type PictureContent =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'grey'; readonly pixels: Uint8Array; readonly width: number; readonly height: number }

const namedColours: Readonly<Record<string, Colour>> = { white: [255, 255, 255], black: [0, 0, 0] }

/** Reads a colour: `#rrggbb`, `#rgb`, `white` or `black`. Throws `ConfigError`. */
export function parseColour(text: string): Colour {
  const named = namedColours[text.toLowerCase()]
  if (named) return named
  const hex = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text)?.[1]
  if (hex === undefined) {
    throw new ConfigError(`background: got ${text.slice(0, 40)}, wanted #rrggbb, white or black`, { background: text })
  }
  const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex
  const value = Number.parseInt(digits, 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

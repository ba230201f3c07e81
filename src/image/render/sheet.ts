import { ConfigError } from '../../errors.ts'
import { Canvas, countOf, type Pictures } from './canvas.ts'
import { type Enlargement, encodeCanvas, enlargedSide, type PictureFormat } from './encode.ts'
import { glyphHeight, writeLine } from './glyphs.ts'

/** How pairs stand on a sheet. */
export interface SheetOptions extends Enlargement {
  /** Groups in a row; 4 by default. */
  readonly columns?: number
  /** A line above each group: capitals, digits and a few signs; a group's width cuts it off. */
  readonly labels?: readonly string[]
  readonly format?: PictureFormat
}

/** Pixels between the pictures of a group, and between groups. */
const within = 1
const between = 8

/**
 * Pictures side by side, `sets[0][i]` then `sets[1][i]` and so on as the i-th group, on one white sheet: samples beside
 * their nearest training pictures, originals beside reconstructions. Throws {@link ConfigError} where the sets differ in
 * number or form.
 */
export async function encodeSheet(sets: readonly Pictures[], options: SheetOptions = {}): Promise<Uint8Array> {
  const first = checked(sets)
  const n = countOf(first)
  const { columns = 4, labels, format = 'png' } = options
  const across = Math.min(columns, n)
  const side = enlargedSide(first.imageSize, options)
  const line = labels ? glyphHeight + 2 : 0
  const group = { width: sets.length * (side + within) - within + between, height: side + line + between }
  const size = [across * group.width + between, Math.ceil(n / across) * group.height + between] as const
  const canvas = new Canvas(...size, first.channels, 255)
  for (let i = 0; i < n; i++) {
    const [left, top] = [between + (i % across) * group.width, between + Math.floor(i / across) * group.height]
    if (labels) writeLine(canvas, labels[i] ?? '', left, top, group.width - between)
    for (const [k, set] of sets.entries()) canvas.draw(set, i, left + k * (side + within), top + line, side)
  }
  return encodeCanvas(canvas, format)
}

/** {@link encodeSheet} of two sets. */
export async function encodePairs(left: Pictures, right: Pictures, options: SheetOptions = {}): Promise<Uint8Array> {
  return encodeSheet([left, right], options)
}

function checked(sets: readonly Pictures[]): Pictures {
  const form = (set: Pictures) => `${countOf(set)} of ${set.channels} × ${set.imageSize} × ${set.imageSize}`
  const [first] = sets
  if (!first || countOf(first) === 0) throw new ConfigError('render: a sheet of no pictures; give one or more')
  const other = sets.find((set) => form(set) !== form(first))
  if (!other) return first
  throw new ConfigError(`render: the sets of a sheet differ, got ${form(first)} and ${form(other)}; make them alike`)
}

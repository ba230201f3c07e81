import { z } from 'zod'

const placement = {
  left: z.number().optional(),
  top: z.number().optional(),
  width: z.number().positive().optional(),
  height: z.number().positive().optional(),
}
const turns = { rotate: z.int().optional(), hFlip: z.boolean().optional(), vFlip: z.boolean().optional() }

/** An icon set in Iconify's JSON form (https://iconify.design/docs/types/iconify-json.html). */
export const iconSetSchema = z.object({
  prefix: z.string(),
  icons: z.record(z.string(), z.object({ body: z.string(), hidden: z.boolean().optional(), ...placement, ...turns })),
  aliases: z
    .record(z.string(), z.object({ parent: z.string(), hidden: z.boolean().optional(), ...placement, ...turns }))
    .optional(),
  ...placement,
})

/** What {@link iconSetSchema} reads. */
export type IconSet = z.infer<typeof iconSetSchema>

type Icon = IconSet['icons'][string]

/** Pixels a side where nothing says: Iconify's own default. */
const defaultSide = 16

/** The tones of skin that an emoji's name ends in. */
const tone = /-(light|medium-light|medium|medium-dark|dark)(-(light|medium-light|medium|medium-dark|dark))?$/

/**
 * The icons that are pictures of their own: not hidden, not another name for the same picture (but mirrored ones), and
 * not a tone of skin of an emoji that is there without one. By name, in the set's order.
 */
export function iconsOf({ icons, aliases = {} }: IconSet): Map<string, Icon> {
  const own = new Map(Object.entries(icons))
  for (const [name, { parent, ...changes }] of Object.entries(aliases)) {
    const icon = icons[parent]
    if (icon && (changes.hFlip || changes.vFlip || changes.rotate)) own.set(name, { ...icon, ...changes })
  }
  const isTone = (name: string) => tone.test(name) && own.has(name.replace(tone, ''))
  return new Map([...own].filter(([name, { hidden }]) => !hidden && !isTone(name)))
}

/** An icon as a file: what `currentColor` stands for is black. */
export function svgOf(icon: Icon, set: IconSet): string {
  const size = (side: 'width' | 'height') => icon[side] ?? set[side] ?? defaultSide
  const [width, height] = [size('width'), size('height')]
  const [left, top] = [icon.left ?? set.left ?? 0, icon.top ?? set.top ?? 0]
  const head = `xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"`
  const box = `width="${width}" height="${height}" viewBox="${left} ${top} ${width} ${height}"`
  return `<svg ${head} ${box}>${turned(icon, left + width / 2, top + height / 2)}</svg>`
}

/** Mirrors and turns about the middle; a quarter turn keeps the box, which is square in such sets. */
function turned({ body, rotate = 0, hFlip, vFlip }: Icon, x: number, y: number): string {
  if (rotate % 4 === 0 && !hFlip && !vFlip) return body
  const mirror = `translate(${x} ${y}) rotate(${90 * rotate}) scale(${hFlip ? -1 : 1} ${vFlip ? -1 : 1}) translate(${-x} ${-y})`
  return `<g transform="${mirror}">${body}</g>`
}

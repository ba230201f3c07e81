import type { Fit } from './picture.ts'

/** Dots an inch at which a drawing has the pixels that it says. */
export const plainDensity = 72

/**
 * The density at which an svg of `width` × `height` is drawn with just the pixels that are wanted: the longer side is
 * `size` where all of it is to be contained, else the shorter. From 1 to 100,000, which are sharp's bounds.
 */
export function svgDensity(width: number, height: number, size: number, fit: Fit): number {
  const side = fit === 'contain' ? Math.max(width, height) : Math.min(width, height)
  return Math.min(1e5, Math.max(1, (plainDensity * size) / Math.max(side, 1e-3)))
}

import type { Canvas } from './canvas.ts'

/** Letters 3 pixels wide and 5 high: rows from the top, three bits each, the highest on the left. */
const rows: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 2, 2, 2],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
  A: [2, 5, 7, 5, 5],
  B: [6, 5, 6, 5, 6],
  C: [3, 4, 4, 4, 3],
  D: [6, 5, 5, 5, 6],
  E: [7, 4, 6, 4, 7],
  F: [7, 4, 6, 4, 4],
  G: [3, 4, 5, 5, 3],
  H: [5, 5, 7, 5, 5],
  I: [7, 2, 2, 2, 7],
  J: [1, 1, 1, 5, 2],
  K: [5, 5, 6, 5, 5],
  L: [4, 4, 4, 4, 7],
  M: [5, 7, 7, 5, 5],
  N: [6, 5, 5, 5, 5],
  O: [2, 5, 5, 5, 2],
  P: [6, 5, 6, 4, 4],
  Q: [2, 5, 5, 2, 1],
  R: [6, 5, 6, 5, 5],
  S: [3, 4, 2, 1, 6],
  T: [7, 2, 2, 2, 2],
  U: [5, 5, 5, 5, 7],
  V: [5, 5, 5, 5, 2],
  W: [5, 5, 7, 7, 5],
  X: [5, 5, 2, 5, 5],
  Y: [5, 5, 2, 2, 2],
  Z: [7, 1, 2, 4, 7],
  '.': [0, 0, 0, 0, 2],
  ',': [0, 0, 0, 2, 4],
  ':': [0, 2, 0, 2, 0],
  '-': [0, 0, 7, 0, 0],
  '+': [0, 2, 7, 2, 0],
  '=': [0, 7, 0, 7, 0],
  '/': [1, 1, 2, 4, 4],
  '%': [5, 1, 2, 4, 5],
  '#': [5, 7, 5, 7, 5],
  '(': [1, 2, 2, 2, 1],
  ')': [4, 2, 2, 2, 4],
}

/** Height of a line of letters, and how far one stands from the next, in pixels. */
export const glyphHeight = 5
export const glyphStep = 4

/**
 * Writes a line in letters of a fixed form, so that a sheet's bytes depend on no font of the system: black, from
 * (left, top), as many as fit into `width` pixels. What has no form, accents aside, is a blank.
 */
export function writeLine(canvas: Canvas, text: string, left: number, top: number, width: number): void {
  const letters = [...text.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase()]
  for (const [i, letter] of letters.slice(0, Math.floor((width + 1) / glyphStep)).entries())
    for (const [y, bits] of (rows[letter] ?? []).entries())
      for (let x = 0; x < 3; x++) if (bits & (4 >> x)) canvas.fill(left + i * glyphStep + x, top + y, 1, 1, 0)
}

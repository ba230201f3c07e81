import type { Pictures } from '../render/canvas.ts'

/** Turns pictures into vectors whose distances mean likeness. */
export interface FeatureExtractor {
  readonly name: string
  /** Numbers a picture. */
  readonly width: number
  /** SHA-256 that names the weights. */
  readonly digest: string
  /** What scores with these features compare with, in a sentence. */
  readonly note: string
  /** Where it looks at some pictures a second, so that one doesn't show it all of a large corpus. */
  readonly isSlow?: boolean
  /** Features [n, width], row after row. Throws `DataError` for pictures that it can't look at. */
  extract(pictures: Pictures): Promise<Float32Array>
  /** Frees what it holds on its engine, not the engine. */
  release(): Promise<void>
}

/** The pixels as red, green and blue in 0 to 1, [n, 3, S, S]: grey thrice, transparent pixels over white. */
export function colourPlanes({ pixels, channels, imageSize }: Pictures): Float32Array {
  const plane = imageSize ** 2
  const n = pixels.length / (channels * plane)
  const planes = new Float32Array(n * 3 * plane)
  for (let i = 0; i < n; i++)
    for (let c = 0; c < 3; c++)
      for (let at = 0; at < plane; at++) {
        const first = i * channels * plane + at
        const value = pixels[first + (channels === 1 ? 0 : c * plane)]! / 255
        const alpha = channels === 4 ? pixels[first + 3 * plane]! / 255 : 1
        planes[(i * 3 + c) * plane + at] = value * alpha + 1 - alpha
      }
  return planes
}

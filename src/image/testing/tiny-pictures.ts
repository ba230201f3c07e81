import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { Random } from '../../random/random.ts'
import type { ImageRunResult } from '../image-run.ts'
import { type ImageTrainEvent, type TrainImageOptions, trainImage } from '../train-image.ts'

/** Settings of networks that play a round in no time. */
export const tinySettings = {
  patch: 1,
  latentSize: 8,
  generatorWidth: 8,
  discriminatorWidth: 8,
  maxWidth: 16,
  conditionWidth: 8,
  textLayers: 1,
  maxTokens: 4,
  batchSize: 4,
  warmupSteps: 2,
  samples: 3,
  sampleCount: 6,
  lookEvery: 2,
}

/** A folder for a test file's runs and pictures; `remove` it at the end. */
export function temporaryFolder() {
  const root = mkdtempSync(join(tmpdir(), 'atelier-image-'))
  let made = 0
  return { root, fresh: () => join(root, `run-${made++}`), remove: () => rmSync(root, { recursive: true }) }
}

/** Kinds of pictures that {@link writeTinyPictures} paints. */
export const tinyKinds = ['dot', 'bar', 'sky'] as const

/**
 * Writes PNGs of 16 × 16, always the same ones: dots, bars and skies in colours of their own. By class, each kind has a
 * folder; captioned, each picture has words beside it, such as `A red bar`.
 */
export async function writeTinyPictures(
  folder: string,
  count: number,
  told: 'class' | 'caption' | 'nothing' = 'nothing',
) {
  for (let i = 0; i < count; i++) {
    const kind = tinyKinds[i % tinyKinds.length]!
    const place = told === 'class' ? join(folder, kind) : folder
    mkdirSync(place, { recursive: true })
    const { pixels, colour } = paint(i, kind)
    const png = await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toBuffer()
    writeFileSync(join(place, `${i}.png`), png)
    if (told === 'caption') writeFileSync(join(place, `${i}.txt`), `A ${colour} ${kind}`)
  }
  return folder
}

function paint(i: number, kind: (typeof tinyKinds)[number]) {
  const random = Random.seed(4).at(i)
  const hue = random.integer(3)
  const ink = [0, 1, 2].map((plane) => (plane === hue ? 200 + random.integer(56) : random.integer(80)))
  const [x, y, size] = [3 + random.integer(10), 3 + random.integer(10), 2 + random.integer(3)]
  const covers = {
    dot: (row: number, column: number) => Math.hypot(row - y, column - x) <= size,
    bar: (row: number) => Math.abs(row - y) <= size,
    sky: (row: number) => row < y,
  }[kind]
  const pixels = new Uint8Array(16 * 16 * 3).fill(255)
  for (let at = 0; at < 256; at++) if (covers(at >> 4, at & 15)) pixels.set(ink, 3 * at)
  return { pixels, colour: ['red', 'green', 'blue'][hue]! }
}

/** Trains to the end; `look` hears of each event. */
export async function runToEnd(
  options: TrainImageOptions,
  look: (event: ImageTrainEvent) => void = () => {},
): Promise<ImageRunResult> {
  const events = trainImage({ threads: 2, ...options })
  for (;;) {
    const { done, value } = await events.next()
    if (done) return value
    look(value)
  }
}

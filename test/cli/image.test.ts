import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareImages } from '../../src/image/data/prepare-images.ts'
import type { ImageCard } from '../../src/image/model-card.ts'
import { encodePicture } from '../../src/image/render/encode.ts'
import { tinyClasses, writeTinyGan } from '../../src/image/testing/tiny-gan.ts'
import { ImageClassifier, saveClassifier } from '../../src/models/image-classifier.ts'
import { initializeAll } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'
import { type Finished, resultOf, workshop } from './atelier.ts'

const { run, path, write: writeIn } = workshop()
const write = (name: string, content: string | Uint8Array) => {
  mkdirSync(dirname(path(name)), { recursive: true })
  writeIn(name, content)
}
const paint = (...words: string[]) => run(['generate', 'image', '--threads', '1', ...words])
const bytesOf = (name: string) => readFileSync(path(name))
const recordOf = (name: string) => JSON.parse(readFileSync(path(name), 'utf8')) as Record<string, never>

/** Ended in one line on stderr that says what is wrong, and wrote nothing of that name. */
function expectFailure({ code, stdout, stderr }: Finished, message: string, exitCode = 2): void {
  expect(stderr).toContain(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect([code, stdout]).toEqual([exitCode, ''])
}

beforeAll(async () => {
  for (const kind of ['none', 'class', 'text'] as const) await writeTinyGan(path(kind), kind)
})

describe('atelier generate image', () => {
  test('paints the same bytes from the same seed, and remake agrees', async () => {
    const words = ['--model', 'text', '--prompt', 'a red apple', '--n', '5', '--grid', '--seed', '7', '--scale', '2']
    const [first, second] = [await paint(...words, '--out', 'a.png'), await paint(...words, '--out', 'b.png')]
    expect([first.code, second.code, first.stdout]).toEqual([0, 0, 'a.png\n'])
    expect(first.stderr).toContain('seed 7 · 5 pictures of 16 × 16')
    expect(bytesOf('a.png').equals(bytesOf('b.png'))).toBe(true)
    expect(await sharp(bytesOf('a.png')).metadata()).toMatchObject({ width: 3 * 34 + 2, height: 2 * 34 + 2 })
    const same = await run(['remake', 'a.json', '--json'])
    expect([same.code, resultOf<{ identical: boolean; remakes: [] }>(same).remakes.length]).toEqual([0, 5])
    const record = recordOf('a.json') as unknown as { artifacts: { pixels: string }[] }
    record.artifacts[4]!.pixels = '0'
    writeFileSync(path('forged.json'), JSON.stringify(record))
    const other = await run(['remake', 'forged.json'])
    expect([other.code, other.stdout]).toEqual([1, expect.stringContaining('picture 5, seed 7 (a.png): not identical')])
  })

  test('writes several pictures to files of their own, as many as there are', async () => {
    const files = await paint('--model', 'class', '--n', '3', '--seed', '1', '--out', 'c.webp', '--json')
    expect(resultOf(files)).toMatchObject({ files: ['c-1.webp', 'c-2.webp', 'c-3.webp'], record: 'c.json' })
    await paint('--model', 'class', '--n', '3', '--seed', '1', '--out', 'folder')
    expect(readdirSync(path('folder')).sort()).toEqual(['1.png', '2.png', '3.png', 'pictures.json'])
    const pixels = (name: string) => sharp(bytesOf(name)).raw().toBuffer()
    expect((await pixels('folder/2.png')).equals(await pixels('c-2.webp'))).toBe(true)
    const { artifacts } = recordOf('c.json') as unknown as { artifacts: { class: { name: string }; file: string }[] }
    expect(artifacts.map((one) => [one.class.name, one.file])).toEqual(
      tinyClasses.map((name, i) => [name, `c-${i + 1}.webp`]),
    )
  })

  test('finds a latent for a picture, paints it again, and walks from it and back', async () => {
    await paint('--model', 'none', '--seed', '1', '--out', 'target.png')
    const found = await paint(
      '--model',
      'none',
      '--project',
      'target.png',
      '--steps',
      '3',
      '--seed',
      '2',
      '--out',
      'p.png',
    )
    expect(found.code).toBe(0)
    expect(recordOf('p.json')).toMatchObject({ projection: { of: 'target.png', steps: 3 } })
    await paint('--model', 'none', '--latent', 'p.json', '--out', 'again.png')
    const right = await sharp(bytesOf('p.png')).extract({ left: 20, top: 2, width: 16, height: 16 }).raw().toBuffer()
    expect((await sharp(bytesOf('again.png')).raw().toBuffer()).equals(right)).toBe(true)
    const loop = await paint('--model', 'none', '--interpolate', 'p.json,5', '--frames', '6', '--out', 'loop.webp')
    expect(loop.code).toBe(0)
    expect(await sharp(bytesOf('loop.webp'), { animated: true }).metadata()).toMatchObject({ pages: 6, loop: 0 })
    expect((await run(['remake', 'loop.json'])).stdout).toContain('loop of 6 frames, seed 0 (loop.webp): identical')
  })

  const mistakes: readonly (readonly [message: string, exitCode: number, words: readonly string[]])[] = [
    ["class: there is no 'shrit'; did you mean Shirt?", 2, ['--model', 'class', '--class', 'shrit']],
    ['prompt: the model takes no words', 2, ['--model', 'none', '--prompt', 'a cat']],
    ['prompt: got no words', 2, ['--model', 'text', '--prompt', '  ']],
    ['the model takes 12, which end at', 2, ['--model', 'text', '--prompt', 'xylophones and zeppelins']],
    ['truncation: got 0, wanted 0.05 to 10', 2, ['--model', 'none', '--truncation', '0']],
    ['guidance: got 99, wanted 0 to 20', 2, ['--model', 'text', '--guidance', '99']],
    ['guidance: got 500, wanted 0 to 20', 2, ['--model', 'class', '--project', 'target.png', '--guidance', '500']],
    ['--project and --truncation: the latent', 2, ['--model', 'none', '--project', 'target.png', '--truncation', '1']],
    ['--latent and --seed: a latent is painted as it is', 2, ['--model', 'none', '--latent', 'p.json', '--seed', '1']],
    ['102602 × 102602 pixels are too many', 2, ['--model', 'none', '--n', '10000', '--grid', '--scale', '64']],
    ['nowhere holds no config.json', 1, ['--model', 'nowhere']],
    ['read gone.png: it does not exist', 1, ['--model', 'none', '--project', 'gone.png']],
    ['read gone.json: it does not exist', 1, ['--model', 'none', '--latent', 'gone.json']],
    ['not a picture in a format that is read', 1, ['--model', 'none', '--project', 'tiny.txt']],
  ]
  test.for(mistakes)('%s', async ([message, exitCode, words]) => {
    expectFailure(await paint(...words, '--out', 'never.png'), message, exitCode)
    expect(readdirSync(path('.'))).not.toContain('never.png')
  })

  test('a record in the place of another file', async () => {
    write('package.json', '{ "name": "mine" }')
    expectFailure(await paint('--model', 'none', '--out', 'package.png'), 'package.json: it holds something else', 1)
    expect(readFileSync(path('package.json'), 'utf8')).toBe('{ "name": "mine" }')
    expect(readdirSync(path('.'))).not.toContain('package.png')
  })

  test('an animation of too many pixels, before a frame is painted', async () => {
    const words = [
      '--model',
      'none',
      '--interpolate',
      '1,2',
      '--frames',
      '2000',
      '--scale',
      '64',
      '--out',
      'never.webp',
    ]
    expectFailure(await paint(...words), '1024 × 2048000 pixels are too many')
  })

  test('an animation of one stop', async () => {
    expectFailure(
      await paint('--model', 'none', '--interpolate', '1', '--out', 'never.gif'),
      'got 1 stop(s), wanted two',
    )
  })
})

describe('atelier evaluate', () => {
  beforeAll(async () => {
    await writeTinyGan(path('run'), 'class')
    const random = Random.seed(1)
    for (const name of tinyClasses)
      for (let i = 0; i < 20; i++) {
        const pixels = Uint8Array.from({ length: 768 }, () => random.integer(256))
        write(join('pictures', name, `${i}.png`), await encodePicture({ pixels, channels: 3, imageSize: 16 }))
      }
    const folder = path('run/corpus')
    const corpus = await prepareImages({ paths: [path('pictures')], size: 16, channels: 3, heldOut: 0.3, folder })
    const engine = { name: 'cpu', library: 'test', platform: 'test', threads: 1 }
    const record = {
      ...{ format: 'atelier-run-1', craft: 'image', version: 'test', created: 'now', architecture: 'r3gan' },
      ...{ preset: 'tiny', settings: {}, seed: 0, sources: ['pictures'], corpus: relative(path('run'), corpus.folder) },
      ...{ dataDigest: corpus.digest, engine, budget: { steps: 1 }, size: 16, fit: 'cover', condition: 'class' },
    }
    write('run/run.json', JSON.stringify(record))
    corpus.close()
    const attributes = [{ name: 'class', values: tinyClasses }]
    const classifier = new ImageClassifier({ imageSize: 16, channels: 3, width: 4, attributes })
    const weights = await initializeAll(classifier.scope.parameters.values(), Random.seed(1))
    await saveClassifier(path('run/classifier'), classifier, Object.fromEntries(weights))
  })

  test('tells quality, classes and copies, and keeps them in the run', async () => {
    const { code, stdout, stderr } = await run(['evaluate', 'run', '--samples', '12', '--threads', '1'])
    expect(stderr).not.toContain('atelier: ')
    expect(code).toBe(0)
    expect(stdout).toContain('12 samples beside held-out pictures')
    for (const word of [
      'Fréchet distance',
      'recall',
      'coverage',
      'of 3 found',
      'by pixels',
      'by features',
      'Nearest: ',
    ])
      expect(stdout).toContain(word)
    expect(recordOf('run/evaluation.json')).toMatchObject({ format: 'atelier-evaluation-1', pictures: { samples: 12 } })
    expect((await run(['inspect', 'run'])).stdout).toContain('seed 0')
  })

  test('writes a card, with a sheet of the first picture of sixteen seeds', async () => {
    write('run/metrics.jsonl', '{"type":"round","step":9,"pictures":288,"elapsedMs":7200000}\n')
    const { code, stderr } = await run(['evaluate', 'run', '--samples', '12', '--threads', '1', '--card'])
    expect(code, stderr).toBe(0)
    const card = recordOf('run/card.json') as unknown as ImageCard
    expect(card.training).toMatchObject({ steps: 9, pictures: 288, seconds: 7200 })
    expect(card.training.wattHours).toBe(2 * Number(card.hardware.cores) * 10)
    expect(card.samples).toEqual(Array.from({ length: 16 }, (_, seed) => ({ seed, class: tinyClasses[seed % 3]! })))
    const page = readFileSync(path('run/card.md'), 'utf8')
    expect(page).toMatch(/^# run\n/)
    expect(page).toContain('| Fréchet distance | ')
    expect(page).toContain('](card.png)')
    await paint('--model', 'run', '--class', '1', '--seed', '13', '--scale', '3', '--out', 'single.png')
    const right = { left: 2 + 5 * 50, top: 2 + 50, width: 48, height: 48 }
    const onSheet = await sharp(bytesOf('run/card.png')).extract(right).raw().toBuffer()
    expect(onSheet.equals(await sharp(bytesOf('single.png')).raw().toBuffer())).toBe(true)
  })
})

describe('commands ask the craft', () => {
  test('inspect tells of both players', async () => {
    const [json, plain] = await Promise.all([run(['inspect', 'class', '--json']), run(['inspect', 'class'])])
    expect(resultOf(json)).toMatchObject({
      architecture: { name: 'r3gan' },
      classes: tinyClasses,
      parameters: { kept: true },
    })
    for (const word of ['generator', 'discriminator', '16 × 16, colour', '1 Ankle boot', 'digest'])
      expect(plain.stdout).toContain(word)
  })

  test('options of another craft are refused', async () => {
    const text = await run(['evaluate', 'class', '--tokens', '5'])
    expectFailure(text, '--tokens: it is for text, and class is a model for image; leave it out')
    const image = await run(['evaluate', 'nowhere', '--features', 'inception'])
    expectFailure(image, '--features: it is for image, and nowhere is a model for text; leave it out')
  })

  test('runs and artifacts of crafts that do not exist yet', async () => {
    writeFileSync(path('song.json'), JSON.stringify({ format: 'atelier-artifact-1', kind: 'music' }))
    expectFailure(
      await run(['remake', 'song.json']),
      'artifact of the craft "music", this version knows text, image',
      1,
    )
  })

  test('a folder of another craft is said to be one', async () => {
    expectFailure(
      await paint('--model', 'gallery/en', '--out', 'never.png'),
      'a model that writes is for atelier generate text',
      1,
    )
  })
})

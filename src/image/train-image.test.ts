import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DivergenceError } from '../errors.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { loadGan } from '../models/gan-checkpoint.ts'
import { Random } from '../random/random.ts'
import { readProgress } from '../train/checkpoint.ts'
import { ganProgressSchema } from '../train/gan-loop.ts'
import { writeRunRecord } from '../train/run-record.ts'
import { ImageModel } from './image-model.ts'
import { readImageRun } from './run.ts'
import { runToEnd, temporaryFolder, tinySettings, writeTinyPictures } from './testing/tiny-pictures.ts'
import type { TrainImageOptions } from './train-image.ts'

const { root, fresh, remove } = temporaryFolder()
afterAll(remove)

const [plain, classes, captioned] = ['plain', 'classes', 'captioned'].map((name) => join(root, name)) as [
  string,
  string,
  string,
]
beforeAll(async () => {
  await writeTinyPictures(plain, 24)
  await writeTinyPictures(classes, 24, 'class')
  await writeTinyPictures(captioned, 24, 'caption')
})

const tiny = (change: Partial<TrainImageOptions> = {}): TrainImageOptions => ({
  data: [plain],
  out: fresh(),
  size: 16,
  budget: { steps: 6 },
  ...change,
  set: { ...tinySettings, ...change.set },
})

const stateOf = (run: string) => {
  const { tensors } = decodeSafetensors(readFileSync(join(run, 'last', 'state.safetensors')))
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
}

/** Everything that a run's end is, in its files: state to the last bit, weights, the duel, the sheets. */
function remains(run: string) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const facts = events
    .filter(({ type }) => type !== 'end' && type !== 'checkpoint')
    .map(({ picturesPerSecond: _, elapsedMs: __, ...fact }) => fact)
  const { elapsedMs: _, ...progress } = JSON.parse(readFileSync(join(run, 'last', 'progress.json'), 'utf8'))
  const bytes = (name: string) => readFileSync(join(run, name)).toString('base64')
  const sheets = readdirSync(join(run, 'samples')).sort()
  return {
    state: stateOf(run),
    weights: bytes('model.safetensors'),
    config: bytes('config.json'),
    facts,
    progress,
    sheets: sheets.map((name) => [name, bytes(`samples/${name}`)]),
  }
}

describe('resumed = unbroken, bit for bit', () => {
  it.each([
    [
      'by nothing, augmented as the duel goes',
      () => tiny({ set: { augmentation: 'ada', flip: true } }),
      ['round 1', 'sample 4'],
    ],
    ['by class', () => tiny({ data: [classes] }), ['evaluation 2', 'round 5']],
    ['by words', () => tiny({ data: [captioned], set: { augmentation: 'diffaugment' } }), ['round 3', 'checkpoint 4']],
    ['DCGAN, whose batches leave statistics', () => tiny({ architecture: 'dcgan', set: { penalty: 1 } }), ['round 2']],
    ['WGAN-GP, five steps a round', () => tiny({ architecture: 'wgan-gp', data: [classes] }), ['round 4']],
  ])('asked for %s', async (_, make, stops) => {
    const [unbroken, broken] = [make(), make()]
    await runToEnd(unbroken)
    for (const [i, stop] of [...stops, 'never'].entries()) {
      const abort = new AbortController()
      const options = i === 0 ? broken : { out: broken.out, resume: true }
      const result = await runToEnd({ ...options, signal: abort.signal }, (event) => {
        if (`${event.type} ${'step' in event ? event.step : ''}` === stop) abort.abort()
      })
      expect(result.stopped).toBe(stop !== 'never')
    }
    expect(remains(broken.out)).toEqual(remains(unbroken.out))
  })
})

describe('killed at any instant', () => {
  let folder: string
  let program: string
  const set = { samples: 8 }

  beforeAll(async () => {
    folder = mkdtempSync(fileURLToPath(new URL('../../node_modules/.atelier-test-', import.meta.url)))
    program = join(folder, 'train.mjs')
    const module = fileURLToPath(new URL('train-image.ts', import.meta.url))
    const contents = `import { trainImage } from ${JSON.stringify(module)}
      for await (const event of trainImage(JSON.parse(process.argv[2]))) process.stdout.write(event.type + '\\n')`
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' } as const
    await build({ stdin: { contents, resolveDir: folder }, outfile: program, ...options })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** Trains in a process of its own, killed some milliseconds after its `rounds`-th round. */
  function trainAndKill(options: TrainImageOptions, rounds: number, delayMs: number): Promise<'killed' | 'ended'> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let seen = 0
      child.stdout.on('data', (chunk: Buffer) => {
        seen += chunk
          .toString()
          .split('\n')
          .filter((line) => line === 'round').length
        if (seen >= rounds) setTimeout(() => child.kill('SIGKILL'), delayMs)
      })
      child.on('error', reject)
      child.on('exit', (code, signal) =>
        code ? reject(new Error(`exit code ${code}`)) : resolve(signal ? 'killed' : 'ended'),
      )
    })
  }

  it('a run resumes from a whole checkpoint and ends with the bits of an unbroken one', async () => {
    const make = () => tiny({ data: [classes], set: { ...set, augmentation: 'ada' }, budget: { steps: 8 }, threads: 2 })
    const [unbroken, broken] = [make(), make()]
    await runToEnd(unbroken)
    const random = Random.seed(11)
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      const options = i === 0 ? broken : { out: broken.out, resume: true, threads: 2 }
      outcomes.push(await trainAndKill(options, 2 + random.integer(3), random.integer(30)))
    }
    expect(outcomes).toContain('killed')
    await runToEnd({ out: broken.out, resume: true })
    expect(remains(broken.out)).toEqual(remains(unbroken.out))
  }, 300_000)
})

describe('a run', () => {
  it('leaves a folder that paints, with a report that holds its sheets', async () => {
    const { out } = tiny()
    const events: string[] = []
    const result = await runToEnd({ ...tiny({ data: [captioned] }), out }, ({ type }) => events.push(type))
    expect(result).toMatchObject({ run: out, steps: 6, pictures: 24, stopped: false, warnings: [] })
    expect(result.diversity).toBeGreaterThan(0)
    expect(new Set(events)).toEqual(
      new Set(['prepare', 'corpus', 'start', 'round', 'evaluation', 'sample', 'checkpoint', 'end']),
    )
    const { gan, generator, discriminator, metadata } = await loadGan(out, { discriminator: true })
    expect(gan.config).toMatchObject({ imageSize: 16, channels: 3, conditioning: { kind: 'text', maxTokens: 4 } })
    expect(metadata.step).toBe('6')
    expect(Object.keys(generator)).toEqual([...gan.generator.parameters.keys()])
    const state = stateOf(out)
    for (const [name, { data }] of Object.entries(generator)) expect(data).toEqual(state[`ema.${name}`])
    for (const [name, { data }] of Object.entries(discriminator!)) expect(data).toEqual(state[name])
    const page = readFileSync(result.report, 'utf8')
    expect(page.match(/data:image\/png;base64,/g)).toHaveLength(3)
    expect(readFileSync(result.sheet!).toString('latin1')).toMatch(/^.PNG/)
    const model = await ImageModel.load(out)
    const { pictures } = await model.generate({ n: 2, seed: 1, prompt: 'a red bar' })
    await model.release()
    expect(pictures.pixels).toHaveLength(2 * 3 * 16 * 16)
  })

  it('paints the samples that its model paints from the same latents', async () => {
    const result = await runToEnd(tiny({ set: { emaDecay: 0.5 } }))
    const model = await ImageModel.load(result.run)
    const { pictures } = await model.generate({ n: 6, seed: 0 })
    await model.release()
    const { default: sharp } = await import('sharp')
    const { data, info } = await sharp(readFileSync(result.sheet!)).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([3 * 34 + 2, 2 * 34 + 2])
    // Picture 4 stands in the second row, second column, each of its pixels two wide.
    const [left, top] = [2 + 34, 2 + 34]
    for (const [x, y] of [
      [0, 0],
      [7, 3],
      [15, 15],
    ] as const)
      for (let plane = 0; plane < 3; plane++) {
        const shown = data[((top + 2 * y) * info.width + left + 2 * x) * info.channels + plane]!
        const painted = pictures.pixels[(4 * 3 + plane) * 256 + y * 16 + x]!
        expect(Math.abs(shown - painted)).toBeLessThanOrEqual(1)
      }
  })

  it('learns: after some hundred rounds of tiny networks, samples are as light as pictures are, not grey as noise is', async () => {
    const skies = join(root, 'skies')
    await writeTinyPictures(skies, 40)
    const set = { learningRate: 0.004, samples: 1, lookEvery: 300, sampleCount: 16, batchSize: 8, emaDecay: 0.9 }
    const result = await runToEnd(tiny({ data: [skies], budget: { steps: 300 }, set }))
    const model = await ImageModel.load(result.run)
    const { pictures } = await model.generate({ n: 16, seed: 3 })
    await model.release()
    // Most of every real picture is white; an untrained generator paints around grey, 128.
    const mean = pictures.pixels.reduce((sum, value) => sum + value, 0) / pictures.pixels.length
    expect(mean).toBeGreaterThan(160)
  })

  it('stops where training blows up, and its last checkpoint stands', async () => {
    const options = tiny({ budget: { steps: 3 } })
    await runToEnd(options)
    const before = remains(options.out)
    const record = await readImageRun(options.out)
    const wild = { ...record.settings, learningRate: 1, penalty: 0, warmupSteps: 0 }
    await writeRunRecord(options.out, { ...record, settings: wild, budget: { steps: 400 } })
    await expect(runToEnd({ out: options.out, resume: true })).rejects.toThrow(DivergenceError)
    expect(remains(options.out)).toMatchObject({ state: before.state, weights: before.weights })
    expect((await readProgress(options.out, ganProgressSchema)).step).toBe(3)
    await writeRunRecord(options.out, { ...record, budget: { steps: 5 } })
    expect(await runToEnd({ out: options.out, resume: true })).toMatchObject({ steps: 5, stopped: false })
  })
})

describe('what cannot be', () => {
  it.each<[string, Partial<TrainImageOptions>, new (...args: never[]) => Error]>([
    ['size: got 33, wanted one of 16, 32', { size: 33 }, ConfigError],
    ['the pictures have no classes, wanted two or more', { condition: 'class' }, ConfigError],
    ['the pictures have no captions; put a .txt beside each', { condition: 'text' }, ConfigError],
    ['there is no stylegan, wanted one of r3gan, dcgan, wgan-gp', { architecture: 'stylegan' }, ConfigError],
    ['steps is 1.5, wanted a whole number', { budget: { steps: 1.5 } }, ConfigError],
    ['imageSize 16 / patch 8 is 2', { set: { patch: 8 } }, ConfigError],
    ['holds no run; leave --resume out', { resume: true }, CheckpointError],
  ])('%s', async (message, change, Kind) => {
    const options = tiny(change)
    await expect(runToEnd(options)).rejects.toThrow(Kind)
    await expect(runToEnd({ ...options, out: fresh() })).rejects.toThrow(message)
    expect(existsSync(join(options.out, 'run.json'))).toBe(false)
  })

  it('is a run that is there already, one of another craft, and settings for one that goes on', async () => {
    const { out } = tiny()
    await runToEnd(tiny({ out, budget: { steps: 1 } }))
    await expect(runToEnd(tiny({ out }))).rejects.toThrow('holds a run already; add --resume')
    await expect(runToEnd({ out, resume: true, set: { penalty: 2 } })).rejects.toThrow('a run keeps its settings')
    await writeRunRecord(out, { ...(await readImageRun(out)), craft: 'text' })
    await expect(runToEnd({ out, resume: true })).rejects.toThrow('it is a run of the craft "text", wanted image')
  })
})

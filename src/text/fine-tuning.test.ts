import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError } from '../errors.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { writeSafetensors } from '../files/safetensors-file.ts'
import { quantizeText } from './quantize-text.ts'
import { remakeArtifact } from './remake.ts'
import { readRun } from './run.ts'
import { remains, runToEnd, temporaryFolder, tensorsOf, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'
import type { TextTrainEvent, TrainTextOptions } from './train-text.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const text = file('first.txt', tinyText(300))
const letters = file('second.txt', tinyText(200, 9).replaceAll('The', 'Dear'))
const words = tinyText(150).trim().split('\n')
const pairs = words.map((line) => `${JSON.stringify({ input: line, target: line.split(' ').reverse().join(' ') })}\n`)
const jsonl = file('pairs.jsonl', pairs.join(''))

/** Runs to begin from, and what they learn then. */
const bases = {
  decoder: { first: { data: [text] }, next: { data: [letters] } },
  gpt2: { first: { architecture: 'gpt2', data: [text], set: { nKvHeads: 2 } }, next: { data: [letters] } },
  bert: {
    first: { architecture: 'bert', data: [text], tokenizer: { kind: 'wordpiece', vocabulary: 120 } },
    next: { data: [letters] },
  },
  t5: {
    first: { architecture: 't5', data: [text], tokenizer: { kind: 'unigram', vocabulary: 500 } },
    next: { data: [jsonl], task: 'pairs' },
  },
} as const satisfies Record<string, { first: Partial<TrainTextOptions>; next: Partial<TrainTextOptions> }>
type Name = keyof typeof bases
const names = Object.keys(bases) as Name[]
const runs = {} as Record<Name, string>

beforeAll(async () => {
  for (const name of names) {
    const { set = {}, ...first } = bases[name].first as Partial<TrainTextOptions>
    const out = fresh()
    await runToEnd({
      tokenizer: { kind: 'byte' },
      ...first,
      out,
      budget: { steps: 4 },
      set: { ...tinySizes, nLayers: 1, ...set },
    })
    runs[name] = out
  }
}, 60_000)

const tuned = (name: Name, change: Partial<TrainTextOptions> = {}): TrainTextOptions => ({
  ...bases[name].next,
  tokenizer: undefined as never,
  from: runs[name],
  out: fresh(),
  budget: { steps: 6 },
  ...change,
  set: { batchSize: 4, warmupSteps: 2, evaluations: 3, learningRate: 0.003, ...change.set },
})

const weightsIn = (folder: string) => tensorsOf(readFileSync(join(folder, 'model.safetensors')))

describe.each(names)('from %s', (name) => {
  it('begins with its weights, sizes and tokenizer, and says so', async () => {
    const { run } = await runToEnd(tuned(name, { budget: { steps: 1 }, set: { learningRate: 0 } }))
    expect(weightsIn(run)).toEqual(weightsIn(runs[name]))
    const [first, then] = [await readRun(runs[name]), await readRun(run)]
    for (const key of ['dModel', 'nLayers', 'nHeads', 'dFf', 'contextLength'])
      expect(then.settings[key]).toBe(first.settings[key])
    expect(then.tokenizerDigest).toBe(first.tokenizerDigest)
    const base = await TextModel.load(runs[name], { threads: 1 })
    expect(then.from).toMatchObject({ path: runs[name], digest: await base.digest() })
    expect(then.architecture).toBe(name)
    await base.release()
  })

  it('resumed = unbroken, bit for bit, also where the first model is gone by then', async () => {
    const change = { set: { dropout: 0.1, accumulation: 2 } }
    const unbroken = tuned(name, change)
    await runToEnd(unbroken)
    const { out } = tuned(name)
    const abort = new AbortController()
    const stopped = await runToEnd({ ...tuned(name, change), out, signal: abort.signal }, (event) => {
      if (event.type === 'step' && event.step === 3) abort.abort()
    })
    expect(stopped).toMatchObject({ steps: 3, stopped: true })
    renameSync(runs[name], `${runs[name]}-away`)
    try {
      expect(await runToEnd({ out, resume: true })).toMatchObject({ steps: 6, stopped: false })
    } finally {
      renameSync(`${runs[name]}-away`, runs[name])
    }
    expect(remains(out)).toEqual(remains(unbroken.out))
  })
})

describe('what was learned before', () => {
  it('is worth more than nothing: the first loss is below that of new weights', async () => {
    const losses: number[] = []
    const look = (event: TextTrainEvent) => event.type === 'step' && losses.push(event.loss)
    const longer = await runToEnd({
      tokenizer: { kind: 'byte' },
      data: [text],
      out: fresh(),
      budget: { steps: 60 },
      set: { ...tinySizes, learningRate: 0.01 },
    })
    await runToEnd(tuned('decoder', { from: longer.run, budget: { steps: 1 } }), look)
    expect(losses[0]).toBeLessThan(2.5)
    expect(losses[0]).toBeLessThan(Math.log(257) - 2)
  })

  it('writes what remake makes again', async () => {
    const { run } = await runToEnd(tuned('decoder'))
    const model = await TextModel.load(run, { threads: 1 })
    const [made] = await model.complete(['Dear '], { maxTokens: 8, seed: 3 })
    await model.release()
    const artifact = file('artifact.json', JSON.stringify(made))
    expect((await remakeArtifact(artifact, { threads: 1 })).identical).toBe(true)
  })
})

describe('is refused in one line', () => {
  it.each([
    [{ preset: 'small' }, /^preset: small says sizes, which come with .*; leave it out$/],
    [{ architecture: 'gpt2' }, /^architecture: got gpt2, but decoder comes with .*; leave it out$/],
    [{ tokenizer: { kind: 'char' } }, /^tokenizer: it comes with .*; leave it out$/],
    [{ set: { dModel: 64 } }, /^set: dModel is 64, but 32 comes with .*; leave it out$/],
    [{ set: { contextLength: 64 } }, /^set: contextLength is 64, but .* sees 32 tokens at once; lower it$/],
    [{ task: 'pairs' }, 'task: decoder does not learn pairs, wanted next'],
  ] as const)('%j', async (change, message) => {
    const options = tuned('decoder', change as Partial<TrainTextOptions>)
    await expect(runToEnd(options)).rejects.toThrow(message)
    await expect(runToEnd(options)).rejects.toThrow(ConfigError)
    expect(existsSync(join(options.out, 'run.json'))).toBe(false)
  })

  it('what the model says of itself again is not', async () => {
    const { steps } = await runToEnd(
      tuned('decoder', { budget: { steps: 1 }, architecture: 'decoder', set: { dModel: 32, contextLength: 16 } }),
    )
    expect(steps).toBe(1)
  })

  it('no model, one in few bits, weights that are not finite, a tokenizer of another model', async () => {
    const run = (from: string) => runToEnd(tuned('decoder', { from }))
    await expect(run(fresh())).rejects.toThrow(/holds no config\.json; name a run or a model's folder$/)
    const small = fresh()
    await quantizeText(runs.decoder, { bits: 8, out: small })
    await expect(run(small)).rejects.toThrow(/is in few bits, which can't be trained; name what it was made of$/)
    const broken = fresh()
    cpSync(runs.decoder, broken, { recursive: true })
    const weights = join(broken, 'model.safetensors')
    const { tensors, metadata } = decodeSafetensors(readFileSync(weights))
    const name = Object.keys(tensors)[0]!
    ;(tensors[name]!.data as Float32Array)[3] = Number.NaN
    await writeSafetensors(weights, tensors, { metadata })
    const options = tuned('decoder', { from: broken })
    await expect(runToEnd(options)).rejects.toThrow(/holds NaN at element 3/)
    expect(existsSync(join(options.out, 'run.json'))).toBe(false)
    const other = fresh()
    cpSync(runs.bert, other, { recursive: true })
    for (const one of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(runs.t5, one), join(other, one))
    await expect(run(other)).rejects.toThrow(/has \d+ tokens, the model \d+; do the files belong together\?$/)
  })

  it('a model that changed or went before the first checkpoint', async () => {
    const from = fresh()
    cpSync(runs.decoder, from, { recursive: true })
    const options = tuned('decoder', { from })
    const abort = new AbortController()
    await runToEnd({ ...options, signal: abort.signal }, (event) => event.type === 'start' && abort.abort())
    renameSync(join(options.out, 'last'), join(options.out, 'gone'))
    const config = join(from, 'config.json')
    writeFileSync(config, `${readFileSync(config, 'utf8')}\n`)
    const again = () => runToEnd({ out: options.out, resume: true })
    await expect(again()).rejects.toThrow(CheckpointError)
    await expect(again()).rejects.toThrow(
      /was model [0-9a-f]{16}… when the run began, now it is [0-9a-f]{16}…; put it back/,
    )
    renameSync(from, `${from}-away`)
    await expect(again()).rejects.toThrow(
      /, which the run begins from, is gone; put it back there, or begin another run$/,
    )
  })
})

import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, DataError } from '../../errors.ts'
import { loadMaskedModel, loadSequenceModel } from '../../models/checkpoint.ts'
import { readRun } from '../run.ts'
import { remains, runToEnd, temporaryFolder, tinySizes, tinyText } from '../testing/tiny-run.ts'
import type { TrainTextOptions } from '../train-text.ts'
import { taskFor } from './tasks.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const text = file('tiny.txt', tinyText(300))
/** Pairs whose target is the source backwards. */
const words = tinyText(200).trim().split('\n')
const pairs = words.map((line) => ({ input: line, target: line.split(' ').reverse().join(' ') }))
const jsonl = file('pairs.jsonl', pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''))

/** The same, each a few times over, so that some are longer. */
const uneven = file(
  'uneven.jsonl',
  pairs
    .map(({ input, target }, i) =>
      [input, target].map((one) =>
        Array(1 + (i % 3))
          .fill(one)
          .join(' '),
      ),
    )
    .map(([input, target]) => `${JSON.stringify({ input, target })}\n`)
    .join(''),
)

const tasks = {
  fill: { architecture: 'bert', data: [text], tokenizer: { kind: 'wordpiece', vocabulary: 120 } },
  denoise: { architecture: 't5', task: 'denoise', data: [text], tokenizer: { kind: 'unigram', vocabulary: 500 } },
  pairs: { architecture: 't5', task: 'pairs', data: [jsonl], tokenizer: { kind: 'unigram', vocabulary: 500 } },
} as const
type Name = keyof typeof tasks
const tiny = (name: Name, change: Partial<TrainTextOptions> = {}): TrainTextOptions => ({
  ...tasks[name],
  out: fresh(),
  budget: { steps: 6 },
  ...change,
  set: { ...tinySizes, nLayers: 1, dropout: 0.1, ...change.set },
})

describe('resumed = unbroken, bit for bit', () => {
  it.each([
    ['fill', { wholeWords: true, accumulation: 2 }, {}],
    ['denoise', { sampling: 'epochs' }, {}],
    ['pairs', { sampling: 'epochs', emaDecay: 0.9 }, {}],
    ['pairs', { accumulation: 2 }, { data: [uneven] }],
  ] as const)('%s', async (name, set, change) => {
    const unbroken = tiny(name, { ...change, set })
    await runToEnd(unbroken)
    const abort = new AbortController()
    const { out } = tiny(name)
    const stopped = await runToEnd({ ...tiny(name, { ...change, set }), out, signal: abort.signal }, (event) => {
      if (event.type === 'step' && event.step === 3) abort.abort()
    })
    expect(stopped).toMatchObject({ steps: 3, stopped: true })
    expect(await runToEnd({ out, resume: true })).toMatchObject({ steps: 6, stopped: false })
    expect(remains(out)).toEqual(remains(unbroken.out))
  })
})

describe('what is learned', () => {
  it.each([
    ['fill', 2.6],
    ['denoise', 2.2],
    ['pairs', 2],
  ] as const)('%s: the held-out loss falls below what words alone give', async (name, most) => {
    const samples: string[] = []
    const set = { dropout: 0, learningRate: 0.01, batchSize: 16 }
    const result = await runToEnd(tiny(name, { budget: { steps: 150 }, set }), (event) => {
      if (event.type === 'sample') samples.push(event.text)
    })
    expect(result.validationLoss).toBeLessThan(most)
    expect(result.accuracy).toBeGreaterThan(0.3)
    expect(result.bitsPerByte).toBeUndefined()
    expect(samples).toHaveLength(3)
    expect((await readRun(result.run)).task).toBe(name)
    const { row } = await (name === 'fill' ? loadMaskedModel : loadSequenceModel)(result.run)
    expect(row.name).toBe(tasks[name].architecture)
  })
})

it('fill begins with the frequencies of the tokens', async () => {
  const { run, accuracy } = await runToEnd(tiny('fill', { budget: { steps: 1 }, set: { learningRate: 0 } }))
  const { weights, architecture } = await loadMaskedModel(run)
  const bias = [...(weights[architecture.outputBias]!.data as Float32Array)]
  expect(bias.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5)
  expect(Math.max(...bias) - Math.min(...bias)).toBeGreaterThan(3)
  expect(accuracy).toBeGreaterThan(1 / 40) // the likeliest token, of more than a hundred
})

describe('pairs', () => {
  it('come from tables and from fields that are named, and are cut where they are too long', async () => {
    const tsv = file('pairs.tsv', `a\tb\n${pairs.map(({ input, target }) => `${input}\t${target}\n`).join('')}`)
    const named = file(
      'named.jsonl',
      pairs.map(({ input: q, target: a }) => `${JSON.stringify({ q, a, z: '' })}\n`).join(''),
    )
    const notes: string[] = []
    const look = (event: { type: string; notes?: readonly string[] }) => notes.push(...(event.notes ?? []))
    const one = await runToEnd(tiny('pairs', { data: [tsv], budget: { steps: 1 } }), look)
    expect(notes).toEqual([])
    const options = tiny('pairs', { data: [named], field: 'q,a', budget: { steps: 1 }, set: { contextLength: 4 } })
    await runToEnd(options, look)
    expect(notes[0]).toMatch(/^\d+ of \d+ pairs have a text longer than contextLength 4: it is cut off there$/)
    expect(one.steps).toBe(1)
  })

  it('are counted without their padding', async () => {
    const tokens: number[] = []
    const options = tiny('pairs', { data: [uneven], set: { sampling: 'epochs' }, budget: { epochs: 1 } })
    const { steps } = await runToEnd(options, (event) => {
      if (event.type === 'step') tokens.push(event.tokens)
      if (event.type === 'corpus') tokens.push(event.trainTokens)
    })
    const [all, seen] = [tokens[0]!, tokens.at(-1)!]
    expect(steps).toBeGreaterThan(40)
    expect(seen).toBeGreaterThanOrEqual(all)
    expect(seen).toBeLessThan(all * 1.05) // the last batch begins another epoch
  })

  it('are refused where there are none', async () => {
    const run = (data: string) => runToEnd(tiny('pairs', { data: [data] }))
    await expect(run(text)).rejects.toThrow(
      /tiny\.txt: wanted pairs in rows of JSON lines, JSON, CSV, TSV or Parquet; convert it$/,
    )
    const alone = file('alone.jsonl', '{"input":"a b","target":"b a"}\n{"input":"","target":"b"}\n')
    await expect(run(alone)).rejects.toThrow(DataError)
    await expect(run(alone)).rejects.toThrow('pairs: got 1 that are not empty, wanted at least 2')
    await expect(run(file('other.jsonl', '{"input":"a","other":"b","third":"c"}\n'))).rejects.toThrow(
      /no field "target"/,
    )
  })
})

describe('taskFor', () => {
  it("gives an architecture's usual task, or the one named", () => {
    expect(['decoder', 'gpt2', 'bert', 'roberta', 't5'].map((name) => taskFor(name).name)).toEqual([
      'next',
      'next',
      'fill',
      'fill',
      'denoise',
    ])
    expect(taskFor('mt5', 'pairs').name).toBe('pairs')
    expect(() => taskFor('bert', 'next')).toThrow('task: bert does not learn next, wanted fill')
    expect(() => taskFor('mamba')).toThrow(ConfigError)
  })

  it.each([
    ['fill', { tokenizer: { kind: 'byte' } }, 'fill: the tokenizer has no token that stands for hidden ones'],
    ['denoise', { tokenizer: { kind: 'byte' } }, /use --tokenizer unigram$/],
    ['denoise', { set: { dModel: 36, nHeads: 3 } }, /wanted a multiple of 8/],
    ['denoise', { set: { hiddenShare: 0.9 } }, /lower hiddenShare or raise contextLength$/],
    ['fill', { set: { contextLength: 3 } }, 'fill: contextLength 3 leaves 1 tokens for text'],
  ] as const)('%s refuses what does not suit it: %j', async (name, change, message) => {
    await expect(runToEnd(tiny(name, change))).rejects.toThrow(message)
  })
})

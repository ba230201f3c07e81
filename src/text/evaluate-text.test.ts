import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, DataError } from '../errors.ts'
import { input } from '../graph/tensor.ts'
import { evaluate } from '../graph/testing/program.ts'
import { loadModel } from '../models/checkpoint.ts'
import { createEngine } from '../runtime/index.ts'
import { type Corpus, openCorpus } from './data/open-corpus.ts'
import { type EvaluateProgress, type EvaluateTextOptions, evaluateText, type TextEvaluation } from './evaluate-text.ts'
import { documentsOf, stretchesOf } from './measured-text.ts'
import { readRun } from './run.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import type { TextRunResult } from './text-run.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

/** One document whose end, the held-out part, is like nothing before it: what is copied is copied by heart. */
const proverbs =
  'A rolling stone gathers no moss, and a watched pot never boils. Many hands make light work, but too many cooks ' +
  'spoil the broth. When the cat is away the mice will play. Still waters run deep; fortune favours the bold.\n'

type NextEvaluation = Extract<TextEvaluation, { task: 'next' }>

async function evaluateNext(folder: string, options: EvaluateTextOptions): Promise<NextEvaluation> {
  return (await evaluateText(folder, options)) as NextEvaluation
}

async function corpusIn(run: string): Promise<Corpus> {
  return openCorpus(join(run, (await readRun(run)).corpus))
}

describe('evaluateText', () => {
  const stages: EvaluateProgress[] = []
  let result: TextRunResult
  let evaluation: NextEvaluation

  beforeAll(async () => {
    const data = [file('proverbs.txt', proverbs.repeat(6) + tinyText(3))]
    const set = { ...tinySizes, contextLength: 96, evaluations: 1, learningRate: 0.01, warmupSteps: 10 }
    result = await runToEnd({ data, out: fresh(), set, budget: { steps: 200 } })
    const onProgress = (progress: EvaluateProgress) => stages.push(progress)
    const settings = { temperature: 0.5 }
    evaluation = await evaluateNext(result.run, { samples: 20, settings, threads: 2, onProgress })
  })

  it('gives training’s validation loss in other batches, and what follows from it', async () => {
    expect(evaluation.validationLoss).toBeCloseTo(result.validationLoss, 5)
    expect(evaluation.bitsPerByte).toBeCloseTo(result.bitsPerByte!, 5)
    expect(evaluation.perplexity).toBeCloseTo(Math.exp(result.validationLoss), 2)
    const { estimate, low, high } = evaluation.bitsPerByteInterval
    expect(estimate).toBeCloseTo(evaluation.bitsPerByte, 6)
    expect(low).toBeLessThanOrEqual(estimate)
    expect(high).toBeGreaterThanOrEqual(estimate)
    expect(evaluation.text).toMatchObject({ source: 'held-out', windowLength: 96 })
  })

  it('the loss is the mean over all windows, computed one by one', async () => {
    const corpus = await corpusIn(result.run)
    const ids = corpus.validation.slice(0, corpus.validation.tokens)
    corpus.close()
    expect(evaluation.text).toMatchObject({ tokens: ids.length, bytes: ids.length, documents: 1 })
    const { architecture, weights } = await loadModel(result.run)
    const feeds = Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]))
    const engine = await createEngine('cpu')
    const V = architecture.dimensions.vocabSize
    let sum = 0
    for (let start = 0; start + 1 < ids.length; start += 96) {
      const window = ids.slice(start, start + 97)
      const y = architecture.logits(input('ids', 'int32', [1, window.length - 1]))
      const logits = (await evaluate(engine, { y }, { ...feeds, ids: window.slice(0, -1) })).y! as Float32Array
      for (let i = 1; i < window.length; i++) {
        const at = Array.from(logits.subarray((i - 1) * V, i * V))
        sum += Math.log(at.reduce((total, value) => total + Math.exp(value), 0)) - at[window[i]!]!
      }
    }
    await engine.close()
    expect(evaluation.validationLoss).toBeCloseTo(sum / (ids.length - 1), 4)
  })

  it('finds what a model that knows its corpus by heart copies, and that held-out text copies nothing', () => {
    const { samples, baseline } = evaluation
    expect(samples).toMatchObject({ samples: 20, prompt: '\n', seeds: [0, 1] })
    expect(samples!.copying!.rate).toBeGreaterThan(0.5)
    expect(samples!.copying!.interval.low).toBeGreaterThan(0.2)
    expect(samples!.copying!.longest[0]!.length).toBeGreaterThan(60)
    for (const { text } of samples!.copying!.longest) expect(proverbs.repeat(2)).toContain(text)
    expect(baseline!.copying!.rate).toBe(0)
    expect(samples!.selfBleu!.estimate).toBeGreaterThan(0.3)
    expect(samples!.distinct1).toBeLessThan(samples!.distinct3)
  })

  it('is saved whole in the run, tells how far it is, and comes out the same again', async () => {
    const saved = JSON.parse(readFileSync(join(result.run, 'evaluation.json'), 'utf8'))
    expect(saved).toEqual(JSON.parse(JSON.stringify(evaluation)))
    expect([...new Set(stages.map(({ stage }) => stage))]).toEqual(['loss', 'samples', 'index', 'measures'])
    for (const { done, total } of stages) expect(done).toBeLessThanOrEqual(total)
    const { created: _, ...again } = await evaluateText(result.run, { samples: 20, settings: { temperature: 0.5 } })
    expect(again).toEqual({ ...again, ...evaluation, created: undefined })
  })

  it('measures on given text instead, which changes nothing in the run', async () => {
    const data = [file('other.txt', proverbs)]
    const before = readFileSync(join(result.run, 'evaluation.json'), 'utf8')
    const other = await evaluateNext(result.run, { data, samples: 0 })
    expect(other.validationLoss).toBeLessThan(evaluation.validationLoss / 2)
    expect(other.text).toMatchObject({ source: data, bytes: proverbs.length, documents: 1 })
    expect(other.samples).toBeUndefined()
    expect(readFileSync(join(result.run, 'evaluation.json'), 'utf8')).toBe(before)
  })

  it('of a folder that is no run, it measures on given text only', async () => {
    const folder = join(import.meta.dirname, '../../test/fixtures/saved-runs/gpt2-byte')
    await expect(evaluateText(folder)).rejects.toThrow(/no held-out text; name text to measure on by --data/)
    const data = [file('tiny.txt', tinyText(40))]
    const evaluation = await evaluateNext(folder, { data, samples: 2, settings: { maxTokens: 20 } })
    expect(evaluation.validationLoss).toBeGreaterThan(1)
    expect(evaluation.samples).toMatchObject({ samples: 2 })
    expect(evaluation.samples!.copying).toBeUndefined()
    expect(existsSync(join(folder, 'evaluation.json'))).toBe(false)
  })

  it('stops when told to, and refuses what can’t be', async () => {
    const stop = new AbortController()
    const onProgress = ({ stage }: EvaluateProgress) => stage === 'samples' && stop.abort(new Error('enough'))
    const stopped = evaluateText(result.run, { samples: 32, signal: stop.signal, onProgress })
    await expect(stopped).rejects.toThrow('enough')
    await expect(evaluateText(result.run, { samples: 1.5 })).rejects.toThrow(ConfigError)
    await expect(evaluateText(result.run, { data: [file('empty.txt', '')] })).rejects.toThrow(DataError)
  })
})

describe('text out of shards', () => {
  it.each(['bpe', 'byte', 'char'] as const)('%s tokens become the training documents again', async (kind) => {
    const lines = tinyText(80).trim().split('\n')
    const documents = lines.map((line, i) => `${line} ${i} é🙂`)
    const data = [file(`${kind}.jsonl`, documents.map((text) => JSON.stringify({ text })).join('\n'))]
    const tokenizer = kind === 'bpe' ? { kind, vocabulary: 300 } : { kind }
    const { run } = await runToEnd({ data, out: fresh(), tokenizer, set: tinySizes, budget: { steps: 1 } })
    const corpus = await corpusIn(run)
    const found = [...documentsOf(corpus.train, corpus.tokenizer)].filter((text) => text !== '')
    expect(found.length).toBe(corpus.train.documents)
    expect(found.filter((text) => !documents.includes(text))).toEqual([])
    const text = { ids: corpus.validation, bytes: 0, documents: 1 }
    const stretches = stretchesOf(text, corpus.tokenizer, [9, 5, 9])
    expect(stretches.length).toBe(3)
    expect(stretchesOf(text, corpus.tokenizer, new Array(1000).fill(20)).length).toBe(
      Math.floor(corpus.validation.tokens / 20),
    )
    corpus.close()
  })
})

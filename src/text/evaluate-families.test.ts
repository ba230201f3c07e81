import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import { ConfigError, DataError } from '../errors.ts'
import { loadMaskedModel } from '../models/checkpoint.ts'
import { createEngine } from '../runtime/index.ts'
import { MaskedModel } from '../sample/masked-model.ts'
import { type EvaluateTextOptions, evaluateText, type TextEvaluation } from './evaluate-text.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'
import type { TextRunResult } from './text-run.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

type Task = TextEvaluation['task']
async function evaluateAs<T extends Task>(task: T, run: string, options: EvaluateTextOptions = {}) {
  const found = await evaluateText(run, { threads: 2, ...options })
  expect(found.task).toBe(task)
  return found as TextEvaluation & { readonly task: T }
}

const lines = tinyText(120).trim().split('\n')
const pairsOf = (few: readonly string[]) =>
  few.map((line) => JSON.stringify({ source: line.split(' ').slice(1, 3).join(' '), target: line })).join('\n')

describe('a model that fills gaps', () => {
  let result: TextRunResult

  beforeAll(async () => {
    const data = [file('lines.txt', lines.join('\n'))]
    const set = { ...tinySizes, nKvHeads: 2, nLayers: 1, learningRate: 0.01, wholeWords: true, dropout: 0 }
    result = await runToEnd({
      data,
      out: fresh(),
      architecture: 'bert',
      tokenizer: { kind: 'wordpiece', vocabulary: 60 },
      set,
      budget: { steps: 250 },
    })
  })

  it('is measured by pseudo-perplexity over every token, and by hidden words', async () => {
    const found = await evaluateAs('fill', result.run)
    expect(found.text.source).toBe('held-out')
    expect(found.pseudoTokens).toBeLessThanOrEqual(found.text.tokens)
    expect(found.pseudoTokens).toBeGreaterThan(0.9 * found.text.tokens)
    const { estimate, low, high } = found.pseudoLoss
    expect(low).toBeLessThan(estimate)
    expect(high).toBeGreaterThan(estimate)
    expect(estimate).toBeLessThan(Math.log(60) - 0.5) // it learned something
    expect(found.pseudoPerplexity.estimate).toBeCloseTo(Math.exp(estimate), 9)
    const { hidden } = found
    expect(hidden.tokens).toBeGreaterThan(hidden.words)
    expect(hidden.tokens / found.text.tokens).toBeGreaterThan(0.1)
    expect(hidden.tokens / found.text.tokens).toBeLessThan(0.2)
    expect(hidden.top1.estimate).toBeGreaterThan(0.04) // chance is 0.017
    expect(hidden.top5.estimate).toBeGreaterThan(hidden.top1.estimate)
    expect(found.samples).toBeUndefined()
    expect(JSON.parse(readFileSync(join(result.run, 'evaluation.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(found)),
    )
  })

  it('gives each hidden token what its own logits say, told one by one', async () => {
    const text = 'The old cat sees the moon.'
    const found = await evaluateAs('fill', result.run, { data: [file('one.txt', text)] })
    const { architecture, weights } = await loadMaskedModel(result.run)
    const tokenizer = await readTokenizer(result.run)
    const ids = tokenizer.encode(text)
    const engine = await createEngine('cpu', { threads: 2 })
    const model = new MaskedModel(engine, architecture, { tensors: weights })
    let sum = 0
    for (const [place, target] of ids.entries()) {
      const hidden = ids.slice()
      hidden[place] = tokenizer.mask!
      const logits = await model.logits([Int32Array.of(tokenizer.cls!, ...hidden, tokenizer.sep!)], [place + 1])
      sum += Math.log(logits.reduce((all, value) => all + Math.exp(value), 0)) - logits[target]!
    }
    await model.release()
    await engine.close()
    expect(found.pseudoTokens).toBe(ids.length)
    expect(found.pseudoLoss.estimate).toBeCloseTo(sum / ids.length, 4)
  })

  it('draws as many tokens as a limit says, the same ones each time', async () => {
    const found = await evaluateAs('fill', result.run, { limit: 20 })
    expect(found.pseudoTokens).toBeGreaterThan(15)
    expect(found.pseudoTokens).toBeLessThanOrEqual(20)
    expect((await evaluateAs('fill', result.run, { limit: 20 })).pseudoLoss).toEqual(found.pseudoLoss)
  })

  it('writes no texts, and is measured by no other task', async () => {
    await expect(evaluateText(result.run, { samples: 3 })).rejects.toThrow('samples means nothing to the task fill')
    await expect(evaluateText(result.run, { task: 'next' })).rejects.toThrow(
      /cannot be measured by the task next, wanted fill \(/,
    )
    await expect(evaluateText(result.run, { limit: 0 })).rejects.toThrow(ConfigError)
  })
})

describe('a model that reads one text and writes another', () => {
  const set = { ...tinySizes, nKvHeads: 2, nLayers: 1, learningRate: 0.01 }
  const tokenizer = { kind: 'unigram', vocabulary: 500 } as const

  it('that restores spans has the loss that training measured, on the same spans', async () => {
    const data = [file('spans.txt', lines.join('\n'))]
    const out = fresh()
    const result = await runToEnd({ data, out, architecture: 't5', tokenizer, set, budget: { steps: 30 } })
    const found = await evaluateAs('denoise', result.run)
    expect(found.validationLoss).toBeCloseTo(result.validationLoss, 4)
    expect(found.accuracy).toBeCloseTo(result.accuracy!, 6)
    const hidden = found.text.bytes / readFileSync(data[0]!).length
    expect(hidden).toBeGreaterThan(0.005) // a tenth is held out, 15 % of it hidden
    expect(hidden).toBeLessThan(0.03)
    expect(found.bitsPerByte.estimate).toBeCloseTo(
      (found.validationLoss * found.text.tokens) / (Math.LN2 * found.text.bytes),
      9,
    )
    await expect(evaluateText(result.run, { task: 'pairs' })).rejects.toThrow(DataError)
  })

  it('of pairs has the loss that training measured, and its answers are measured beside the targets', async () => {
    const data = [file('pairs.jsonl', pairsOf(lines))]
    const given = { data, out: fresh(), architecture: 't5', task: 'pairs', tokenizer, set, budget: { steps: 150 } }
    const result = await runToEnd(given)
    const found = await evaluateAs('pairs', result.run, { samples: 5, settings: { maxTokens: 20 } })
    expect(found.validationLoss).toBeCloseTo(result.validationLoss, 4)
    const { pairs, of, tokens } = found.text
    expect([pairs, found.logProbabilities.length]).toEqual([of, of])
    const sum = found.logProbabilities.reduce<number>((total, one) => total + one!, 0)
    expect(-sum / tokens).toBeCloseTo(found.validationLoss, 9)
    expect(found.meanLogProbability.estimate).toBeCloseTo(sum / pairs, 9)
    expect(found.samples).toMatchObject({ samples: 5, copying: expect.anything() })
    expect(found.samples!.prompt).toBeUndefined()
    expect(found.baseline!.samples).toBe(5)

    const few = [file('few.jsonl', pairsOf(lines.slice(0, 9)))]
    const other = await evaluateAs('pairs', result.run, { task: 'pairs', data: few, limit: 4, samples: 0 })
    expect(other.text).toMatchObject({ source: few, pairs: 4, of: 9, cutSources: 0 })
    expect(other.text.bytes).toBe([0, 2, 4, 6].reduce((all, i) => all + lines[i]!.length, 0))
    await expect(evaluateText(result.run, { between: ' ' })).rejects.toThrow(
      'between is for models that continue texts',
    )
  })
})

describe('a model that continues texts, measured on pairs', () => {
  let result: TextRunResult

  beforeAll(async () => {
    const set = { ...tinySizes, contextLength: 64, learningRate: 0.01 }
    const told = lines.map((line) => JSON.stringify({ text: `${line.split(' ').slice(1, 3).join(' ')}\n${line}` }))
    const data = [file('told.jsonl', told.join('\n'))]
    result = await runToEnd({ data, out: fresh(), set, tokenizer: { kind: 'byte' }, budget: { steps: 200 } })
  })

  it('gives each target what decoding gives it after its source, its end included', async () => {
    const data = [file('asked.jsonl', pairsOf(lines.slice(0, 6)))]
    const found = await evaluateAs('pairs', result.run, { task: 'pairs', data, samples: 2, settings: { maxTokens: 9 } })
    const model = await TextModel.load(result.run)
    const { tokenizer } = model
    for (const [i, line] of lines.slice(0, 6).entries()) {
      const source = tokenizer.encode(`${line.split(' ').slice(1, 3).join(' ')}\n`)
      const wanted = await model.logProbability([...source], [...tokenizer.encode(line)], true)
      expect(found.logProbabilities[i]).toBeCloseTo(wanted!, 3)
    }
    await model.release()
    expect(found.text).toMatchObject({ between: '\n', pairs: 6, of: 6 })
    const other = await evaluateAs('pairs', result.run, { task: 'pairs', data, samples: 0, between: ' ' })
    expect(other.bitsPerByte.estimate).toBeGreaterThan(found.bitsPerByte.estimate)
  })

  it('cuts sources that are too long, leaves out targets that are, and says so', async () => {
    const rows = [
      { source: 'x'.repeat(100), target: lines[0] },
      { source: 'old cat', target: 'y'.repeat(100) },
    ]
    const data = [file('long.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))]
    const found = await evaluateAs('pairs', result.run, { task: 'pairs', data, samples: 0 })
    expect(found.text).toMatchObject({ pairs: 1, cutSources: 1, of: 2 })
    expect(found.logProbabilities).toEqual([expect.any(Number), null])
    const none = [file('none.jsonl', JSON.stringify(rows[1]))]
    await expect(evaluateText(result.run, { task: 'pairs', data: none })).rejects.toThrow(
      'evaluate: no pair of 1 has a target that fits the model',
    )
    await expect(evaluateText(result.run, { task: 'pairs' })).rejects.toThrow('holds no held-out pairs')
  })
})

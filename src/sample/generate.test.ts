import { describe, expect, it } from 'vitest'
import { complete } from './complete.ts'
import { generate } from './generate.ts'
import type { GenerateOptions, GenerationEvent, PieceDecoder } from './generation.ts'
import type { SamplerSettings } from './settings.ts'
import { chiSquare } from './testing/chi-square.ts'
import { logSumExp, softmax, warpedProbabilities } from './testing/reference.ts'
import { bigramLogits, tableModel } from './testing/table-model.ts'

const vocabSize = 12
const bigram = () => tableModel({ vocabSize, logits: bigramLogits(vocabSize) })
const prompts = [[1, 2, 3], [4], [5, 6]]

/** Ids as letters, each half of a pair: `push` waits for the second, as an incomplete character would. */
function pairs(): PieceDecoder {
  let waiting = ''
  return {
    push: (id) => {
      waiting += 'abcdefghijkl'[id]
      const whole = waiting.length === 2 ? waiting : ''
      if (whole !== '') waiting = ''
      return whole
    },
    end: () => waiting,
  }
}

const letters = (): PieceDecoder => ({ push: (id) => 'abcdefghijkl'[id] ?? '?', end: () => '' })

/** A model that says 0 1 2 3 4 5 … in turn. */
const counting = (contextLength = 64) =>
  tableModel({
    vocabSize,
    contextLength,
    logits: (ids) => Array.from({ length: vocabSize }, (_, id) => (id === (ids.at(-1)! + 1) % vocabSize ? 20 : 0)),
  })

const greedy: Partial<SamplerSettings> = { temperature: 0 }

async function eventsOf(given: Partial<SamplerSettings>, options: GenerateOptions = {}): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const event of generate(counting(), [[0]], { ...greedy, ...given }, options)) events.push(event)
  return events
}

describe('generate', () => {
  it('gives the same ids for the same seed, others for another, and others for each of n', async () => {
    const run = (seed: number) => complete(bigram(), prompts, { seed, n: 3, maxTokens: 20 })
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(again).toEqual(first)
    expect(other.map(({ ids }) => ids)).not.toEqual(first.map(({ ids }) => ids))
    expect(new Set(first.map(({ ids }) => ids.join())).size).toBe(9)
    expect(first.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('batched = single: a row made alone is the row of the batch', async () => {
    const settings = { maxTokens: 15, repetitionPenalty: 1.2, dryMultiplier: 0.5, drySequenceBreakers: [3] }
    const options = { endOfText: [7] }
    const batch = await complete(bigram(), prompts, { ...settings, n: 2 }, options)
    for (const one of batch) {
      const prompt = prompts[Math.floor(one.row / 2)]!
      const alone = await complete(bigram(), [prompt], settings, { ...options, firstRow: one.row })
      expect(alone).toEqual([one])
    }
    expect(new Set(batch.map(({ ids }) => ids.length)).size).toBeGreaterThan(1)
  })

  it('draws each next id from the exact distribution', async () => {
    const settings = { temperature: 0.7, topK: 8, topP: 0.9, minP: 0.01 }
    const rows = await complete(bigram(), [[2]], { ...settings, n: 1024, maxTokens: 12, seed: 5 })
    const counts = new Map<string, number[]>()
    for (const { ids } of rows) {
      const sequence = [2, ...ids]
      for (let at = 1; at < sequence.length; at++) {
        const key = sequence.slice(Math.max(at - 2, 0), at).join()
        if (!counts.has(key)) counts.set(key, new Array<number>(vocabSize).fill(0))
        counts.get(key)![sequence[at]!]! += 1
      }
    }
    const busy = [...counts].filter(([, seen]) => seen.reduce((sum, count) => sum + count, 0) > 300)
    expect(busy.length).toBeGreaterThan(4)
    for (const [key, seen] of busy) {
      const logits = bigramLogits(vocabSize)(key.split(',').map(Number))
      const exact = warpedProbabilities([...Float32Array.from(logits)], { typicalP: 1, ...settings })
      const { statistic, bound } = chiSquare(seen, exact)
      expect(statistic).toBeLessThan(bound)
    }
  })

  it("reports the model's own log-probabilities, before any setting", async () => {
    const settings = { temperature: 0.3, topK: 2, logitBias: { 3: 2 }, topLogProbabilities: 4, maxTokens: 6 }
    const [one] = await complete(bigram(), [[1, 2]], settings)
    const sequence = [1, 2]
    for (const [step, id] of one!.ids.entries()) {
      const logits = [...Float32Array.from(bigramLogits(vocabSize)(sequence))]
      const exact = logits.map((logit) => logit - logSumExp(logits))
      expect(one!.logProbabilities[step]).toBeCloseTo(exact[id]!, 9)
      const order = exact.map((_, other) => other).sort((a, b) => exact[b]! - exact[a]!)
      expect(one!.top![step]!.map((other) => other.id)).toEqual(order.slice(0, 4))
      expect(one!.top![step]![0]!.logProbability).toBeCloseTo(exact[order[0]!]!, 9)
      sequence.push(id)
    }
    expect(one!.logProbability).toBeCloseTo(
      one!.logProbabilities.reduce((sum, value) => sum + value, 0),
      12,
    )
  })

  it('runs each prompt once, whatever n, and appends nothing to what is finished', async () => {
    const model = counting()
    const rows = await complete(model, [[0, 1], [8]], { temperature: 0.01, n: 3, maxTokens: 4 }, { endOfText: [10] })
    expect(rows.map(({ ids }) => ids.join())).toEqual([...Array(3).fill('2,3,4,5'), ...Array(3).fill('9')])
    expect(model.seen.appended).toEqual([
      [2, 0, 0, 1, 0, 0],
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 0, 0, 0],
      [1, 1, 1, 0, 0, 0],
    ])
    expect(model.seen.open).toBe(0)
  })
})

describe('generate: how it ends', () => {
  it('at an end-of-text id, which has no token event but counts in the probability', async () => {
    const [one] = await complete(counting(), [[0]], { temperature: 0 }, { endOfText: [4, 9] })
    expect(one).toMatchObject({ ids: [1, 2, 3], finishReason: 'endOfText' })
    const certain = Math.log(softmax([20, ...new Array<number>(11).fill(0)])[0]!)
    expect(one!.logProbability).toBeCloseTo(4 * certain, 9)
    expect(one!.logProbabilities).toHaveLength(3)
  })

  it('not before minTokens, and after them as ever', async () => {
    const options = { endOfText: [4, 9] }
    const [one] = await complete(counting(), [[0]], { temperature: 0, minTokens: 5 }, options)
    expect(one).toMatchObject({ ids: [1, 2, 3, 0, 1, 2, 3], finishReason: 'endOfText' })
    const drawn = await complete(bigram(), prompts, { n: 20, minTokens: 3, maxTokens: 9 }, { endOfText: [4] })
    expect(Math.min(...drawn.map(({ ids }) => ids.length))).toBe(3)
    expect(drawn.flatMap(({ ids }) => ids)).not.toContain(4)
  })

  it('at maxTokens, and at the end of the context', async () => {
    const [short] = await complete(counting(), [[0]], { temperature: 0, maxTokens: 2 })
    expect(short).toMatchObject({ ids: [1, 2], finishReason: 'length' })
    const rows = await complete(counting(5), [[0], [0, 1, 2], [0, 1, 2, 3, 4]], { temperature: 0, maxTokens: 100 })
    expect(rows.map(({ ids }) => ids)).toEqual([[1, 2, 3, 4], [3, 4], []])
    expect(rows.map(({ finishReason }) => finishReason)).toEqual(['length', 'length', 'length'])
  })

  it('before a stop string, withholding what may begin one', async () => {
    const events = await eventsOf({ stop: ['dX', 'ef'], maxTokens: 20 }, { decoder: letters })
    expect(events.map(({ text }) => text)).toEqual(['b', 'c', '', 'd', '', ''])
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', stop: 'ef' })
    const [one] = await complete(counting(), [[0]], { temperature: 0, stop: ['ef'] }, { decoder: letters })
    expect(one).toMatchObject({ text: 'bcd', ids: [1, 2, 3, 4, 5], finishReason: 'stop' })
  })

  it('gives back what was withheld, and half a character, at the end', async () => {
    const [one] = await complete(counting(), [[0]], { temperature: 0, maxTokens: 3, stop: ['cdX'] }, { decoder: pairs })
    expect(one).toMatchObject({ text: 'bcd', finishReason: 'length' })
  })

  it('when the signal says so, releasing the state', async () => {
    const model = counting()
    const controller = new AbortController()
    const events: GenerationEvent[] = []
    for await (const event of generate(model, [[0], [5]], greedy, { signal: controller.signal })) {
      events.push(event)
      if (events.length === 4) controller.abort()
    }
    expect(events.map(({ type, row }) => `${type} ${row}`)).toEqual([
      ...['token 0', 'token 1', 'token 0', 'token 1'],
      ...['finish 0', 'finish 1'],
    ])
    expect(events.at(-1)).toMatchObject({ reason: 'aborted' })
    expect(model.seen.open).toBe(0)
  })

  it('when the reader leaves, releasing the state', async () => {
    const model = counting()
    for await (const _ of generate(model, [[0]], greedy)) break
    expect(model.seen.open).toBe(0)
  })
})

describe('generate: what it refuses', () => {
  const refuse = (prompt: number[], given: Partial<SamplerSettings> = {}, options: GenerateOptions = {}) =>
    expect(complete(counting(5), [[1], prompt], given, options)).rejects

  it('prompts that are empty, too long, or not of the vocabulary', async () => {
    await refuse([]).toThrow('generate: prompt 1 is empty')
    await refuse([0, 1, 2, 3, 4, 5]).toThrow("generate: prompt 1 has 6 ids, wanted at most the context's 5; shorten it")
    await refuse([12]).toThrow('generate: got id 12 in prompt 1, wanted 0 to 11')
    await refuse([0.5]).toThrow('generate: got id 0.5 in prompt 1')
  })

  it('settings that need what was not passed', async () => {
    await refuse([1], { stop: ['x'] }).toThrow('generate: stop strings need a decoder')
    await refuse([1], { dryMultiplier: 1 }).toThrow('generate: drySequenceBreakers as texts need a tokenizer')
    await refuse([1], { beams: 2 }, { hooks: { afterWarpers: () => {} } }).toThrow(
      'generate: beam search has no warpers',
    )
  })

  it('takes DRY breakers as texts where someone knows their ids', async () => {
    const asked: string[] = []
    const breakerId = (text: string) => {
      asked.push(text)
      return text === ':' ? 3 : undefined
    }
    await complete(counting(), [[1]], { dryMultiplier: 1, maxTokens: 2 }, { breakerId })
    expect(asked).toEqual(['\n', ':', '"', '*'])
  })

  it('logits that are not finite, by row, step and id, releasing the state', async () => {
    const broken = tableModel({
      vocabSize: 4,
      logits: (ids) => (ids.length === 3 ? [0, 0, Number.NaN, 0] : [0, 0, 0, 0]),
    })
    await expect(complete(broken, [[0]], { n: 2 })).rejects.toThrow('logits: got NaN at id 2, row 0, step 2')
    expect(broken.seen.open).toBe(0)
    const none = tableModel({ vocabSize: 4, logits: () => new Array<number>(4).fill(-Infinity) })
    await expect(complete(none, [[0]])).rejects.toThrow('logits: got −∞ for every id, row 0, step 0')
    const infinite = tableModel({ vocabSize: 4, logits: () => [0, Infinity, 0, 0] })
    await expect(complete(infinite, [[0]])).rejects.toThrow('logits: got Infinity at id 1, row 0, step 0')
  })
})

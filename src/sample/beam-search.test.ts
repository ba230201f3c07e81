import { describe, expect, it } from 'vitest'
import { complete } from './complete.ts'
import type { SamplerSettings } from './settings.ts'
import { logSumExp } from './testing/reference.ts'
import { bigramLogits, tableModel } from './testing/table-model.ts'

const vocabSize = 4
const end = 3

interface Found {
  readonly ids: readonly number[]
  readonly score: number
}

/** Every continuation of at most `maxTokens` ids with its score, best first. */
function exhaustive(
  logits: (ids: readonly number[]) => number[],
  prompt: number[],
  maxTokens: number,
  alpha: number,
): Found[] {
  const all: Found[] = []
  const visit = (ids: number[], sum: number) => {
    if (ids.length === maxTokens) return void all.push({ ids, score: sum / ids.length ** alpha })
    const row = [...Float32Array.from(logits([...prompt, ...ids]))]
    for (const [id, logit] of row.entries()) {
      const total = sum + logit - logSumExp(row)
      if (id === end) all.push({ ids, score: total / (ids.length + 1) ** alpha })
      else visit([...ids, id], total)
    }
  }
  visit([], 0)
  return all.sort((a, b) => b.score - a.score)
}

function search(logits: (ids: readonly number[]) => number[], settings: Partial<SamplerSettings>, prompt = [0, 1]) {
  const model = tableModel({ vocabSize, logits })
  return complete(model, [prompt], settings, { endOfText: [end] })
}

describe('beam search', () => {
  it('finds the best of all where the beam is wide enough, for any length penalty', async () => {
    for (const spread of [0.5, 2, 4]) {
      for (const lengthPenalty of [-1, 0, 0.7, 1, 2]) {
        const logits = bigramLogits(vocabSize, spread)
        const expected = exhaustive(logits, [0, 1], 4, lengthPenalty).slice(0, 5)
        const found = await search(logits, {
          beams: 64,
          n: 5,
          maxTokens: 4,
          ...(lengthPenalty !== 1 && { lengthPenalty }),
        })
        expect(found.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids))
        for (const [rank, { score }] of found.entries()) expect(score).toBeCloseTo(expected[rank]!.score, 5)
      }
    }
  })

  it('reports log-probabilities, ranks, reasons and texts', async () => {
    const logits = bigramLogits(vocabSize, 1)
    const model = tableModel({ vocabSize, logits })
    const decoder = () => ({ push: (id: number) => `${id}.`, end: () => '' })
    const options = { endOfText: [end], decoder, firstRow: 10 }
    const found = await complete(
      model,
      [[0, 1], [2]],
      { beams: 6, n: 3, maxTokens: 3, topLogProbabilities: 2 },
      options,
    )
    expect(found.map(({ row }) => row)).toEqual([10, 11, 12, 13, 14, 15])
    for (const { ids, logProbability, score, text, top, finishReason } of found) {
      const length = ids.length + (finishReason === 'endOfText' ? 1 : 0)
      expect(score).toBeCloseTo(logProbability / length, 5)
      expect(text).toBe(ids.map((id) => `${id}.`).join(''))
      expect(top?.length ?? 0).toBe(ids.length)
    }
    expect(model.seen.open).toBe(0)
  })

  // From 0: 1 at 0.6, 2 at 0.4. After 1: 0 and 1 and 2 at a third each. After 2: 0 at 0.9, 1 at 0.1.
  const garden: Record<number, number[]> = {
    0: [0, 0.6, 0.4, 0],
    1: [1 / 3, 1 / 3, 1 / 3, 0],
    2: [0.9, 0.1, 0, 0],
  }
  const gardenLogits = (ids: readonly number[]) => garden[ids.at(-1)!]!.map(Math.log)

  it('leaves the greedy path where another is likelier: 0.4 × 0.9 against 0.6 / 3', async () => {
    const [greedy] = await search(gardenLogits, { temperature: 0, maxTokens: 2 }, [0])
    const [first, second] = await search(gardenLogits, { beams: 2, n: 2, maxTokens: 2 }, [0])
    expect(greedy!.ids).toEqual([1, 0])
    expect(first!.ids).toEqual([2, 0])
    expect(first!.logProbability).toBeCloseTo(Math.log(0.36), 6)
    expect(second!.ids).toEqual([1, 0])
    expect(second!.score).toBeCloseTo(Math.log(0.2) / 2, 6)
  })

  // From 0: end 0.3, 1 0.7. After 1: end 0.3, 2 0.7. After 2: end always.
  const ending: Record<number, number[]> = { 0: [0, 0.7, 0, 0.3], 1: [0, 0, 0.7, 0.3], 2: [0, 0, 0, 1] }
  const endingLogits = (ids: readonly number[]) => ending[ids.at(-1)!]!.map(Math.log)

  it('stops early at the first full set, where waiting would have found better', async () => {
    // Scores by sum ÷ length: ln 0.3; ln 0.21 / 2; ln 0.49 / 3, the best, which is complete only at the third step.
    const settings = { beams: 2, n: 2, maxTokens: 5 }
    const early = await search(endingLogits, { ...settings, earlyStopping: true }, [0])
    const patient = await search(endingLogits, settings, [0])
    expect(early.map(({ ids }) => ids)).toEqual([[1], []])
    expect(early.map(({ score }) => score!.toFixed(6))).toEqual(
      [Math.log(0.21) / 2, Math.log(0.3)].map((s) => s.toFixed(6)),
    )
    expect(patient.map(({ ids }) => ids)).toEqual([[1, 2], [1]])
    expect(patient[0]!.score).toBeCloseTo(Math.log(0.49) / 3, 6)
  })

  it('ends at once when told to, with what it has', async () => {
    const model = tableModel({ vocabSize, logits: bigramLogits(vocabSize) })
    const found = await complete(model, [[0]], { beams: 3 }, { signal: AbortSignal.abort() })
    expect(found).toMatchObject([{ ids: [], finishReason: 'aborted' }])
  })

  it('obeys bias and constraints', async () => {
    const forbidFirst = { beforeWarpers: (logits: Float32Array) => void logits.fill(-Infinity, 1, 2) }
    const model = tableModel({ vocabSize, logits: bigramLogits(vocabSize) })
    const settings = { beams: 3, n: 3, maxTokens: 4, logitBias: { 2: -100 } }
    const found = await complete(model, [[0]], settings, { hooks: forbidFirst })
    expect(found.flatMap(({ ids }) => ids).filter((id) => id === 1 || id === 2)).toEqual([])
  })
})

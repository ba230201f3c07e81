import { describe, expect, it } from 'vitest'
import { complete } from './complete.ts'
import type { Constraint } from './constraint.ts'
import type { SamplerSettings } from './settings.ts'
import { logSumExp } from './testing/reference.ts'
import { bigramLogits, tableModel } from './testing/table-model.ts'

const vocabSize = 4
const end = 3

interface Found {
  readonly ids: readonly number[]
  readonly score: number
}

/** Every continuation of at most `maxTokens` ids that `allows` lets grow so, with its score, best first. */
function exhaustive(
  logits: (ids: readonly number[]) => number[],
  prompt: number[],
  maxTokens: number,
  alpha: number,
  allows: (ids: readonly number[]) => boolean = () => true,
): Found[] {
  const all: Found[] = []
  const visit = (ids: number[], sum: number) => {
    if (ids.length === maxTokens) return void all.push({ ids, score: sum / ids.length ** alpha })
    const row = [...Float32Array.from(logits([...prompt, ...ids]))]
    for (const [id, logit] of row.entries()) {
      if (!allows([...prompt, ...ids, id])) continue
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

/** Whether the last `size` ids stand there for the first time. */
const isNew = (size: number) => (ids: readonly number[]) =>
  ids.length < size || !`${ids.slice(0, -1).join()},`.includes(`${ids.slice(-size).join()},`)

/** Diverse beam search by its definition: whole sequences, sorted anew for each group at each step. */
function diverse(logits: (ids: readonly number[]) => number[], prompt: number[], given: Partial<SamplerSettings>) {
  const { beams = 1, beamGroups = 1, diversity = 0.5, maxTokens = 1, lengthPenalty = 1 } = given
  const width = beams / beamGroups
  const groups = Array.from({ length: beamGroups }, () => ({
    living: [{ ids: [] as number[], sum: 0 }],
    done: [] as Found[],
  }))
  const scored = ({ ids, sum }: { ids: number[]; sum: number }, length: number) => ({
    ids,
    score: sum / length ** lengthPenalty,
  })
  for (let length = 1; length <= maxTokens; length++) {
    const taken: number[] = []
    for (const group of groups) {
      const grown = group.living.flatMap(({ ids, sum }) => {
        const row = [...Float32Array.from(logits([...prompt, ...ids]))]
        return row.map((logit, id) => {
          const others = taken.filter((other) => other === id).length
          return { ids: [...ids, id], sum: sum + logit - logSumExp(row) - diversity * others }
        })
      })
      const best = grown.sort((a, b) => b.sum - a.sum).slice(0, 2 * width)
      for (const beam of best.slice(0, width))
        if (beam.ids.at(-1) === end) group.done.push(scored({ ...beam, ids: beam.ids.slice(0, -1) }, length))
      group.living = best.filter(({ ids }) => ids.at(-1) !== end).slice(0, width)
      const [worst, next] = [group.done.sort((a, b) => b.score - a.score)[width - 1], group.living[0]]
      const attainable = next && Math.max(scored(next, length).score, scored(next, maxTokens).score)
      if (worst && attainable !== undefined && attainable <= worst.score) group.living = []
      taken.push(...group.living.map(({ ids }) => ids.at(-1)!))
    }
  }
  return groups
    .flatMap(({ living, done }) =>
      [...done, ...living.map((beam) => scored(beam, maxTokens))].sort((a, b) => b.score - a.score).slice(0, width),
    )
    .sort((a, b) => b.score - a.score)
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

  it.each([1, 2, 3])('finds the best of all without the same %i ids in a row', async (noRepeatNgram) => {
    for (const spread of [1, 3]) {
      const logits = bigramLogits(6, spread)
      const model = tableModel({ vocabSize: 6, logits })
      const settings = { beams: 64, n: 4, maxTokens: 3, noRepeatNgram, lengthPenalty: 0.5 }
      const found = await complete(model, [[0, 1]], settings, { endOfText: [end] })
      const expected = exhaustive(logits, [0, 1], 3, 0.5, isNew(noRepeatNgram)).slice(0, 4)
      expect(found.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids))
      for (const [rank, { score }] of found.entries()) expect(score).toBeCloseTo(expected[rank]!.score, 5)
    }
  })

  it('finds the best of all that end no earlier than minTokens', async () => {
    const logits = bigramLogits(6, 2)
    const settings = { beams: 64, n: 4, maxTokens: 3, minTokens: 2, lengthPenalty: 0.5 }
    const found = await complete(tableModel({ vocabSize: 6, logits }), [[0, 1]], settings, { endOfText: [end] })
    const allows = (ids: readonly number[]) => ids.at(-1) !== end || ids.length - 3 >= 2
    const expected = exhaustive(logits, [0, 1], 3, 0.5, allows).slice(0, 4)
    expect(found.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids))
    for (const [rank, { score }] of found.entries()) expect(score).toBeCloseTo(expected[rank]!.score, 5)
  })

  it('writes by groups of beams what the definition of diverse beams gives', async () => {
    for (const spread of [0.3, 1, 2])
      for (const [beams, beamGroups, diversity] of [
        [4, 2, 0.5],
        [6, 3, 0.7],
        [3, 3, 2],
        [8, 2, 0.1],
      ] as const)
        for (const lengthPenalty of [0, 2]) {
          const logits = bigramLogits(vocabSize, spread)
          const settings = { beams, beamGroups, diversity, maxTokens: 5, lengthPenalty }
          const expected = diverse(logits, [0, 1], settings)
          const { diversity: _, ...rest } = settings
          const found = await search(logits, { ...(diversity === 0.5 ? rest : settings), n: beams })
          expect(found.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids))
          for (const [rank, { score }] of found.entries()) expect(score).toBeCloseTo(expected[rank]!.score, 4)
        }
  })

  it('keeps each group from the ids of those before it, and the first as it would be alone', async () => {
    const logits = bigramLogits(8, 1)
    const model = tableModel({ vocabSize: 8, logits })
    const settings = { maxTokens: 4, lengthPenalty: 0 }
    const alone = await complete(model, [[0, 1]], { ...settings, beams: 2, n: 2 })
    const found = await complete(model, [[0, 1]], { ...settings, beams: 8, n: 8, beamGroups: 4, diversity: 100 })
    expect(found.slice(0, 2).map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids))
    for (const place of [1, 2, 3]) {
      const groups = [0, 2, 4, 6].map((first) => found.slice(first, first + 2).map(({ ids }) => ids[place]!))
      expect(new Set(groups.flatMap((ids) => [...new Set(ids)])).size).toBe(
        groups.flatMap((ids) => [...new Set(ids)]).length,
      )
    }
    const narrow = { ...settings, beams: 4, n: 4, beamGroups: 4, diversity: 0.25 }
    const four = await complete(model, [[0, 1]], narrow)
    const lost = four.map(({ logProbability, score }) => logProbability - score!)
    for (const each of lost) expect(each).toBeCloseTo(Math.round(4 * each) / 4, 4)
    expect(Math.max(...lost)).toBeGreaterThan(0.2)
  })

  it('goes by a constraint where n-grams and it leave nothing, and by both where they do', async () => {
    const only = (...allowed: number[]): Constraint => ({
      check: () => {},
      apply: (logits) => {
        for (const id of logits.keys()) if (!allowed.includes(id)) logits[id] = -Infinity
      },
      isOver: () => false,
    })
    const model = tableModel({ vocabSize, logits: bigramLogits(vocabSize) })
    for (const way of [{ beams: 4, n: 4, beamGroups: 2 }, { temperature: 0 }, { n: 5, temperature: 2 }]) {
      const write = async (constraint: Constraint, noRepeatNgram: number) =>
        (await complete(model, [[0]], { ...way, maxTokens: 4, noRepeatNgram }, { constraint })).map(({ ids }) => ids)
      for (const ids of await write(only(1), 1)) expect(ids).toEqual([1, 1, 1, 1])
      for (const ids of await write(only(1, 2), 2)) {
        expect(ids.every((id) => id === 1 || id === 2)).toBe(true)
        expect(new Set([0, 1, 2].map((at) => ids.slice(at, at + 2).join())).size).toBe(3)
      }
    }
  })
})

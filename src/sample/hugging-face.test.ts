import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { complete } from './complete.ts'
import { createHistory } from './history.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import { Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'
import { tableModel } from './testing/table-model.ts'

interface Fixture {
  readonly logits: number[]
  readonly ids: number[]
  readonly cases: { settings: Partial<SamplerSettings>; probabilities: number[] }[]
  readonly end: number
  readonly table: number[][]
  readonly beams: { settings: Partial<SamplerSettings>; found: { ids: number[]; score: number }[] }[]
}

const path = new URL('../../test/fixtures/sampling/hugging-face.json', import.meta.url)
const fixture: Fixture = JSON.parse(readFileSync(path, 'utf8'))

describe('parity with Hugging Face transformers', () => {
  it.each(fixture.cases)('the distribution of $settings', ({ settings, probabilities }) => {
    const vocabSize = fixture.logits.length
    const sampler = new Sampler(resolveSamplerSettings({ topP: 1, ...settings }), { vocabSize, capacity: 30 })
    const context = { row: 0, step: 0, history: createHistory(fixture.ids, 30) }
    sampler.choose(Float32Array.from(fixture.logits), context, Random.seed(0))
    const { ids, weights, count, total } = sampler.room
    const kept = Array.from(ids.subarray(0, count))
    expect(kept).toEqual(probabilities.flatMap((p, id) => (p > 0 ? [id] : [])))
    for (const [i, id] of kept.entries()) expect(weights[i]! / total).toBeCloseTo(probabilities[id]!, 6)
  })

  it.each(fixture.beams)('beam search with $settings', async ({ settings, found }) => {
    const model = tableModel({ vocabSize: 8, logits: (ids) => fixture.table[ids.at(-1)!]! })
    const options = { endOfText: [fixture.end] }
    const ours = await complete(model, [[1, 2]], { ...settings, n: settings.beams!, maxTokens: 6 }, options)
    expect(ours.map(({ ids }) => ids)).toEqual(found.map(({ ids }) => ids))
    for (const [rank, { score }] of ours.entries()) expect(score).toBeCloseTo(found[rank]!.score, 5)
  })
})

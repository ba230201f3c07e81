import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CausalConfig } from '../models/architecture.ts'
import { architectureNamed } from '../models/registry.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { faulty } from '../runtime/testing/faulty.ts'
import { CachedModel } from './cached-model.ts'
import { type CausalModel, totalSlack } from './causal-model.ts'
import { ContinuousBatch } from './continuous-batch.ts'
import { generate } from './generate.ts'
import type { TokenEvent } from './generation.ts'
import { logNormalizer } from './log-probabilities.ts'
import { LogitSummer, leastLogits } from './logit-sums.ts'
import type { SamplerSettings } from './settings.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

describe('LogitSummer', () => {
  const [rows, width] = [5, 40_000]
  const random = Random.seed(2)
  const spread = [1, 8, 1e4, 0, 30]
  const data = Float32Array.from(
    { length: rows * width },
    (_, i) => (random.uniform() + random.uniform() - 1) * spread[Math.floor(i / width)]!,
  )
  const rowOf = (row: number) => data.subarray(row * width, (row + 1) * width)

  async function sumsOf(values: Float32Array, temperatures: readonly number[]) {
    const summer = await LogitSummer.create(engine)
    const logits = engine.createBuffer({ dtype: 'float32', shape: [rows, width], data: values })
    const sums = summer.bind(logits)
    sums.run(temperatures)
    const found = Array.from({ length: rows }, (_, row) => sums.of(row))
    sums.release()
    logits.release()
    await summer.release()
    return found
  }

  it('gives what sums in double precision give, each row at its temperature', async () => {
    const temperatures = [0.7, 1, 2.5, 0, 0.2]
    for (const [row, sums] of (await sumsOf(data, temperatures)).entries()) {
      const logits = rowOf(row)
      const scaled = logits.map((logit) => logit / (temperatures[row] || 1))
      expect(sums!.top).toBe(Math.max(...logits))
      expect(Math.abs(sums!.normalizer - logNormalizer(logits))).toBeLessThan(1e-5)
      const total = Math.exp(logNormalizer(scaled) - Math.max(...scaled))
      expect(Math.abs(sums!.total / total - 1)).toBeLessThan(totalSlack(width))
    }
  })

  it('knows nothing of rows with NaN or +∞, or without an id that may follow; one that may is enough', async () => {
    const broken = data.slice()
    broken[77] = Number.NaN
    broken[width + 5] = Number.POSITIVE_INFINITY
    broken.fill(Number.NEGATIVE_INFINITY, 2 * width, 4 * width)
    broken[4 * width - 1] = 3
    const found = await sumsOf(broken, [1, 1, 1, 1, 1])
    expect(found.slice(0, 4)).toEqual([undefined, undefined, undefined, { top: 3, normalizer: 3, total: 1 }])
    expect(found[4]).toBeDefined()
  })
})

const config: CausalConfig = {
  ...{ vocabSize: leastLogits, contextLength: 64, dModel: 32, nLayers: 1, nHeads: 2, nKvHeads: 1, dFf: 48 },
  ...{ dropout: 0, tieEmbeddings: true, ropeTheta: 10_000, normEpsilon: 1e-5 },
}

describe('a model that sums over its logits', () => {
  const architecture = architectureNamed('decoder').build(config)
  const tensors = Object.fromEntries(
    [...architecture.scope.parameters.values()].map((parameter) => {
      const tensor = initialize(parameter, Random.seed(3))
      return [parameter.name, { ...tensor, data: (tensor.data as Float32Array).map((value) => 9 * value) }]
    }),
  )
  const settings: Partial<SamplerSettings>[] = [
    {},
    { temperature: 0 },
    { temperature: 1.2, topP: 0.8, minP: 0.01 },
    { topP: 1 },
    { topK: 20 },
    { repetitionPenalty: 1.3 },
    { logitBias: { 7: 20 } },
  ]
  const prompts = settings.map((_, i) => Array.from({ length: 1 + 2 * i }, (_, at) => 31 * i + at))
  let model: CachedModel
  let plain: CausalModel

  beforeAll(async () => {
    model = await CachedModel.create(engine, architecture, { tensors })
    plain = {
      vocabSize: model.vocabSize,
      contextLength: model.contextLength,
      open: async (options) => {
        const state = await model.open(options)
        return Object.create(state, {
          append: { value: (ids: number[][]) => state.append(ids) },
          sums: { value: undefined },
          lengths: { value: state.lengths },
          release: { value: () => state.release() },
        }) as typeof state
      },
    }
  })
  afterAll(() => model.release())

  async function tokensOf(events: AsyncIterable<unknown>): Promise<TokenEvent[]> {
    const all: TokenEvent[] = []
    for await (const event of events) if ((event as TokenEvent).type === 'token') all.push(event as TokenEvent)
    return all
  }

  it('writes the ids, and tells their probabilities, that it does without, alone and in a batch', async () => {
    const batch = await ContinuousBatch.open(model, { rows: 4 })
    const together = await Promise.all(
      settings.map((one, i) => tokensOf(batch.generate(prompts[i]!, { ...one, seed: i, maxTokens: 30 }))),
    )
    await batch.close()
    for (const [i, one] of settings.entries()) {
      const asked = { ...one, seed: i, maxTokens: 30 }
      const wanted = await tokensOf(generate(plain, [prompts[i]!], asked))
      const alone = await tokensOf(generate(model, [prompts[i]!], asked))
      for (const found of [alone, together[i]!]) {
        expect(found.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
        for (const [at, { logProbability }] of found.entries())
          expect(Math.abs(logProbability - wanted[at]!.logProbability)).toBeLessThan(1e-5)
      }
    }
  })

  it('sums only where temperatures are given, and forgets the sums with the next logits', async () => {
    const state = await model.open({ batch: 2 })
    await state.append([[1], [2]])
    expect(state.sums?.(0)).toBeUndefined()
    await state.append([[1], [2]], [1, 0.5])
    expect([state.sums?.(0), state.sums?.(1)]).toEqual([expect.anything(), expect.anything()])
    await state.append([[1, 2], []], [1, 0.5])
    expect(state.sums?.(0)).toBeUndefined()
    state.release()
  })

  it('leaves nothing behind where the engine fails to compile the sums', async () => {
    const { engine: failing, held } = faulty(engine, { createSession: 2 })
    await expect(CachedModel.create(failing, architecture, { tensors })).rejects.toThrow(/told to fail/)
    expect(held.size).toBe(0)
  })

  it.each([
    ['their last buffer', { createBuffer: 12 }],
    ['binding them', { bind: 2 }],
  ])('leaves nothing behind where the engine fails at %s', async (_, faults) => {
    const { engine: failing, held } = faulty(engine, faults)
    const made = await CachedModel.create(failing, architecture, { tensors })
    const state = await made.open({ batch: 1 })
    await expect(state.append([[1]])).rejects.toThrow(/told to fail/)
    state.release()
    await made.release()
    expect(held.size).toBe(0)
  })
})

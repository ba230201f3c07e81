import { describe, expect, it } from 'vitest'
import { BusyError, ConfigError } from '../errors.ts'
import type { CausalConfig } from '../models/architecture.ts'
import { architectureNamed } from '../models/registry.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import { createEngine } from '../runtime/index.ts'
import { CachedModel } from './cached-model.ts'
import type { CausalModel } from './causal-model.ts'
import { ContinuousBatch } from './continuous-batch.ts'
import { generate } from './generate.ts'
import type { GenerateOptions, GenerationEvent } from './generation.ts'
import type { SamplerSettings } from './settings.ts'
import { bigramLogits, tableModel } from './testing/table-model.ts'

const vocabSize = 12
const table = () => tableModel({ vocabSize, contextLength: 600, logits: bigramLogits(vocabSize) })

interface Asked {
  readonly prompt: readonly number[]
  readonly settings: Partial<SamplerSettings>
  readonly options?: GenerateOptions
}

async function eventsOf(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const all: GenerationEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

const alone = (model: CausalModel, { prompt, settings, options }: Asked) =>
  eventsOf(generate(model, [prompt], settings, options))

/** Requests of many kinds: short and long prompts, settings, ends. */
function requests(count: number, size: number, longest: number): Asked[] {
  const random = Random.seed(4)
  return Array.from({ length: count }, (_, i) => ({
    prompt: Array.from({ length: 1 + random.integer(i % 5 === 0 ? longest : 8) }, () => random.integer(size)),
    settings: {
      seed: i,
      maxTokens: 1 + random.integer(20),
      ...[{}, { temperature: 0, topP: 1 }, { repetitionPenalty: 1.2 }, { topK: 3, topLogProbabilities: 2 }][i % 4],
    },
    options: { firstRow: i % 3, ...(i % 2 === 0 ? { endOfText: [7] } : {}) },
  }))
}

/** Asks for all, each after another has given some events, and compares each with itself alone. */
async function joinsAndLeaves(model: CausalModel, all: readonly Asked[], rows: number): Promise<void> {
  const batch = await ContinuousBatch.open(model, { rows, queue: all.length })
  const made = all.map(() => [] as GenerationEvent[])
  const begin = async (index: number): Promise<void> => {
    const { prompt, settings, options } = all[index]!
    const others: Promise<void>[] = []
    for await (const event of batch.generate(prompt, settings, options)) {
      made[index]!.push(event)
      const child = 2 * index + made[index]!.length
      if (made[index]!.length <= 2 && child < all.length) others.push(begin(child))
    }
    await Promise.all(others)
  }
  await begin(0)
  for (const [index, asked] of all.entries())
    if (made[index]!.length > 0) expect(made[index], `request ${index}`).toEqual(await alone(model, asked))
  expect(made.filter((events) => events.length > 0).length).toBeGreaterThan(all.length / 2)
  expect(batch.load).toEqual({ running: 0, waiting: 0 })
  await batch.close()
}

describe('ContinuousBatch', () => {
  it.each([1, 3, 16])('gives each of many requests, joining and leaving %i rows, what it gets alone', async (rows) => {
    const model = table()
    await joinsAndLeaves(model, requests(40, vocabSize, 560), rows)
    expect(model.seen.open).toBe(0)
  })

  it('gives over real caches what each gets alone, bit for bit', async () => {
    const engine = await createEngine('cpu', { threads: 2 })
    const sizes: CausalConfig = {
      ...{ vocabSize: 37, contextLength: 320, dModel: 32, nLayers: 2, nHeads: 4, nKvHeads: 2, dFf: 48 },
      ...{ dropout: 0, tieEmbeddings: true, ropeTheta: 10_000, normEpsilon: 1e-5 },
    }
    const architecture = architectureNamed('decoder').build(sizes)
    const tensors = [...architecture.scope.parameters.values()].map((parameter) => {
      const tensor = initialize(parameter, Random.seed(3))
      return [parameter.name, { ...tensor, data: (tensor.data as Float32Array).map((value) => 4 * value) }] as const
    })
    const model = await CachedModel.create(engine, architecture, { tensors: Object.fromEntries(tensors) })
    await joinsAndLeaves(model, requests(14, 37, 290), 4)
    await model.release()
    await engine.close()
  })

  it('steps only the rows in use, and reads long prompts chunk by chunk between the others’ steps', async () => {
    const model = table()
    const batch = await ContinuousBatch.open(model, { rows: 3 })
    const long = Array.from({ length: 550 }, (_, i) => i % vocabSize)
    const order: string[] = []
    const ask = async (name: string, prompt: readonly number[], maxTokens: number) => {
      for await (const event of batch.generate(prompt, { maxTokens })) if (event.type === 'token') order.push(name)
    }
    await Promise.all([ask('short', [1], 6), ask('long', long, 2)])
    expect(order.slice(0, 3)).toEqual(['short', 'short', 'short'])
    expect(order.indexOf('long')).toBeLessThan(5)
    expect(Math.max(...model.seen.appended.flat())).toBe(256)
    await batch.close()
  })

  it('lets who waits in, in order of asking, and refuses more than may wait', async () => {
    const batch = await ContinuousBatch.open(table(), { rows: 2, queue: 2 })
    const first: number[] = []
    const ask = async (index: number) => {
      for await (const event of batch.generate([index], { maxTokens: 4 }))
        if (event.type === 'token' && !first.includes(index)) first.push(index)
    }
    const all = [0, 1, 2, 3].map(ask)
    expect(batch.load).toEqual({ running: 0, waiting: 4 })
    expect(() => batch.generate([4])).toThrow(BusyError)
    expect(() => batch.generate([4])).toThrow('continuous batch: 2 requests run and 2 wait; ask again later')
    await Promise.all(all)
    expect(first).toEqual([0, 1, 2, 3])
    await expect(ask(5)).resolves.toBeUndefined()
    await batch.close()
  })

  it('ends one by its signal, by its listener’s leaving or by its own error, and none of the others', async () => {
    const model = table()
    const batch = await ContinuousBatch.open(model, { rows: 4, queue: 4 })
    const steady = { prompt: [1, 2], settings: { maxTokens: 40, seed: 3 } }
    const others = [steady, { ...steady, options: { firstRow: 1 } }].map(({ prompt, settings, ...rest }) =>
      eventsOf(batch.generate(prompt, settings, 'options' in rest ? rest.options : {})),
    )
    const stop = new AbortController()
    const stopped = eventsOf(batch.generate([3], { maxTokens: 500 }, { signal: stop.signal }))
    const hooks = {
      beforeWarpers: (_: Float32Array, { step }: { step: number }) => {
        if (step === 5) throw new Error('a hook broke')
      },
    }
    const broken = eventsOf(batch.generate([4], { maxTokens: 500 }, { hooks }))
    const waiting = eventsOf(batch.generate([5], { maxTokens: 5 }, { signal: AbortSignal.abort() }))
    let heard = 0
    for await (const _ of batch.generate([6], { maxTokens: 500 })) {
      if (++heard === 3) stop.abort()
      if (heard === 6) break
    }
    await expect(broken).rejects.toThrow('a hook broke')
    expect((await stopped).at(-1)).toMatchObject({ type: 'finish', reason: 'aborted' })
    expect(await waiting).toEqual([{ type: 'finish', row: 0, reason: 'aborted' }])
    expect(await others[0]).toEqual(await alone(model, steady))
    expect(await others[1]).toEqual(await alone(model, { ...steady, options: { firstRow: 1 } }))
    const late = eventsOf(batch.generate([6], { maxTokens: 500 }))
    await batch.close()
    expect((await late).at(-1)).toMatchObject({ reason: 'aborted' })
    expect(() => batch.generate([1])).toThrow('continuous batch: it is closed; open another')
    expect(model.seen.open).toBe(0)
  })

  it('fails those in the step where the engine fails, and serves the next', async () => {
    const model = table()
    let fails = false
    const flaky: CausalModel = {
      ...model,
      open: async (options) => {
        const state = await model.open(options)
        const append: typeof state.append = (ids) => {
          if (!fails) return state.append(ids)
          fails = false
          return Promise.reject(new Error('the engine broke'))
        }
        return Object.create(state, { append: { value: append } }) as typeof state
      },
    }
    const batch = await ContinuousBatch.open(flaky, { rows: 2 })
    const running = batch.generate([1], { maxTokens: 50 })
    await running.next()
    fails = true
    await expect(eventsOf(running)).rejects.toThrow('the engine broke')
    const asked = { prompt: [2], settings: { maxTokens: 9 } }
    expect(await eventsOf(batch.generate(asked.prompt, asked.settings))).toEqual(await alone(model, asked))
    await batch.close()
  })

  it('refuses what cannot be, in one line', async () => {
    await expect(ContinuousBatch.open(table(), { rows: 0 })).rejects.toThrow(/rows is 0, wanted a whole number from 1/)
    const batch = await ContinuousBatch.open(table(), { rows: 2, capacity: 10 })
    expect(() => batch.generate([1], { n: 2 })).toThrow(/a request is one row/)
    expect(() => batch.generate([1], { beams: 2 })).toThrow(ConfigError)
    expect(() => batch.generate([1], {}, { speculation: { lookup: 2 } })).toThrow(/leave speculation out/)
    expect(() => batch.generate([1], { maxTokens: 30 })).toThrow(/take 31 positions, its rows have 10; lower maxTokens/)
    expect(() => batch.generate([])).toThrow(/prompt 0 is empty/)
    expect(() => batch.generate([1], { temperature: -1 })).toThrow(/temperature/)
    await batch.close()
  })

  it('ends once who came to an end in the very step in which it was closed', async () => {
    const model = tableModel({ vocabSize: 12, logits: bigramLogits(12) })
    const closing: Promise<void>[] = []
    const batch: ContinuousBatch = await ContinuousBatch.open({
      ...model,
      open: async (options) => {
        const state = await model.open(options)
        const append: typeof state.append = (ids) => {
          if (closing.length === 0) closing.push(batch.close())
          return state.append(ids)
        }
        return { ...state, append, lengths: state.lengths }
      },
    })
    const events: string[] = []
    for await (const event of batch.generate([1, 2], { maxTokens: 1 }))
      events.push(event.type === 'finish' ? event.reason : event.type)
    await Promise.all([...closing, batch.close()])
    expect(events).toEqual(['token', 'length'])
    expect(model.seen.open).toBe(0)
  })
})

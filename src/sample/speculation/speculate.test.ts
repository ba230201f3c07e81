import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../errors.ts'
import type { CausalConfig } from '../../models/architecture.ts'
import { architectureNamed } from '../../models/registry.ts'
import { initialize } from '../../nn/parameters.ts'
import { Random } from '../../random/random.ts'
import { createEngine } from '../../runtime/index.ts'
import { CachedModel } from '../cached-model.ts'
import { createCandidates } from '../candidates.ts'
import { complete } from '../complete.ts'
import { generate } from '../generate.ts'
import type { GenerateOptions, Speculation } from '../generation.ts'
import { resolveSamplerSettings } from '../resolve-settings.ts'
import type { SamplerSettings } from '../settings.ts'
import { chiSquare } from '../testing/chi-square.ts'
import { warpedProbabilities } from '../testing/reference.ts'
import { bigramLogits, tableModel } from '../testing/table-model.ts'
import { judge } from './guess.ts'

const vocabSize = 5
const logits = bigramLogits(vocabSize)
const model = () => tableModel({ vocabSize, logits })
/** Near the model, and far from it in places. */
const draft = (contextLength = 64) =>
  tableModel({
    vocabSize,
    contextLength,
    logits: (ids) => logits(ids).map((logit, id) => logit + 1.5 * Math.cos(id * 5)),
  })
const guessers: readonly [string, () => Speculation][] = [
  ['a draft', () => ({ draft: draft(), length: 3 })],
  ['lookup', () => ({ lookup: 3 })],
]
const prompt = [1, 2, 3, 1, 2]

describe('judge', () => {
  it('gives p whatever q is, and lets a guess stand with Σ min(p, q)', () => {
    const p = [0.1, 0.4, 0, 0.3, 0.2]
    const q = [0.3, 0.1, 0.4, 0, 0.2]
    const [draws, accept, redraw] = ['draw', 'accept', 'redraw'].map((name) => Random.seed(5).split(name))
    const counts = [0, 0, 0, 0, 0]
    let stood = 0
    const rounds = 50_000
    const target = createCandidates(vocabSize)
    for (let round = 0; round < rounds; round++) {
      target.ids.set([0, 1, 3, 4])
      target.weights.set([0.2, 0.8, 0.6, 0.4])
      target.count = 4
      target.total = 2
      const u = draws!.uniform()
      const id = q.findIndex((_, at) => u < q.slice(0, at + 1).reduce((sum, value) => sum + value, 0))
      const ids = [0, 1, 2, 4]
      const chosen = judge({ id, ids, probabilities: ids.map((at) => q[at]!) }, target, accept!, redraw!)
      counts[chosen]!++
      if (chosen === id) stood++
    }
    const { statistic, bound } = chiSquare(counts, p)
    expect(statistic).toBeLessThan(bound)
    const share = p.reduce((sum, value, id) => sum + Math.min(value, q[id]!), 0)
    const standing = chiSquare([stood, rounds - stood], [share, 1 - share])
    expect(standing.statistic).toBeLessThan(standing.bound)
  })
})

describe.each(guessers)('speculation by %s', (_, speculation) => {
  it.each<Partial<SamplerSettings>>([
    { temperature: 1, topP: 1 },
    { temperature: 0.6, topP: 1, topK: 3 },
    { temperature: 1.3, topP: 0.7 },
    { temperature: 1, topP: 1, minP: 0.2 },
    { temperature: 1, topP: 0.95, typicalP: 0.6 },
  ])('writes three ids from the exact distribution with %j', async (given) => {
    const settings = resolveSamplerSettings({ ...given, maxTokens: 3, n: 1024 })
    const counts = new Array<number>(vocabSize ** 3).fill(0)
    const counted = { guessed: 0, accepted: 0 }
    for (let seed = 0; seed < 2; seed++) {
      for (const { ids, guesses } of await complete(
        model(),
        [prompt],
        { ...settings, seed },
        { speculation: speculation() },
      )) {
        counts[(ids[0]! * vocabSize + ids[1]!) * vocabSize + ids[2]!]!++
        counted.guessed += guesses!.guessed
        counted.accepted += guesses!.accepted
      }
    }
    const following = (...ids: number[]) => warpedProbabilities(logits([...prompt, ...ids]), settings)
    const exact = counts.map((_, at) => {
      const [a, b, c] = [Math.floor(at / vocabSize ** 2), Math.floor(at / vocabSize) % vocabSize, at % vocabSize]
      const first = following()[a]!
      return first === 0 ? 0 : first * (following(a)[b]! === 0 ? 0 : following(a)[b]! * following(a, b)[c]!)
    })
    const { statistic, bound } = chiSquare(counts, exact)
    expect(statistic).toBeLessThan(bound)
    expect(counted.guessed).toBeGreaterThan(500)
    expect(counted.accepted).toBeLessThan(counted.guessed)
    expect(counted.accepted).toBeGreaterThan(0)
  })

  it('writes the ids of plain decoding at temperature 0, with their log-probabilities and ends', async () => {
    const text = { decoder: () => ({ push: (id: number) => 'abcde'[id]!, end: () => '' }) }
    for (const [settings, options] of [
      [{ maxTokens: 40 }, {}],
      [{ maxTokens: 100, topLogProbabilities: 2 }, {}],
      [{ maxTokens: 40, repetitionPenalty: 1.3, presencePenalty: 0.5 }, { endOfText: [4] }],
      [{ maxTokens: 40, frequencyPenalty: 0.4, stop: ['ca', 'bb'] }, text],
      [{ maxTokens: 1 }, {}],
    ] as [Partial<SamplerSettings>, GenerateOptions][]) {
      const greedy = { ...settings, temperature: 0, topP: 1 }
      const plain = await complete(model(), [prompt, [0], [4, 4]], greedy, options)
      const quick = await complete(model(), [prompt, [0], [4, 4]], greedy, { ...options, speculation: speculation() })
      expect(quick.map(({ guesses, ...rest }) => rest)).toEqual(plain)
      expect(quick.every(({ guesses }) => guesses !== undefined)).toBe(true)
    }
  })

  it('is the same for the same seed and row, and leaves nothing open, stopped early or not', async () => {
    const own = model()
    const options = { speculation: speculation() }
    const all = await complete(own, [prompt, [3]], { seed: 9, n: 2, maxTokens: 20 }, options)
    const [alone] = await complete(own, [[3]], { seed: 9, maxTokens: 20 }, { ...options, firstRow: 2 })
    expect(alone).toEqual(all[2])
    for await (const _ of generate(own, [prompt], { maxTokens: 30 }, options)) break
    const { signal } = { signal: AbortSignal.abort() }
    const [stopped] = await complete(own, [prompt], { maxTokens: 30 }, { ...options, signal })
    expect(stopped).toMatchObject({ finishReason: 'aborted', ids: [] })
    expect(own.seen.open).toBe(0)
  })
})

describe('speculation', () => {
  it('takes every guess of a draft that is the model, in runs of length + 1', async () => {
    const [own, same] = [model(), model()]
    const [made] = await complete(own, [[1]], { maxTokens: 25 }, { speculation: { draft: same, length: 4 } })
    expect(made!.guesses).toEqual({ guessed: 20, accepted: 20 })
    expect(own.seen.appended).toEqual([[5], [5], [5], [5], [5]])
    expect(same.seen.open).toBe(0)
  })

  it('looks up what followed the longest run of last ids, and goes on without a draft that has no more room', async () => {
    const counting = tableModel({
      vocabSize,
      logits: (ids) => [0, 1, 2, 3, 4].map((id) => (id === (ids.at(-1)! + 1) % 5 ? 20 : 0)),
    })
    const [made] = await complete(
      counting,
      [[0, 1, 2, 3, 4, 0, 1]],
      { temperature: 0, topP: 1, maxTokens: 30 },
      { speculation: { lookup: 5 } },
    )
    expect(made!.guesses!.accepted).toBe(made!.guesses!.guessed)
    expect(counting.seen.appended.length).toBeLessThan(9)
    const short = draft(8)
    const settings = { temperature: 0, topP: 1, maxTokens: 20 }
    const [quick] = await complete(model(), [prompt], settings, { speculation: { draft: short } })
    expect(quick!.ids).toEqual((await complete(model(), [prompt], settings))[0]!.ids)
  })

  it('keeps the marks of hooks: the draft has none', async () => {
    const hooks = { afterWarpers: (row: Float32Array) => void row.fill(-Infinity, 3) }
    const [made] = await complete(
      model(),
      [prompt],
      { temperature: 1, maxTokens: 50 },
      { hooks, speculation: { draft: draft() } },
    )
    expect(Math.max(...made!.ids)).toBeLessThan(3)
  })

  it('refuses what does not go together, in one line', async () => {
    const refuse = (settings: Partial<SamplerSettings>, options: GenerateOptions) =>
      expect(complete(model(), [prompt], settings, options)).rejects
    await refuse({ beams: 2 }, { speculation: { lookup: 3 } }).toThrow(/beam search goes without guesses ahead/)
    const constraint = { check: () => {}, apply: () => {}, isOver: () => false }
    await refuse({}, { constraint, speculation: { lookup: 3 } }).toThrow(/a form .* goes without guesses ahead/)
    await refuse({}, { speculation: { lookup: 0 } }).toThrow(/lookup is 0, wanted 1 to 64/)
    await refuse({}, { speculation: { draft: draft(), length: 1.5 } }).toThrow(ConfigError)
    const other = tableModel({ vocabSize: 6, logits: bigramLogits(6) })
    await refuse({}, { speculation: { draft: other } }).toThrow(/the draft's vocabulary has 6 ids, the model's 5/)
  })

  it('writes the ids of plain decoding over real caches', async () => {
    const engine = await createEngine('cpu', { threads: 2 })
    const sizes: CausalConfig = {
      ...{ vocabSize: 37, contextLength: 96, dModel: 32, nLayers: 2, nHeads: 4, nKvHeads: 2, dFf: 48 },
      ...{ dropout: 0, tieEmbeddings: true, ropeTheta: 10_000, normEpsilon: 1e-5 },
    }
    const load = (change: Partial<CausalConfig>, scale: number) => {
      const architecture = architectureNamed('decoder').build({ ...sizes, ...change })
      const tensors = [...architecture.scope.parameters.values()].map((parameter) => {
        const tensor = initialize(parameter, Random.seed(3))
        return [
          parameter.name,
          { ...tensor, data: (tensor.data as Float32Array).map((value) => value * scale) },
        ] as const
      })
      return CachedModel.create(engine, architecture, { tensors: Object.fromEntries(tensors) })
    }
    const [large, small] = [await load({}, 4), await load({ nLayers: 1 }, 4)]
    const ids = Array.from({ length: 9 }, (_, i) => (i * 7) % 37)
    const greedy = { temperature: 0, topP: 1, maxTokens: 80 }
    const [plain] = await complete(large, [ids], greedy)
    for (const speculation of [{ draft: small }, { draft: large, length: 7 }, { lookup: 4 }]) {
      const [quick] = await complete(large, [ids], greedy, { speculation })
      expect(quick!.ids).toEqual(plain!.ids)
      for (const [i, value] of quick!.logProbabilities.entries())
        expect(value).toBeCloseTo(plain!.logProbabilities[i]!, 4)
    }
    const [same] = await complete(large, [ids], { maxTokens: 60, seed: 2 }, { speculation: { draft: large } })
    expect(same!.guesses!.accepted / same!.guesses!.guessed).toBeGreaterThan(0.95)
    await large.release()
    await small.release()
    await engine.close()
  })
})

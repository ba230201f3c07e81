import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byteTokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { saveModel } from '../models/checkpoint.ts'
import { architectureNamed } from '../models/registry.ts'
import { initializeAll } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import { createEngine } from '../runtime/index.ts'
import { faulty } from '../runtime/testing/faulty.ts'
import { remakeArtifact } from './remake.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'
import { readModel } from './writer.ts'

const { fresh, file, remove } = temporaryFolder()
const set = { ...tinySizes, nLayers: 1, learningRate: 0.01 }
const models: TextModel[] = []
afterAll(async () => {
  for (const model of models) await model.release()
  remove()
})

async function trained(architecture: string, kind: 'wordpiece' | 'unigram', vocabulary: number): Promise<TextModel> {
  const data = [file('tiny.txt', tinyText(300))]
  const { run } = await runToEnd({
    data,
    out: fresh(),
    architecture,
    tokenizer: { kind, vocabulary },
    budget: { steps: 30 },
    set,
  })
  const model = await TextModel.load(run, { threads: 2 })
  models.push(model)
  return model
}

async function remadeFrom(model: TextModel, prompts: string[]): Promise<boolean> {
  const path = join(model.folder, 'made.json')
  writeFileSync(path, JSON.stringify({ artifacts: await model.complete(prompts, { n: 2, seed: 5, maxTokens: 6 }) }))
  return (await remakeArtifact(path)).identical
}

describe('a model that fills gaps', () => {
  let model: TextModel
  beforeAll(async () => {
    model = await trained('bert', 'wordpiece', 120)
  })
  const prompt = 'The old [MASK] sees the [MASK].'

  it('fills them with the likeliest, and tells the candidates', async () => {
    const [made] = await model.complete([prompt])
    expect(made?.text).toMatch(/^The old \S+ sees the \S+$/)
    expect(made).toMatchObject({ tokens: 2, finishReason: 'complete' })
    expect(made!.top).toHaveLength(2)
    for (const [i, candidates] of made!.top!.entries()) {
      expect(candidates).toHaveLength(5)
      expect(candidates.every(({ token, id }) => token === model.tokenizer.tokenOf(id))).toBe(true)
      expect(candidates.some(({ id }) => id === made!.ids[i])).toBe(true)
    }
    expect(await model.complete([prompt])).toEqual([made])
  })

  it('writes on where there is none, within its context', async () => {
    const [five] = await model.complete(['The quiet'], { maxTokens: 5 })
    expect(five?.tokens).toBe(5)
    expect(five?.text.startsWith('The quiet')).toBe(true)
    const [all] = await model.complete([''], { fillRounds: 2 })
    expect(all?.tokens).toBe(30)
  })

  it('samples by Gibbs sweeps, the same for the same seed, and remakes', async () => {
    const settings = { gibbsSweeps: 2, temperature: 1, topP: 1 }
    const seeds = await Promise.all([1, 1, 2, 3].map((seed) => model.complete([prompt], { ...settings, seed })))
    expect(seeds[0]![0]!.ids).toEqual(seeds[1]![0]!.ids)
    expect(new Set(seeds.map(([made]) => made!.ids.join())).size).toBeGreaterThan(1)
    expect(await remadeFrom(model, [prompt, 'The'])).toBe(true)
  })

  it('takes gaps in whatever case, draws by sweeps as they draw, and heeds penalties of what stands before a gap', async () => {
    const ids = async (settings: object, words = prompt) => (await model.complete([words], settings))[0]!.ids
    expect(await ids({}, prompt.replaceAll('[MASK]', '[mask]'))).toEqual(await ids({}))
    const drawn = await Promise.all([1, 2, 3, 4].map((seed) => ids({ gibbsSweeps: 2, seed })))
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(1)
    const twice = 'The old cat sees the old [MASK].'
    expect(await ids({ fillRounds: 1, presencePenalty: 2, frequencyPenalty: 2 }, twice)).not.toEqual(
      await ids({ fillRounds: 1, presencePenalty: -2, frequencyPenalty: -2 }, twice),
    )
    await expect(ids({ gibbsSweeps: 2, temperature: 0 })).rejects.toThrow('Gibbs sampling draws')
  })

  it('ends within a text where a signal asks for it, and goes without guesses', async () => {
    const stop = new AbortController()
    const writing = model.complete([prompt], { gibbsSweeps: 1024 }, { signal: stop.signal })
    setTimeout(() => stop.abort(), 30)
    expect((await writing)[0]).toMatchObject({ finishReason: 'aborted', text: '', ids: [] })
    await expect(model.complete([prompt], {}, { speculation: { lookup: 3 } })).rejects.toThrow(ConfigError)
  })

  it('refuses what only continuations have, and prompts without room', async () => {
    const message = 'sampler settings: beams means nothing to models that fill gaps in texts; leave it out'
    await expect(model.complete([prompt], { beams: 2 })).rejects.toThrow(message)
    await expect(model.complete([prompt], { regex: 'a' })).rejects.toThrow(ConfigError)
    await expect(model.complete(['the '.repeat(40)])).rejects.toThrow(DataError)
    expect(() => model.loaded).toThrow(/it is bert, wanted one of the models that continue texts/)
  })
})

describe('a model that reads one text and writes another', () => {
  let model: TextModel
  beforeAll(async () => {
    model = await trained('t5', 'unigram', 500)
  })
  const prompts = ['The old <extra_id_0> sees the sea.', 'The tall cat']

  it('answers each prompt from its own source, drawn or by beams, and says how likely the answer is', async () => {
    const both = await model.complete(prompts, { n: 2, seed: 3, maxTokens: 8 })
    expect(both.map(({ row }) => row)).toEqual([0, 1, 2, 3])
    expect(both[0]!.promptIds.at(-1)).toBe(model.tokenizer.eos)
    for (const { promptIds, ids, finishReason, logProbability } of both) {
      const here = await model.logProbability(promptIds, ids, finishReason === 'endOfText')
      expect(here).toBeCloseTo(logProbability, 3)
    }
    const [greedy] = await model.complete([prompts[0]!], { temperature: 0, maxTokens: 8 })
    const [beam] = await model.complete([prompts[0]!], { beams: 4, maxTokens: 8, lengthPenalty: 0 })
    expect(beam!.logProbability).toBeGreaterThanOrEqual(greedy!.logProbability - 1e-4)
    expect(greedy!.text).toContain('<extra_id_0>')
    const several = await model.complete(prompts, { beams: 4, n: 4, beamGroups: 2, noRepeatNgram: 1, maxTokens: 8 })
    for (const { ids } of several) expect(new Set(ids).size).toBe(ids.length)
  })

  it('remakes, and refuses what only gaps have', async () => {
    expect(await remadeFrom(model, prompts)).toBe(true)
    await expect(model.complete(prompts, { fillRounds: 3 })).rejects.toThrow(
      /^sampler settings: fillRounds means nothing/,
    )
  })
})

describe('a model whose weights are replaced between reading and opening', () => {
  const architecture = architectureNamed('decoder').build({
    ...{ vocabSize: 256, contextLength: 8, dModel: 128, nLayers: 1, nHeads: 2, nKvHeads: 1, dFf: 128, dropout: 0 },
    ...{ tieEmbeddings: true, ropeTheta: 10_000, normEpsilon: 1e-5 },
  })

  it.each([
    ['written anew', (path: string) => utimesSync(path, 1, 1)],
    ['gone', rmSync],
  ])('is refused, and nothing of it is left: %s', async (_, replace) => {
    const real = await createEngine('cpu', { threads: 2 })
    const { engine, held } = faulty(real, {})
    const folder = fresh()
    const weights = await initializeAll(architecture.scope.parameters.values(), Random.seed(1))
    await saveModel(folder, architecture, Object.fromEntries(weights))
    const { open } = await readModel('causal', folder, engine)
    replace(join(folder, 'model.safetensors'))
    const opening = open(byteTokenizer())
    if (engine.mapsFiles) {
      await expect(opening).rejects.toThrow(CheckpointError)
      await expect(opening).rejects.toThrow('was replaced while it was read; load it again')
    } else await (await opening).release()
    expect(held.size).toBe(0)
    await real.close()
  })
})

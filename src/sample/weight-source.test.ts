import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CausalConfig } from '../models/architecture.ts'
import { type LoadOptions, loadModel, loadSequenceModel, saveModel } from '../models/checkpoint.ts'
import { architectureNamed, rowNamed } from '../models/registry.ts'
import { initialize, type Scope } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { CachedModel } from './cached-model.ts'
import type { CausalModel } from './causal-model.ts'
import { SequenceModel } from './sequence-model.ts'
import type { WeightSource } from './weight-source.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const weightsOf = ({ parameters }: Scope) =>
  Object.fromEntries(
    [...parameters.values()].map((parameter) => [parameter.name, initialize(parameter, Random.seed(1))]),
  )

/** Logits after a beginning and after one id more. */
async function logitsOf(model: CausalModel): Promise<number[]> {
  const state = await model.open({ batch: 1 })
  const logits = [...(await state.append([[1, 2, 300]])), ...(await state.append([[7]]))]
  state.release()
  return logits
}

/** The numbers that `run` makes of a folder: of weights read from it, and of those left in it, the folder gone. */
async function both<Loaded extends { readonly weights: object; readonly stored?: { readonly places: object } }>(
  save: (folder: string) => Promise<void>,
  load: (folder: string, options: LoadOptions) => Promise<Loaded>,
  open: (loaded: Loaded) => Promise<{ release(): Promise<void>; run(): Promise<number[]> }>,
): Promise<readonly [number[], number[]]> {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-weights-'))
  await save(folder)
  const [read, left] = [await load(folder, {}), await load(folder, { leave: engine.mapsFiles })]
  if (engine.mapsFiles) {
    expect(Object.keys(left.stored!.places).length).toBeGreaterThan(3)
    expect(Object.keys(left.weights).filter((name) => name in left.stored!.places)).toEqual([])
  }
  const models = [await open(read), await open(left)] as const
  await rm(folder, { recursive: true })
  const [one, two] = [await models[0].run(), await models[1].run()]
  for (const model of models) await model.release()
  return [one, two]
}

const sourceOf = ({ weights, stored }: Pick<Awaited<ReturnType<typeof loadModel>>, 'weights' | 'stored'>) =>
  ({ tensors: weights, ...(stored ? { stored } : {}) }) satisfies WeightSource

describe('weights left in their files give, bit for bit, what weights read from them give, when these are gone too', () => {
  const sizes: CausalConfig = {
    vocabSize: 512,
    contextLength: 32,
    dModel: 128,
    nLayers: 2,
    nHeads: 4,
    nKvHeads: 4,
    dFf: 256,
    dropout: 0,
    tieEmbeddings: true,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
  }

  it.each(['decoder', 'gpt2'])('%s', async (name) => {
    const architecture = architectureNamed(name).build(sizes)
    const [read, left] = await both(
      (folder) => saveModel(folder, architecture, weightsOf(architecture.scope)),
      loadModel,
      async (loaded) => {
        const model = await CachedModel.create(engine, loaded.architecture, sourceOf(loaded))
        return { release: () => model.release(), run: () => logitsOf(model) }
      },
    )
    expect(left).toEqual(read)
    expect(new Set(left).size).toBeGreaterThan(500)
  })

  it('t5, whose encoder and decoder share a table', async () => {
    const architecture = rowNamed('sequenceToSequence', 't5').build({
      ...{ vocabSize: 512, contextLength: 32, dModel: 128, nEncoderLayers: 1, nLayers: 1, nHeads: 4, dHead: 32 },
      ...{ dFf: 256, gated: false, dropout: 0, tieEmbeddings: true, normEpsilon: 1e-6, buckets: 32, maxDistance: 128 },
      ...{ padTokenId: 0, eosTokenId: 1, startTokenId: 0 },
    })
    const [read, left] = await both(
      (folder) => saveModel(folder, architecture, weightsOf(architecture.scope)),
      loadSequenceModel,
      async (loaded) => {
        const model = await SequenceModel.create(engine, loaded.architecture, sourceOf(loaded))
        const run = async () => {
          const source = await model.read([5, 300, 1])
          const logits = await logitsOf(source.model)
          source.release()
          return logits
        }
        return { release: () => model.release(), run }
      },
    )
    expect(left).toEqual(read)
    expect(new Set(left).size).toBeGreaterThan(500)
  })
})

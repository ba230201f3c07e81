import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { writeSafetensors } from '../files/safetensors-file.ts'
import { float32, type HostTensor, sizeOf, type TypedArray } from '../graph/dtype.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { CausalConfig } from './architecture.ts'
import { loadModel, saveModel } from './checkpoint.ts'
import { Decoder } from './decoder.ts'
import { checkUnchanged, type StoredWeights } from './stored-weights.ts'
import type { Weights } from './weights.ts'

const settings: CausalConfig = {
  vocabSize: 4200,
  contextLength: 8,
  dModel: 128,
  nLayers: 1,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 128,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}
const model = new Decoder(settings)
const weights: Weights = Object.fromEntries(
  [...model.scope.parameters.values()].map((parameter) => [parameter.name, initialize(parameter, Random.seed(1))]),
)
const table = 'model.embed_tokens.weight'
const query = 'model.layers.0.self_attn.q_proj.weight'
const large = Object.keys(weights).filter((name) => weights[name]!.data.byteLength >= 65_536)
let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'atelier-stored-')))
})
afterEach(() => rm(folder, { recursive: true }))

const digestOf = (bytes: TypedArray) => createHash('sha256').update(bytes).digest('hex')
const digestsOf = (tensors: Weights, names = Object.keys(tensors)) =>
  Object.fromEntries(names.map((name) => [name, digestOf(tensors[name]!.data)]))

/** What lies at the places that are told. */
async function digestsAt({ folder: at, places }: StoredWeights): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  for (const [name, { file, byteOffset, byteLength }] of Object.entries(places))
    all[name] = digestOf((await readFile(join(at, file))).subarray(byteOffset, byteOffset + byteLength))
  return all
}

/** Expects `names` where their places say, and all others to have been read. */
async function expectLeft(names: readonly string[], expectedFolder = folder): Promise<void> {
  const loaded = await loadModel(folder, { leave: true })
  expect(await digestsAt(loaded.stored!)).toEqual(digestsOf(weights, [...names]))
  expect(loaded.stored!.folder).toBe(expectedFolder)
  const others = Object.keys(weights).filter((name) => !names.includes(name))
  expect(digestsOf(loaded.weights)).toEqual(digestsOf(weights, others))
}

/** Each tensor a file, in the folder that `place` says. */
async function saveShards(place: (name: string) => string): Promise<void> {
  await saveModel(folder, model, weights)
  await rm(join(folder, 'model.safetensors'))
  const weight_map: Record<string, string> = {}
  for (const [i, name] of Object.keys(weights).entries()) {
    weight_map[name] = `model-${i}.safetensors`
    await mkdir(place(name), { recursive: true })
    const written = join(place(name), weight_map[name])
    await writeSafetensors(written, { [name]: weights[name]! })
    if (place(name) === folder) continue
    await rm(join(folder, weight_map[name]), { force: true })
    await symlink(written, join(folder, weight_map[name]))
  }
  await writeJsonFile(join(folder, 'model.safetensors.index.json'), { weight_map })
}

describe('weights that may stay in their files', () => {
  it('are the large ones in 32 bits, and none unless asked for', async () => {
    await saveModel(folder, model, weights)
    expect(large).toContain(table)
    expect(large.length).toBeLessThan(Object.keys(weights).length)
    await expectLeft(large)
    const loaded = await loadModel(folder)
    expect(digestsOf(loaded.weights)).toEqual(digestsOf(weights))
    expect(loaded.stored).toBeUndefined()
  })

  it('are found in shards and behind links, of which they must all come from one folder', async () => {
    await saveShards(() => folder)
    await expectLeft(large)
    const [blobs, others] = [join(folder, 'blobs'), join(folder, 'others')]
    await saveShards((name) => (name === query ? others : blobs))
    await expectLeft(
      large.filter((name) => name !== query),
      blobs,
    )
    await rename(blobs, join(folder, 'gone'))
    await expect(loadModel(folder, { leave: true })).rejects.toThrow(/it does not exist; check the path$/)
  })

  it('are known to be others when their file is replaced, written into or gone', async () => {
    const path = join(folder, 'model.safetensors')
    await saveModel(folder, model, weights)
    const { stored } = await loadModel(folder, { leave: true })
    await checkUnchanged(stored!)
    await utimes(path, 1, 1)
    await expect(checkUnchanged(stored!)).rejects.toThrow(`${path} was replaced while it was read; load it again`)
    await saveModel(folder, model, weights)
    await expect(checkUnchanged(stored!)).rejects.toThrow(CheckpointError)
    await rm(path)
    await expect(checkUnchanged(stored!)).rejects.toThrow(CheckpointError)
  })

  it('are none in 16 bits', async () => {
    const { shape } = weights[query]!
    const halves = float32(new Float32Array(sizeOf(shape)).fill(0.5), shape)
    await saveModel(folder, model, { ...weights, [query]: halves }, { float: 'BF16' })
    const { stored, weights: read } = await loadModel(folder, { leave: true })
    expect(stored!.places).toEqual({})
    expect(read[query]!.data[7]).toBe(0.5)
  })

  it('are searched for numbers that are not finite, to the last of the last piece', async () => {
    const { shape, data } = weights[table] as HostTensor
    for (const at of [3, 300_001, data.length - 1]) {
      const broken = Float32Array.from(data as Float32Array)
      broken[at] = at === 3 ? Number.NaN : Number.NEGATIVE_INFINITY
      await saveModel(folder, model, { ...weights, [table]: { dtype: 'float32', shape, data: broken } })
      const loading = loadModel(folder, { leave: true })
      await expect(loading).rejects.toThrow(`${table} holds ${broken[at]} at element ${at}; the model diverged`)
      await expect(loading).rejects.toThrow(CheckpointError)
    }
  })
})

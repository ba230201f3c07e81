import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { writeSafetensors } from '../files/safetensors-file.ts'
import { float32, type HostTensor } from '../graph/dtype.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { CausalConfig } from './architecture.ts'
import { familyOfFolder, loadMaskedModel, loadModel, loadSequenceModel, saveModel } from './checkpoint.ts'
import { Decoder } from './decoder.ts'

const settings: CausalConfig = {
  vocabSize: 7,
  contextLength: 8,
  dModel: 8,
  nLayers: 1,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 6,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}
const model = new Decoder(settings)
const weights: Readonly<Record<string, HostTensor>> = Object.fromEntries(
  [...model.scope.parameters.values()].map((parameter) => [parameter.name, initialize(parameter, Random.seed(1))]),
)
const norm = 'model.norm.weight'
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-checkpoint-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Saves the model with changes to its tensors; undefined leaves one out. */
function save(changes: Readonly<Record<string, HostTensor | undefined>> = {}, float: 'F32' | 'F16' | 'BF16' = 'F32') {
  const all = Object.entries({ ...weights, ...changes }).filter((entry): entry is [string, HostTensor] => !!entry[1])
  return saveModel(folder, model, Object.fromEntries(all), { float })
}

describe('a saved model', () => {
  it('reads back as it was, from 32 bits and, rounded, from 16', async () => {
    await save()
    expect((await loadModel(folder)).weights).toEqual(weights)
    for (const [float, bits] of [
      ['F16', 11],
      ['BF16', 8],
    ] as const) {
      await save({}, float)
      const loaded = await loadModel(folder)
      for (const [name, { data }] of Object.entries(loaded.weights))
        for (const [i, value] of (data as Float32Array).entries()) {
          const wanted = Number(weights[name]!.data[i])
          expect(Math.abs(value - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -bits + 2 ** -25)
        }
    }
  })

  it('reads from shards and under names without the outermost prefix', async () => {
    await save()
    await rm(join(folder, 'model.safetensors'))
    const bare = Object.entries(weights).map(([name, tensor]) => [name.replace(/^model\./, ''), tensor] as const)
    const weight_map: Record<string, string> = {}
    for (const [i, [name, tensor]] of bare.entries()) {
      weight_map[name] = `model-${i}.safetensors`
      await writeSafetensors(join(folder, `model-${i}.safetensors`), { [name]: tensor })
    }
    await writeJsonFile(join(folder, 'model.safetensors.index.json'), { weight_map })
    expect((await loadModel(folder)).weights).toEqual(weights)
    await rename(join(folder, 'model-2.safetensors'), join(folder, 'elsewhere'))
    await expect(loadModel(folder)).rejects.toThrow(/model-2\.safetensors: it does not exist; check the path$/)
  })

  it('may hold a copy of tied embeddings and computed tables', async () => {
    const table = float32([1, 0.01], [2])
    await save({ 'lm_head.weight': weights['model.embed_tokens.weight'], 'model.rotary_emb.inv_freq': table })
    expect((await loadModel(folder)).weights).toEqual(weights)
  })
})

describe('a folder is refused in one line', () => {
  const ones = (shape: number[]) => float32(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape)
  const broken = (value: number) => float32(Float32Array.of(1, 1, 1, value, 1, 1, 1, 1), [8])

  it.each<[string, Readonly<Record<string, HostTensor | undefined>>, string]>([
    ['a tensor is missing', { [norm]: undefined }, `the weights lack ${norm}; is the download complete?`],
    [
      'a tensor is unexpected',
      { 'model.layers.1.mlp.up_proj.weight': ones([6, 8]) },
      'the weights hold 1 tensors that config.json does not ask for, such as model.layers.1.mlp.up_proj.weight; is it',
    ],
    ['a shape differs', { [norm]: ones([9]) }, `${norm} is [9], config.json wants [8]; do the files belong together?`],
    ['a shape is flat', { [norm]: ones([8, 1]) }, `${norm} is [8,1], config.json wants [8]; do the files belong`],
    [
      'weights are whole numbers',
      { [norm]: { dtype: 'int32', shape: [8], data: new Int32Array(8) } },
      `${norm} is stored as I32, wanted F32, F16, BF16, F64; is it a quantized checkpoint?`,
    ],
    [
      'a weight is NaN',
      { [norm]: broken(Number.NaN) },
      `${norm} holds NaN at element 3; the model diverged or the file`,
    ],
    ['a weight is infinite', { [norm]: broken(Number.NEGATIVE_INFINITY) }, `${norm} holds -Infinity at element 3; `],
  ])('where %s', async (_, changes, message) => {
    await save(changes)
    await expect(loadModel(folder)).rejects.toThrow(CheckpointError)
    await expect(loadModel(folder)).rejects.toThrow(message)
    await expect(loadModel(folder)).rejects.toThrow(/^[^\n]+$/)
  })

  it('where NaNs are of 16 bits', async () => {
    for (const float of ['F16', 'BF16'] as const) {
      await save({ [norm]: broken(Number.NaN) }, float)
      await expect(loadModel(folder)).rejects.toThrow(`${norm} holds NaN at element 3`)
    }
  })

  it('where the model is of another family or of none', async () => {
    await save()
    expect(await familyOfFolder(folder)).toBe('causal')
    await expect(loadMaskedModel(folder)).rejects.toThrow(
      'config.json: model_type "llama" is of models that continue texts, wanted one of those that fill gaps in texts: bert,',
    )
    await writeJsonFile(join(folder, 'config.json'), { model_type: 't5' })
    expect(await familyOfFolder(folder)).toBe('sequenceToSequence')
    await expect(loadSequenceModel(folder)).rejects.toThrow(/config\.json: vocab_size: /)
    await writeJsonFile(join(folder, 'config.json'), { model_type: 'mixtral' })
    await expect(familyOfFolder(folder)).rejects.toThrow(
      /config\.json: model_type "mixtral" is not supported, it needs mixtures of experts; supported are llama, /,
    )
  })
})

import { cpSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { loadMaskedModel, loadModel, loadSequenceModel } from '../models/checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import { countParameters } from '../train/held-out.ts'
import { inspectModel } from './inspect.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import type { TextRunResult } from './text-run.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url))

describe('inspectModel', () => {
  let result: TextRunResult

  beforeAll(async () => {
    const data = [file('tiny.txt', tinyText(100))]
    const set = { ...tinySizes, optimizer: 'muon', emaDecay: 0.9 }
    result = await runToEnd({ data, out: fresh(), set, licence: 'CC0', seed: 5, budget: { steps: 6 } })
  })

  it('counts what the files hold', async () => {
    const found = await inspectModel(result.run)
    const { weights } = await loadModel(result.run)
    const sizes = Object.entries(weights).map(([name, { data }]) => [name, data.length] as const)
    const sum = (part: string) => sizes.reduce((total, [name, size]) => total + (name.includes(part) ? size : 0), 0)
    const vocabulary = found.tokenizer.vocabulary
    expect(found.parameters).toEqual({
      total: sum(''),
      embedding: 32 * vocabulary,
      perLayer: sum('layers.1.'),
      output: 32 * vocabulary,
      parts: [
        { part: 'embeddings', parameters: 32 * vocabulary },
        { part: 'layers', parameters: 2 * sum('layers.1.') },
        { part: 'norms', parameters: 32 },
      ],
    })
    // Width 32, one key/value head of 16, 64 inside the feed-forward layer, two norms.
    expect(found.parameters.perLayer).toBe(2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32)
    expect(found.architecture.name).toBe('decoder')
    expect(found.dimensions).toMatchObject({ dModel: 32, dHead: 16, dFf: 64, contextLength: 32 })
    for (const { name, bytes } of found.files) expect(statSync(join(result.run, name)).size).toBe(bytes)
    expect(found.files.map(({ name }) => name)).toContain('model.safetensors')
    expect(found.digest).toBe(await modelDigest(result.run))
  })

  it('computes the FLOPs and the memory that its formulas say', async () => {
    const { parameters, flopsPerToken, memory } = await inspectModel(result.run)
    const { perLayer, output, total } = parameters
    expect(flopsPerToken.forward).toBe(2 * (2 * perLayer + output) + 2 * 2 * 32 * 32)
    expect(flopsPerToken.training).toBe(3 * flopsPerToken.forward)
    expect(memory.weights).toMatchObject({ float32: 4 * total, float16: 2 * total })
    expect(memory.cachePerToken).toBe(2 * 2 * 16 * 4)
    expect(memory.cacheAtFullContext).toBe(32 * memory.cachePerToken!)
    const state = join(result.run, 'last', 'state.safetensors')
    const header = 8 + Number(readFileSync(state).readBigUInt64LE(0))
    expect(memory.trainingState).toBe(statSync(state).size - header)
  })

  it('tells where a run comes from', async () => {
    const { lineage } = await inspectModel(result.run)
    const { metadata } = await loadModel(result.run)
    expect(lineage).toMatchObject({
      seed: 5,
      licence: 'CC0',
      steps: 6,
      tokensSeen: result.tokens,
      plans: [{ step: 0, total: 6 }],
      dataDigest: metadata.dataDigest,
      best: { step: result.bestStep, validationLoss: Number(metadata.validationLoss) },
      settings: { dModel: 32, emaDecay: 0.9 },
    })
    expect(lineage!.sources[0]).toMatch(/tiny\.txt$/)
  })

  it('changes nothing, and finds the checkpoint that is being replaced', async () => {
    const { lineage } = await inspectModel(result.run)
    const last = join(result.run, 'last')
    renameSync(last, `${last}.previous`)
    expect((await inspectModel(result.run)).lineage).toEqual(lineage)
    expect([existsSync(last), existsSync(`${last}.previous`)]).toEqual([false, true])
    renameSync(`${last}.previous`, last)
  })

  it('knows Hugging Face folders, which have no lineage, and learned positions', async () => {
    const found = await inspectModel(fixture('saved-runs/gpt2-byte'))
    expect(found.lineage).toBeUndefined()
    expect(found.parameters.embedding).toBe((257 + 32) * 16)
    expect(found.memory.trainingState).toBe(3 * 4 * found.parameters.total)
    expect(found.tokenizer).toEqual({ kind: 'byte', vocabulary: 257 })
  })

  it('knows models that fill gaps: their head, no cache, attention to all of the context', async () => {
    const data = [file('tiny.txt', tinyText(100))]
    const set = { ...tinySizes, nKvHeads: 2 }
    const tokenizer = { kind: 'wordpiece', vocabulary: 60 } as const
    const { run } = await runToEnd({ data, out: fresh(), architecture: 'bert', tokenizer, set, budget: { steps: 1 } })
    const { architecture, parameters, flopsPerToken, memory, lineage, dimensions } = await inspectModel(run)
    const { weights } = await loadMaskedModel(run)
    const sum = (part: string) =>
      Object.entries(weights).reduce((total, [name, { data }]) => total + (name.includes(part) ? data.length : 0), 0)
    expect(architecture).toMatchObject({ name: 'bert', family: 'masked' })
    expect(dimensions).toMatchObject({ tokenTypes: 2, dHead: 16 })
    expect(parameters.total).toBe(sum(''))
    expect(Object.fromEntries(parameters.parts.map((part) => [part.part, part.parameters]))).toEqual({
      embeddings: sum('_embeddings.'),
      layers: sum('encoder.layer.'),
      norms: 2 * 32,
      output: sum('cls.'),
    })
    expect(parameters.perLayer).toBe(sum('encoder.layer.1.'))
    const head = 32 * 32 + 32 * dimensions.vocabSize
    expect(flopsPerToken.forward).toBe(2 * (2 * parameters.perLayer + head) + 4 * 2 * 32 * 32)
    expect(memory.cachePerToken).toBeUndefined()
    expect(lineage).toMatchObject({ steps: 1 })
  })

  it('knows models that read and write: layers of both, and what reading costs', async () => {
    const folder = fixture('models/t5-gated')
    const copied = fresh()
    cpSync(folder, copied, { recursive: true })
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
      cpSync(join(fixture('saved-runs/decoder-char'), name), join(copied, name))
    }
    const { architecture, parameters, flopsPerToken, memory, dimensions } = await inspectModel(copied)
    const { weights } = await loadSequenceModel(copied)
    const sum = (part: RegExp) =>
      Object.entries(weights).reduce((total, [name, { data }]) => total + (part.test(name) ? data.length : 0), 0)
    expect(architecture).toMatchObject({ name: 't5', family: 'sequenceToSequence' })
    expect(parameters.total).toBe(sum(/./))
    const parts = Object.fromEntries(parameters.parts.map((part) => [part.part, part.parameters]))
    const biases = /relative_attention_bias/
    expect(parts['encoder layers']).toBe(sum(/^encoder\.block/) - sum(/^encoder.*relative_attention_bias/))
    expect(parts.embeddings).toBe(sum(/^shared/) + sum(biases))
    expect(parts.output).toBe(sum(/^lm_head/))
    const { nLayers, nHeads, dHead, dModel, contextLength, vocabSize } = dimensions
    const source = 2 * nLayers * dModel * nHeads * dHead
    expect(flopsPerToken.forward).toBe(
      2 * (parts['decoder layers']! - source + dModel * vocabSize) + 6 * nLayers * contextLength * nHeads * dHead,
    )
    expect(memory.cachePerToken).toBe(2 * nLayers * nHeads * dHead * 4)
    expect(memory.cacheAtFullContext).toBe(2 * contextLength * memory.cachePerToken!)
  })

  it('knows adapters: with their base, of which they are a small part', async () => {
    const folder = fresh()
    cpSync(fixture('models/lora-llama'), folder, { recursive: true })
    const base = fresh()
    cpSync(fixture('models/llama'), base, { recursive: true })
    const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...config, base_model_name_or_path: base }))
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      cpSync(join(fixture('saved-runs/decoder-char'), name), join(base, name))
    const { adapter, parameters, memory } = await inspectModel(folder)
    const alone = (await inspectModel(base)).parameters
    const { architecture } = await loadModel(folder)
    expect(adapter).toMatchObject({ base, rank: config.r, scale: expect.any(Number) })
    expect(parameters.total).toBe(countParameters(architecture))
    expect(parameters.total).toBe(alone.total + adapter!.parameters)
    expect(parameters.parts.at(-1)).toEqual({ part: 'adapters', parameters: adapter!.parameters })
    expect(memory.trainingState).toBe(3 * 4 * adapter!.parameters)
    expect(adapter!.matrices).toBeGreaterThan(1)
  })

  it('says in one line what is missing or corrupt', async () => {
    await expect(inspectModel(fresh())).rejects.toThrow(CheckpointError)
    const data = [file('tiny.txt', tinyText(100))]
    const { run } = await runToEnd({ data, out: fresh(), set: tinySizes, budget: { steps: 1 } })
    writeFileSync(join(run, 'model.safetensors'), 'no tensors')
    await expect(inspectModel(run)).rejects.toThrow(CheckpointError)
    rmSync(join(run, 'model.safetensors'))
    await expect(inspectModel(run)).rejects.toThrow(/model\.safetensors/)
  })
})

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { loadModel } from '../models/checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import { inspectModel } from './inspect.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import type { TextRunResult } from './text-run.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

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
    expect(memory.cacheAtFullContext).toBe(32 * memory.cachePerToken)
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

  it('knows Hugging Face folders, which have no lineage, and learned positions', async () => {
    const found = await inspectModel(
      fileURLToPath(new URL('../../test/fixtures/saved-runs/gpt2-byte', import.meta.url)),
    )
    expect(found.lineage).toBeUndefined()
    expect(found.parameters.embedding).toBe((257 + 32) * 16)
    expect(found.memory.trainingState).toBe(3 * 4 * found.parameters.total)
    expect(found.tokenizer).toEqual({ kind: 'byte', vocabulary: 257 })
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

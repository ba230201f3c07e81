import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import { quantizeMatrix } from './block-quantization.ts'
import { loadModel, saveQuantized } from './checkpoint.ts'
import { Decoder } from './decoder.ts'
import { quantizeWeights } from './quantized-weights.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-few-bits-'))
afterAll(() => rmSync(root, { recursive: true }))

const model = new Decoder({
  ...{ vocabSize: 40, contextLength: 16, dModel: 128, nLayers: 1, nHeads: 2, nKvHeads: 1, dFf: 160, dropout: 0 },
  ...{ tieEmbeddings: true, ropeTheta: 10_000, normEpsilon: 1e-5 },
})
const weights = Object.fromEntries(
  [...model.scope.parameters.values()].map((parameter) => [parameter.name, initialize(parameter, Random.seed(1))]),
)
const [table, query, down] = [
  'model.embed_tokens.weight',
  'model.layers.0.self_attn.q_proj.weight',
  'model.layers.0.mlp.down_proj.weight',
] as const

const sizes = { [table]: 128, [query]: 128, [down]: 32 }

describe.each([8, 4] as const)('a model in %i bits', (bits) => {
  it('has long blocks where rows divide into them, on disk too', async () => {
    const mixed = quantizeWeights(model, weights, bits)
    await saveQuantized(root, model, mixed, { bits })
    const { quantized } = await loadModel(root)
    expect(quantized).toEqual(mixed.quantized)
    for (const [name, blockSize] of Object.entries(sizes)) expect(quantized[name]!.format.blockSize).toBe(blockSize)
  })
})

it('reads models of short blocks throughout, as they were written before', async () => {
  const { quantized: long, weights: rest } = quantizeWeights(model, weights, 8)
  const names = Object.keys(long)
  const short = names.map((name) => [name, quantizeMatrix(weights[name]!, { bits: 8, blockSize: 32 })] as const)
  const mixed = { weights: rest, quantized: Object.fromEntries(short) }
  await saveQuantized(root, model, mixed, { bits: 8 })
  expect((await loadModel(root)).quantized).toEqual(mixed.quantized)
})

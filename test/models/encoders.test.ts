import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSafetensors } from '../../src/files/safetensors-file.ts'
import { input } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { loadMaskedModel } from '../../src/models/checkpoint.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'

type Rows = readonly (readonly number[])[]
interface Expected {
  readonly input_ids: Rows
  readonly attention_mask: Rows
  readonly token_type_ids?: Rows
  readonly logits: readonly number[]
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
const flat = (rows: Rows) => Int32Array.from(rows.flat())

describe.each(['bert', 'distilbert', 'roberta'])('%s, from the file that transformers saved', (name) => {
  const {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: types,
    logits,
  } = readFixture<Expected>(`models/${name}/expected.json`)

  it.each(['cpu', 'webgpu'] as const)('has its logits to 1e-5, padding and all, lowered for %s', async (provider) => {
    const { architecture, weights } = await loadMaskedModel(path(name))
    const int = (what: string) => input(what, 'int32', [ids.length, ids[0]!.length])
    const y = architecture.logits({
      ids: int('ids'),
      mask: int('mask'),
      ...(types ? { tokenTypes: int('types') } : {}),
    })
    const feeds = { ids: flat(ids), mask: flat(mask), ...(types ? { types: flat(types) } : {}), ...dataOf(weights) }
    const got = await evaluate(engine, { y }, feeds, { provider })
    expectClose(got.y!, logits, { relative: 1e-5, absolute: 1e-5 })
  })
})

it('reads γ and β under the names of old BERTs, and passes over heads for other tasks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-bert-'))
  const { weights } = await loadMaskedModel(path('bert'))
  const old = Object.entries(weights).map(([key, tensor]) => {
    const name = key.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta')
    return [name, tensor] as const
  })
  const other = weights['bert.encoder.layer.0.output.dense.bias']!
  const heads = { 'bert.pooler.dense.bias': other, 'cls.seq_relationship.bias': other }
  await writeFile(join(folder, 'config.json'), await readFile(join(path('bert'), 'config.json')))
  await writeSafetensors(join(folder, 'model.safetensors'), { ...Object.fromEntries(old), ...heads })
  expect((await loadMaskedModel(folder)).weights).toEqual(weights)
  await rm(folder, { recursive: true })
})

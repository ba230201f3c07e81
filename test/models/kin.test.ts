import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { loadModel } from '../../src/models/checkpoint.ts'
import { architectureOf } from '../../src/models/registry.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { CachedModel } from '../../src/sample/cached-model.ts'

interface Expected {
  readonly ids: readonly (readonly number[])[]
  readonly logits: readonly number[]
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
const names = ['mistral', 'qwen2', 'qwen3', 'llama3-rope', 'linear-rope']

describe.each(names)('%s, from the file that transformers saved', (name) => {
  const { ids, logits } = readFixture<Expected>(`models/${name}/expected.json`)
  const [batch, length] = [ids.length, ids[0]!.length]

  it.each(['cpu', 'webgpu'] as const)('has its logits to 1e-5, lowered for %s', async (provider) => {
    const { architecture, weights } = await loadModel(path(name))
    const y = architecture.logits(input('ids', 'int32', [batch, length]))
    const feeds = { ...dataOf(weights), ids: Int32Array.from(ids.flat()) }
    const got = await evaluate(engine, { y }, feeds, { provider })
    expectClose(got.y!, logits, { relative: 1e-5, absolute: 1e-5 })
  })

  it('has them decoding over a cache: from a prompt, then id by id', async () => {
    const { architecture, weights } = await loadModel(path(name))
    const V = architecture.dimensions.vocabSize
    const model = await CachedModel.create(engine, architecture, { tensors: weights })
    const state = await model.open({ batch })
    for (let end = 7; end <= length; end++) {
      const got = await state.append(ids.map((row) => row.slice(end === 7 ? 0 : end - 1, end)))
      const wanted = ids.flatMap((_, b) => logits.slice((b * length + end - 1) * V, (b * length + end) * V))
      expectClose(got, wanted, { relative: 2e-5, absolute: 2e-5, what: `position ${end - 1}` })
    }
    state.release()
    await model.release()
  })

  it('writes a config.json of the same form, that reads as the same settings', async () => {
    const { architecture, row } = await loadModel(path(name))
    const written = architecture.config
    const again = row.build(row.read(written, 'config.json'))
    expect(architectureOf(written, 'config.json')).toBe(row)
    expect(again.config).toEqual(written)
    expect(again.dimensions).toEqual(architecture.dimensions)
  })
})

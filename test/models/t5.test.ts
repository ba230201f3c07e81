import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { input } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { loadSequenceModel } from '../../src/models/checkpoint.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { SequenceModel } from '../../src/sample/sequence-model.ts'

type Rows = readonly (readonly number[])[]
interface Expected {
  readonly input_ids: Rows
  readonly attention_mask: Rows
  readonly decoder_input_ids: Rows
  readonly logits: readonly number[]
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
const flat = (rows: Rows) => Int32Array.from(rows.flat())
const close = { relative: 2e-5, absolute: 2e-5 }

describe.each(['t5', 't5-gated', 'mt5'])('%s, as it is published', (name) => {
  const {
    input_ids: sources,
    attention_mask: mask,
    decoder_input_ids: targets,
    logits,
  } = readFixture<Expected>(`models/${name}/expected.json`)
  const [S, T] = [sources[0]!.length, targets[0]!.length]
  const V = logits.length / (2 * T)
  const follows = (row: number, t: number) => logits.slice((row * T + t) * V, (row * T + t + 1) * V)
  const shown = (row: number) => sources[row]!.filter((_, i) => mask[row]![i] === 1)

  it.each(['cpu', 'webgpu'] as const)("has transformers' logits to 1e-5, lowered for %s", async (provider) => {
    const { architecture, weights } = await loadSequenceModel(path(name))
    const source = { ids: input('sources', 'int32', [2, S]), mask: input('mask', 'int32', [2, S]) }
    const y = architecture.logits(source, input('targets', 'int32', [2, T]))
    const feeds = { ...dataOf(weights), sources: flat(sources), mask: flat(mask), targets: flat(targets) }
    const got = await evaluate(engine, { y }, feeds, { provider })
    expectClose(got.y!, logits, { relative: 1e-5, absolute: 1e-5 })
  })

  it('has them decoding over caches: from a beginning, then id by id, each source by itself', async () => {
    const { architecture, weights } = await loadSequenceModel(path(name))
    const model = await SequenceModel.create(engine, architecture, { tensors: weights })
    for (const [row, target] of targets.entries()) {
      const source = await model.read(shown(row))
      const state = await source.model.open({ batch: 1 })
      expectClose(await state.append([target.slice(0, 4)]), follows(row, 3), { ...close, what: `row ${row}, 3` })
      for (let t = 4; t < T; t++)
        expectClose(await state.append([[target[t]!]]), follows(row, t), { ...close, what: `row ${row}, ${t}` })
      state.release()
      source.release()
    }
    await model.release()
  })

  it('writes several texts from one source at once, of different lengths, and reorders them', async () => {
    const { architecture, weights } = await loadSequenceModel(path(name))
    const model = await SequenceModel.create(engine, architecture, { tensors: weights })
    const source = await model.read(shown(1))
    const state = await source.model.open({ batch: 2, capacity: T })
    const target = targets[1]!
    await state.append([target.slice(0, 6), target.slice(0, 2)])
    const both = await state.append([[target[6]!], [target[2]!]])
    expectClose(both, [...follows(1, 6), ...follows(1, 2)], close)
    await state.reorder([1, 0])
    expectClose(await state.append([[target[3]!], [target[7]!]]), [...follows(1, 3), ...follows(1, 7)], close)
    state.release()
    source.release()
    await model.release()
  })

  it('refuses sources that are empty or of other tokens', async () => {
    const { architecture, weights } = await loadSequenceModel(path(name))
    const model = await SequenceModel.create(engine, architecture, { tensors: weights })
    await expect(model.read([])).rejects.toThrow('read: the source is empty, wanted at least its end token')
    await expect(model.read([3, 13])).rejects.toThrow(
      "read: id 13 is not in the vocabulary of 13; is it the model's tok",
    )
    await model.release()
  })
})

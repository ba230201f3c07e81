import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { maskedBatch } from '../../src/data/masking.ts'
import { pairBatch } from '../../src/data/pairs.ts'
import { gradients } from '../../src/graph/gradient.ts'
import { reshape } from '../../src/graph/operations/shape.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate, type Values } from '../../src/graph/testing/program.ts'
import { tokenLoss, tokenSums } from '../../src/losses/token-loss.ts'
import { loadMaskedModel, loadSequenceModel } from '../../src/models/checkpoint.ts'
import type { Weights } from '../../src/models/weights.ts'
import type { Scope } from '../../src/nn/parameters.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'

type Rows = readonly (readonly number[])[]
interface Expected {
  readonly input_ids: Rows
  readonly attention_mask: Rows
  readonly labels: Rows
  readonly loss: number
  readonly gradientNorms: Readonly<Record<string, number>>
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
const read = (name: string) => readFixture<Expected>(`models/${name}/training.json`)

/** The loss and the norm of the gradient by each parameter, against transformers'. */
async function expectTraining(
  { loss, sum }: { loss: Tensor; sum: Tensor },
  { scope, weights }: { scope: Scope; weights: Weights },
  feeds: Values,
  expected: Expected,
) {
  const parameters = [...scope.parameters.values()]
  const wrt = gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  )
  const outputs = { loss, sum, ...Object.fromEntries(parameters.map(({ name }, i) => [`by ${name}`, wrt[i]!])) }
  const got = await evaluate(engine, outputs, { ...dataOf(weights), ...feeds })
  const counted = expected.labels.flat().filter((label) => label >= 0).length
  expect(Number(got.loss![0])).toBeCloseTo(expected.loss, 5)
  expect(Number(got.sum![0]) / counted).toBeCloseTo(expected.loss, 5)
  const known = parameters.filter(({ name }) => name in expected.gradientNorms)
  expect(known.length).toBe(Object.keys(expected.gradientNorms).length)
  for (const { name } of known) {
    const norm = Math.hypot(...(got[`by ${name}`] as Float32Array))
    const wanted = expected.gradientNorms[name]!
    expect(Math.abs(norm - wanted), name).toBeLessThan(1e-5 + 1e-4 * wanted)
  }
}

it("BERT's loss over hidden tokens and its gradient are transformers'", async () => {
  const expected = read('bert')
  const { architecture, weights } = await loadMaskedModel(path('bert'))
  const [B, T, K] = [2, expected.input_ids[0]!.length, 3]
  const texts = expected.input_ids.map((row, i) => {
    const length = expected.attention_mask[i]!.filter((one) => one === 1).length
    const places = expected.labels[i]!.flatMap((label, place) => (label >= 0 ? [place] : []))
    return { ids: Int32Array.from(row.slice(0, length)), places, targets: places.map((p) => expected.labels[i]![p]!) }
  })
  const feeds = { ...maskedBatch(texts, { batchSize: B, contextLength: T, blanks: K }, 0) }
  const logits = architecture.logits({
    ids: input('ids', 'int32', [B, T]),
    mask: input('mask', 'int32', [B, T]),
    places: input('places', 'int32', [B * K]),
  })
  const targets = { targets: input('targets', 'int32', [B * K]), weights: input('weights', 'float32', [B * K]) }
  const graph = { loss: tokenLoss(logits, targets), sum: tokenSums(logits, targets).loss }
  await expectTraining(graph, { scope: architecture.scope, weights }, feeds, expected)
})

it.each(['t5', 't5-gated'])("%s's loss over targets and its gradient are transformers'", async (name) => {
  const expected = read(name)
  const { architecture, weights } = await loadSequenceModel(path(name))
  const [B, S, T] = [2, expected.input_ids[0]!.length, expected.labels[0]!.length]
  const pairs = expected.input_ids.map((row, i) => ({
    source: Int32Array.from(row).filter((_, s) => expected.attention_mask[i]![s] === 1),
    target: Int32Array.from(expected.labels[i]!).filter((label) => label >= 0),
  }))
  const feeds = { ...pairBatch(pairs, { batchSize: B, sourceLength: S, targetLength: T }, { pad: 0, start: 0 }) }
  const source = { ids: input('source', 'int32', [B, S]), mask: input('sourceMask', 'int32', [B, S]) }
  const V = architecture.dimensions.vocabSize
  const logits = reshape(architecture.logits(source, input('written', 'int32', [B, T])), [B * T, V])
  const targets = { targets: input('targets', 'int32', [B * T]), weights: input('weights', 'float32', [B * T]) }
  const graph = { loss: tokenLoss(logits, targets), sum: tokenSums(logits, targets).loss }
  await expectTraining(graph, { scope: architecture.scope, weights }, feeds, expected)
})

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MaskedText } from '../data/masking.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { readFixture } from '../graph/testing/fixture.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { loadMaskedModel, loadModel, loadSequenceModel } from '../models/checkpoint.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { MaskedModel } from '../sample/masked-model.ts'
import { predictHidden } from './hidden-tokens.ts'
import { continued, type PairForm, readAndWritten, scorePairs } from './pair-likelihood.ts'

interface Pair {
  readonly source: readonly number[]
  readonly target: readonly number[]
  readonly logProbability: number
  readonly correct: number
}
interface Masked {
  readonly mask: number
  readonly texts: readonly (readonly number[])[]
  readonly logProbabilities: readonly number[]
  readonly ranks: readonly number[]
}
const expected = readFixture<{
  readonly masked: Readonly<Record<string, Masked>>
  readonly pairs: Readonly<Record<string, readonly Pair[]>>
  readonly continuations: Readonly<Record<string, readonly Pair[]>>
}>('evaluation/likelihood.json')

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../../test/fixtures/models/${name}`, import.meta.url))

describe.each(Object.entries(expected.masked))('hidden tokens by %s', (name, { mask, texts, ...wanted }) => {
  /** Each token of each text hidden alone. */
  const alone = texts.flatMap((text) =>
    text.map((target, place): MaskedText => {
      const ids = Int32Array.from(text)
      ids[place] = mask
      return { ids, places: [place], targets: [target] }
    }),
  )

  it("have transformers' log-probabilities and ranks, one mask at a time, texts of several lengths", async () => {
    const { architecture, weights } = await loadMaskedModel(path(name))
    const model = new MaskedModel(engine, architecture, { tensors: weights })
    const told: number[] = []
    const got = (await predictHidden(model, alone, (done) => told.push(done))).flat()
    expectClose(
      got.map(({ logProbability }) => logProbability),
      wanted.logProbabilities,
      { relative: 1e-5, absolute: 1e-5 },
    )
    expect(got.map(({ rank }) => rank)).toEqual(wanted.ranks)
    expect(told).toEqual([texts[0]!.length, alone.length])
    await model.release()
  })
})

describe('hidden tokens', () => {
  it('of which several are hidden at once are told one by one, and of equals the lower id is the likelier', async () => {
    const model = {
      vocabSize: 3,
      logits: async (_: readonly ArrayLike<number>[], places: readonly number[]) =>
        Float32Array.from(places.flatMap((place) => [0, place, 0])),
    }
    const text = { ids: new Int32Array(4), places: [0, 2], targets: [2, 2] }
    const found = await predictHidden(model, [text, { ...text, places: [1], targets: [1] }])
    expect(found.map((one) => one.map(({ rank }) => rank))).toEqual([[2, 2], [0]])
    expect(found[0]![0]!.logProbability).toBeCloseTo(-Math.log(3), 6)
    expect(found[1]![0]!.logProbability).toBeCloseTo(5 - Math.log(Math.exp(5) + 2), 5)
  })
})

async function expectScores(form: PairForm, weights: Readonly<Record<string, HostTensor>>, wanted: readonly Pair[]) {
  const buffers = Object.entries(weights).map(([key, tensor]) => [key, engine.createBuffer(tensor)] as const)
  const pairs = wanted.map(({ source, target }) => ({
    source: Int32Array.from(source),
    target: Int32Array.from(target),
  }))
  const got = await scorePairs(engine, form, { weights: Object.fromEntries(buffers), quantized: {} }, pairs)
  const logs = (scores: readonly { readonly logProbability: number }[]) =>
    scores.map(({ logProbability }) => logProbability)
  expectClose(logs(got), logs(wanted), { relative: 1e-5, absolute: 1e-5 })
  expect(got.map(({ tokens, correct }) => ({ tokens, correct }))).toEqual(
    wanted.map(({ target, correct }) => ({ tokens: target.length, correct })),
  )
  for (const [, buffer] of buffers) buffer.release()
}

describe("targets have transformers' log-probability, padding and all", () => {
  it.each(Object.entries(expected.pairs))('given what %s has read', async (name, wanted) => {
    const { architecture, weights } = await loadSequenceModel(path(name))
    await expectScores(readAndWritten(architecture, { pad: 0, start: 0 }), weights, wanted)
  })

  it.each(Object.entries(expected.continuations))('given what %s continues', async (name, wanted) => {
    const { architecture, weights } = await loadModel(path(name))
    await expectScores(continued(architecture), weights, wanted)
  })
})

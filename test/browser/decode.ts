import { Decoder } from '../../src/models/decoder.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { CachedModel } from '../../src/sample/cached-model.ts'

const sizes = { vocabSize: 12, contextLength: 16, dModel: 32, nLayers: 2, nHeads: 2, nKvHeads: 1, dFf: 32 }

/** Logits of a tiny decoder after prompts of two lengths, and after one more id each, over its caches. */
export async function decodeTinyDecoder(engine: Engine): Promise<number[][]> {
  const decoder = new Decoder({ ...sizes, tieEmbeddings: true, dropout: 0, normEpsilon: 1e-5, ropeTheta: 10_000 })
  const parameters = [...decoder.scope.parameters.values()]
  const tensors = Object.fromEntries(parameters.map((one) => [one.name, initialize(one, Random.seed(3))]))
  const model = await CachedModel.create(engine, decoder, { tensors })
  const state = await model.open({ batch: 2 })
  const prompts = [
    [1, 2, 3],
    [4, 5, 6, 7, 8],
  ]
  const logits = []
  for (const ids of [prompts, [[9], [10]]]) logits.push(Array.from(await state.append(ids)))
  state.release()
  await model.release()
  return logits
}

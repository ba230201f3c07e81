import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, it } from 'vitest'
import { exportModel } from '../../src/export/export-model.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { familyOfFolder, loadMaskedModel, loadSequenceModel } from '../../src/models/checkpoint.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { givenIds, makeOther, otherNames, stride, writtenIds } from './models.ts'

const expected = readFixture<Record<string, { readonly logits: readonly number[] }>>('export/transformers.json')

let folder: string
let engine: Engine

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-hf-'))
  engine = await createEngine('cpu', { threads: 1 })
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

/** The graph of a folder's logits, and its weights. */
async function readLogits(path: string, ids: Tensor, mask: Tensor, written: Tensor) {
  if ((await familyOfFolder(path)) === 'masked') {
    const { architecture, weights } = await loadMaskedModel(path)
    return { y: architecture.logits({ ids, mask }), weights }
  }
  const { architecture, weights } = await loadSequenceModel(path)
  return { y: architecture.logits({ ids, mask }, written), weights }
}

it.each(otherNames)('%s has in transformers the logits that it has here', async (name) => {
  const [made, out] = [join(folder, name), join(folder, `${name}-hf`)]
  await makeOther(name, made)
  await exportModel(made, 'hf', out)
  const int = (what: string, [row]: readonly (readonly number[])[]) => input(what, 'int32', [1, row!.length])
  const { y, weights } = await readLogits(out, int('ids', givenIds), int('mask', givenIds), int('written', writtenIds))
  const feeds = {
    ids: Int32Array.from(givenIds.flat()),
    mask: new Int32Array(givenIds[0]!.length).fill(1),
    ...(name.startsWith('t5') && { written: Int32Array.from(writtenIds.flat()) }),
    ...dataOf(weights),
  }
  const got = await evaluate(engine, { y }, feeds)
  const { logits } = expected[name]!
  const size = Math.sqrt(logits.reduce((sum, logit) => sum + logit * logit, 0) / logits.length)
  const compared = got.y!.filter((_, at) => at % stride === 0)
  expectClose(compared, logits, { relative: 0, absolute: 1e-4 * size })
})

import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { HostTensor } from '../../src/graph/dtype.ts'
import { loadModel, saveModel } from '../../src/models/checkpoint.ts'
import { TextModel } from '../../src/text/text-model.ts'

const run = fileURLToPath(new URL('../fixtures/saved-runs/decoder-char', import.meta.url))

it('refuses a tokenizer with more tokens than the model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-vocabulary-'))
  await cp(run, folder, { recursive: true })
  const { row, architecture, weights } = await loadModel(folder)
  const { vocabSize, dModel } = architecture.dimensions
  const fewer = vocabSize - 1
  const smaller = row.build({ ...row.read(architecture.config, 'config.json'), vocabSize: fewer })
  const cut = ({ dtype, data, shape }: HostTensor): HostTensor =>
    shape[0] === vocabSize
      ? { dtype, shape: [fewer, dModel], data: data.slice(0, fewer * dModel) }
      : { dtype, data, shape }
  await saveModel(folder, smaller, Object.fromEntries(Object.entries(weights).map(([name, x]) => [name, cut(x)])))
  await expect(TextModel.load(folder)).rejects.toThrow(
    `load: the tokenizer of ${folder} has ${vocabSize} tokens, the model ${fewer}; do the files belong together?`,
  )
  await rm(folder, { recursive: true })
})

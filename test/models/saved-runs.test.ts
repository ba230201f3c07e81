import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readTokenizer } from '../../src/data/tokenizers/folder.ts'
import { input } from '../../src/graph/tensor.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { loadModel } from '../../src/models/checkpoint.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { TextModel } from '../../src/text/text-model.ts'

interface Expected {
  readonly text: string
  readonly ids: readonly number[]
  readonly lastLogits: readonly number[]
  readonly prompt: string
  readonly greedyIds: readonly number[]
  readonly greedyText: string
}

const root = fileURLToPath(new URL('../fixtures/saved-runs', import.meta.url))
const json = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))
const names = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

describe.each(names)('the run %s, as transformers loaded it unchanged', (name) => {
  const folder = join(root, name)
  const expected: Expected = json(name, 'expected.json')

  it('has the ids, the logits and the greedy continuation that transformers gave', async () => {
    const tokenizer = await readTokenizer(folder)
    expect(Array.from(tokenizer.encode(expected.text))).toEqual(expected.ids)
    const { architecture, weights } = await loadModel(folder)
    const engine = await createEngine('cpu', { threads: 2 })
    const y = architecture.logits(input('ids', 'int32', [1, expected.ids.length]))
    const feeds = { ...dataOf(weights), ids: Int32Array.from(expected.ids) }
    const logits = (await evaluate(engine, { y }, feeds)).y!
    const last = logits.slice(-architecture.dimensions.vocabSize)
    expectClose(last, expected.lastLogits, { relative: 1e-5, absolute: 1e-5 })
    await engine.close()
    const model = await TextModel.load(folder)
    const settings = { temperature: 0, topP: 1, maxTokens: expected.greedyIds.length }
    const [artifact] = await model.complete([expected.prompt], settings)
    expect(artifact).toMatchObject({ ids: expected.greedyIds, text: expected.greedyText })
    await model.release()
  })

  it('is still of the form that runs are saved in', async () => {
    const { architecture } = await loadModel(folder)
    expect({ ...architecture.config, torch_dtype: 'float32' }).toEqual(json(name, 'config.json'))
    const tokenizer = await readTokenizer(folder)
    expect(tokenizer.toJSON()).toEqual(json(name, 'tokenizer.json'))
    const { contextLength } = architecture.dimensions
    expect(tokenizer.configJson(contextLength)).toEqual(json(name, 'tokenizer_config.json'))
  })
})

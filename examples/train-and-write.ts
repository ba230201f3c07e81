/**
 * From text to a model to new text, in a temporary folder: it learns the one rhyme it is given by heart.
 *
 *     npm run example -- train-and-write
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TextModel, trainText } from '../src/text/index.ts'

const folder = await mkdtemp(join(tmpdir(), 'atelier-'))
const rhyme =
  'Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.\n'
await writeFile(join(folder, 'rhyme.txt'), rhyme.repeat(40))

const run = trainText({
  data: [join(folder, 'rhyme.txt')],
  out: join(folder, 'run'),
  tokenizer: { kind: 'char' },
  budget: { steps: 150 },
  set: {
    dModel: 64,
    nLayers: 2,
    nHeads: 2,
    dFf: 128,
    contextLength: 64,
    batchSize: 8,
    evaluations: 1,
    warmupSteps: 10,
  },
})
for await (const event of run)
  if (event.type === 'evaluation') console.log(`${event.validationLoss.toFixed(3)} nats a character`)

const model = await TextModel.load(join(folder, 'run'))
const [artifact] = await model.complete(['Merrily, '], { temperature: 0, topP: 1, maxTokens: 40 })
console.log(`Merrily, ${artifact?.text}`)
assert.match(`Merrily, ${artifact?.text}`, /^Merrily, merrily, merrily, merrily, life is/)
await model.release()
await rm(folder, { recursive: true })

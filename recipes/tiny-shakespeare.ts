/**
 * Tiny Shakespeare by characters, in 20 minutes on two cores.
 *
 *     npm run recipe -- tiny-shakespeare [RUN] [minutes=19]
 *
 * Trains into RUN (runs/tiny-shakespeare), or goes on with it. Must reach 1.65 nats a character over all windows of the
 * held-out tenth; the last evaluation takes the rest of the 20 minutes. What it reached, and on which machine, stands in
 * bench/results/tiny-shakespeare-20.json.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { tinyShakespeare } from '../bench/models/tiny-shakespeare.ts'
import { record } from '../bench/record.ts'
import { trainText } from '../src/text/train-text.ts'

const wanted = 1.65
const words = process.argv.slice(2)
const minutes = Number(words.find((word) => word.startsWith('minutes='))?.slice('minutes='.length) ?? 19)
const out = words.find((word) => !word.includes('=')) ?? 'runs/tiny-shakespeare'

/** 4.8 million parameters. Dropout, for the corpus is seen some seven times. */
const settings = {
  dModel: 256,
  nLayers: 6,
  nHeads: 4,
  nKvHeads: 4,
  dFf: 704,
  contextLength: 256,
  batchSize: 8,
  dropout: 0.1,
  learningRate: 0.003,
  learningRateFloor: 0.02,
  warmupSteps: 100,
}

const isResumed = existsSync(join(out, 'run.json'))
const training = trainText({
  data: [await tinyShakespeare()],
  licence: 'public domain',
  out,
  preset: 'small',
  tokenizer: { kind: 'char' },
  budget: { minutes },
  seed: 1,
  ...(isResumed ? { resume: true } : { set: settings }),
})
let next = await training.next()
for (; !next.done; next = await training.next()) {
  const event = next.value
  if (event.type === 'evaluation')
    console.log(`step ${event.step}: ${event.validationLoss.toFixed(4)} nats a character`)
  if (event.type === 'sample') console.log(event.text)
}
const { validationLoss, seconds, steps, parameters } = next.value
console.log(next.value)
record('tiny-shakespeare-20', [
  {
    measure: 'held-out loss, nats a character',
    value: validationLoss,
    unit: '',
    bar: `≤ ${wanted}, aim 1.55`,
    note: `${(parameters / 1e6).toFixed(1)} M parameters, ${steps} steps`,
  },
  { measure: 'training time, evaluations and samples included', value: seconds, unit: 's', bar: '≤ 1200 s' },
])
if (validationLoss > wanted) {
  console.error(`tiny-shakespeare: reached ${validationLoss.toFixed(4)} nats a character, wanted ${wanted}`)
  process.exitCode = 1
}

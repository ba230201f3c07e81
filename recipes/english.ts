/**
 * The gallery's first model for text: English, from the State of the Union addresses.
 *
 *     npm run recipe -- english [RUN]
 *
 * Trains into RUN (runs/english), or goes on with it, then writes the weights in 16 bits to gallery/en.
 * What it reached, when, and on which machine stands in gallery/en/card.json.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getDataset } from '../src/data/catalog.ts'
import { writeJsonFile } from '../src/files/json-file.ts'
import { loadModel, saveModel } from '../src/models/checkpoint.ts'
import { readRun } from '../src/text/run.ts'
import { trainText } from '../src/text/train-text.ts'
import { hardware } from '../src/train/run-record.ts'

const out = process.argv[2] ?? 'runs/english'
const gallery = fileURLToPath(new URL('../gallery/en', import.meta.url))

/** 4.9 million parameters: 9.8 MB in 16 bits. */
const settings = { dModel: 256, nLayers: 6, nHeads: 8, nKvHeads: 4, dFf: 576, contextLength: 256, batchSize: 16 }
const steps = 1600

const resumed = existsSync(join(out, 'run.json'))
const run = trainText({
  data: await getDataset('state-of-the-union'),
  sources: ['state-of-the-union'],
  licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
  out,
  preset: 'small',
  tokenizer: { kind: 'bpe', vocabulary: 4096 },
  budget: { steps },
  ...(resumed ? { resume: true } : { set: settings }),
})
let result: Awaited<ReturnType<typeof run.next>>
do {
  result = await run.next()
  const event = result.value
  if (!result.done && 'type' in event && (event.type !== 'step' || event.step % 20 === 0))
    console.log(JSON.stringify(event))
} while (!result.done)

const { architecture, weights, metadata } = await loadModel(out)
await mkdir(gallery, { recursive: true })
await saveModel(gallery, architecture, weights, { float: 'F16', metadata })
await cp(join(out, 'tokenizer_config.json'), join(gallery, 'tokenizer_config.json'))
// Without indentation: the whole folder is to stay below 10 MB.
const tokenizer = JSON.parse(await readFile(join(out, 'tokenizer.json'), 'utf8'))
await writeFile(join(gallery, 'tokenizer.json'), JSON.stringify(tokenizer))
const record = await readRun(out)
const { run: _run, report: _report, ...measured } = result.value
await writeJsonFile(join(gallery, 'card.json'), {
  name: 'English prose of public speech',
  data: { name: 'state-of-the-union', licence: record.licence, digest: record.dataDigest },
  settings: record.settings,
  result: measured,
  engine: record.engine,
  hardware: hardware(),
})
console.log(result.value)

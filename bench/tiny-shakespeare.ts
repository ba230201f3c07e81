/**
 * Tiny Shakespeare at the size that nanoGPT's read-me trains on a processor (4 layers, width 128, context 64, batch 12,
 * 2,000 steps, characters), by our decoder and either optimizer: held-out loss over all windows, and the time of training.
 *
 *     npm run bench -- tiny-shakespeare [rounds=1] [steps=2000] [seed=1]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trainText } from '../src/text/train-text.ts'
import { tinyShakespeare } from './models/tiny-shakespeare.ts'
import { settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds, steps, seed } = settingsOf({ rounds: 1, steps: 2000, seed: 1 })

/** Trains once, in a folder that goes away. */
async function trainOnce(
  data: string,
  optimizer: string,
  run: number,
): Promise<{ validationLoss: number; seconds: number }> {
  const out = mkdtempSync(join(tmpdir(), 'atelier-bench-'))
  try {
    const training = trainText({
      data: [data],
      out: join(out, 'run'),
      preset: 'nano',
      tokenizer: { kind: 'char' },
      set: { contextLength: 64, batchSize: 12, evaluations: 4, optimizer },
      budget: { steps },
      seed: seed + run,
    })
    for (;;) {
      const { done, value } = await training.next()
      if (done) return value
    }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

const data = await tinyShakespeare()
const measurements: Measurement[] = []
for (const optimizer of ['muon', 'adamw']) {
  const runs: { validationLoss: number; seconds: number }[] = []
  for (let run = 0; run < rounds; run++) {
    runs.push(await trainOnce(data, optimizer, run))
    const { validationLoss, seconds } = runs.at(-1)!
    console.log(`${optimizer}: ${validationLoss.toFixed(4)} nats a character in ${seconds.toFixed(1)} s`)
  }
  measurements.push(
    {
      measure: `${optimizer}: held-out loss, nats a character`,
      value: median(runs.map(({ validationLoss }) => validationLoss)),
      unit: '',
      bar: '≤ 1.88, aim 1.80',
      note: `preset nano, contextLength 64, batchSize 12, ${steps} steps; median of ${rounds} seeds`,
    },
    {
      measure: `${optimizer}: training time, evaluations and samples included`,
      value: median(runs.map(({ seconds }) => seconds)),
      unit: 's',
      bar: '≤ 120 s, aim 60',
    },
  )
}
console.table(measurements, ['measure', 'value', 'unit', 'bar'])
record('tiny-shakespeare', measurements)

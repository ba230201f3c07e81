/**
 * How late a 5 ms timer of the event loop is while a model of 10 M parameters trains on a twelfth of the default corpus,
 * with evaluations, samples and checkpoints on the way.
 *
 *     npm run bench -- event-loop [seconds=20]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trainText } from '../src/text/train-text.ts'
import { englishFiles } from './models/english.ts'
import { settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'

const { seconds } = settingsOf({ seconds: 20 })
const intervalMs = 5

/** A timer that notes how late it is, and after which event. */
class Watch {
  readonly delays: { readonly late: number; readonly after: string }[] = []
  after = 'begin'
  #due = performance.now() + intervalMs
  #timer = setTimeout(() => this.#tick(), intervalMs)

  stop(): void {
    clearTimeout(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    this.delays.push({ late: now - this.#due, after: this.after })
    this.#due = now + intervalMs
    this.#timer = setTimeout(() => this.#tick(), intervalMs)
  }
}

const out = mkdtempSync(join(tmpdir(), 'atelier-bench-'))
const watch = new Watch()
let parameters = 0
try {
  const training = trainText({
    data: englishFiles().filter((_, i) => i % 12 === 0),
    out: join(out, 'run'),
    preset: 'small',
    set: { dModel: 320, nHeads: 5, nKvHeads: 5, dFf: 1088, evaluations: 3, batchSize: 4, evaluationBatches: 4 },
    budget: { minutes: seconds / 60 },
  })
  for await (const event of training) {
    watch.after = event.type
    if (event.type === 'start') parameters = event.parameters
  }
} finally {
  watch.stop()
  rmSync(out, { recursive: true, force: true })
}

const isTraining = ({ after }: { after: string }) => !['begin', 'prepare'].includes(after)
const training = watch.delays.filter(isTraining).sort((a, b) => b.late - a.late)
const before = watch.delays.filter((delay) => !isTraining(delay))
const worst = training[0]!
const measurements: Measurement[] = [
  {
    measure: 'event loop’s worst delay while training',
    value: worst.late,
    unit: 'ms',
    bar: '≤ 50 ms, aim 20',
    note: `${(parameters / 1e6).toFixed(1)} M parameters, ${seconds} s; after the event ${worst.after}`,
  },
  { measure: '99.9 % of delays are below', value: training[Math.floor(training.length / 1000)]!.late, unit: 'ms' },
  {
    measure: 'worst delay while the corpus is prepared and the graphs are compiled',
    value: Math.max(...before.map(({ late }) => late)),
    unit: 'ms',
  },
]
console.table(measurements, ['measure', 'value', 'unit', 'bar', 'note'])
console.table(training.slice(0, 8))
record('event-loop', measurements)

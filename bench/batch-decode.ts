/**
 * Tokens a second of 16 requests in a continuous batch ÷ those of one alone, samplers included: the gallery's model for
 * text, and a decoder of 110 M parameters with random weights; in turns in one process.
 *
 *     npm run bench -- batch-decode [rounds=5] [tokens=96] [record=1]
 */
import { loadModel } from '../src/models/checkpoint.ts'
import { createEngine } from '../src/runtime/index.ts'
import { CachedModel } from '../src/sample/cached-model.ts'
import { ContinuousBatch } from '../src/sample/continuous-batch.ts'
import { hundredMillion, untrainedDecoder } from './models/small-decoder.ts'
import { projectFolder, settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const settings = settingsOf({ rounds: 5, tokens: 96, record: 1 })
const sequences = 16

/** Tokens a second of `count` requests at once, each of a prompt of 8 ids and `tokens` more. */
async function rate(batch: ContinuousBatch, count: number, tokens: number): Promise<number> {
  const ask = async (seed: number) => {
    const prompt = Array.from({ length: 8 }, (_, i) => 100 + 7 * i + seed)
    let made = 0
    for await (const { type } of batch.generate(prompt, { maxTokens: tokens, seed })) if (type === 'token') made++
    return made
  }
  const begin = performance.now()
  const made = await Promise.all(Array.from({ length: count }, (_, seed) => ask(seed)))
  return (made.reduce((sum, one) => sum + one, 0) / (performance.now() - begin)) * 1e3
}

async function measure(name: string, model: CachedModel, tokens: number): Promise<Measurement> {
  const batch = await ContinuousBatch.open(model, { rows: sequences, capacity: 8 + tokens })
  for (const count of [1, sequences]) await rate(batch, count, 8)
  const rates: { readonly alone: number; readonly together: number }[] = []
  for (let round = 1; round <= settings.rounds; round++) {
    rates.push({ alone: await rate(batch, 1, tokens), together: await rate(batch, sequences, tokens) })
    const { alone, together } = rates.at(-1)!
    console.log(`${round}/${settings.rounds} ${name}: ${alone.toFixed(0)} alone, ${together.toFixed(0)} together`)
  }
  await batch.close()
  const [alone, together] = [median(rates.map((one) => one.alone)), median(rates.map((one) => one.together))]
  return {
    measure: `${name}: tokens/s of ${sequences} sequences ÷ of one`,
    value: median(rates.map((one) => one.together / one.alone)),
    unit: '',
    bar: '≥ 4, aim 8',
    note: `${together.toFixed(0)} and ${alone.toFixed(0)} tokens/s`,
  }
}

const engine = await createEngine('cpu')
const gallery = await loadModel(`${projectFolder}gallery/en`)
const { model: decoder, weights } = untrainedDecoder(hundredMillion)
const models = {
  'gallery/en': () => CachedModel.create(engine, gallery.architecture, { tensors: gallery.weights }),
  '110 M parameters': () => CachedModel.create(engine, decoder, { tensors: weights }),
}
const measurements: Measurement[] = []
for (const [name, load] of Object.entries(models)) {
  const model = await load()
  measurements.push(await measure(name, model, settings.tokens))
  await model.release()
}
await engine.close()
console.table(measurements, ['measure', 'value', 'bar', 'note'])
if (settings.record) record('batch-decode', measurements)

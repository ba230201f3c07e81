/**
 * What choosing one id costs, apart from the model: `logNormalizer` (for the log-probability) and `Sampler.choose`.
 * Medians in microseconds for each setting, over logits like a small language model's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTokenizer } from '../src/data/tokenizers/folder.ts'
import { Random } from '../src/random/random.ts'
import { CopyGuard, guardFile } from '../src/sample/copy-guard.ts'
import { vocabularyOfTokenizer } from '../src/sample/grammar/vocabulary.ts'
import { createHistory } from '../src/sample/history.ts'
import { logNormalizer } from '../src/sample/log-probabilities.ts'
import { resolveSamplerSettings } from '../src/sample/resolve-settings.ts'
import { Sampler } from '../src/sample/sampler.ts'
import type { SamplerSettings } from '../src/sample/settings.ts'
import { type Measurement, record } from './record.ts'

const vocabSize = 8192
const capacity = 1024
const rounds = 2000

const cases: Readonly<Record<string, Partial<SamplerSettings>>> = {
  greedy: { temperature: 0, topP: 1 },
  'temperature 0.8': { topP: 1 },
  'temperature 0.8, topK 50': { topK: 50, topP: 1 },
  'temperature 0.8, topP 0.95': {},
  'temperature 0.8, topK 50, topP 0.95': { topK: 50 },
  'temperature 0.8, topK 2000': { topK: 2000, topP: 1 },
  'temperature 0.8, minP 0.05': { topP: 1, minP: 0.05 },
  'temperature 0.8, typicalP 0.95': { topP: 1, typicalP: 0.95 },
  'default, repetitionPenalty 1.1, 512 ids before': { repetitionPenalty: 1.1 },
  'default, dryMultiplier 0.8, 512 ids before': { dryMultiplier: 0.8, drySequenceBreakers: [] },
}

/** Gaussian logits of deviation 3.3: some 3.5 nats of entropy over 8,192 ids, as a small trained model's have. */
function makeRows(random: Random): Float32Array[] {
  return Array.from({ length: 16 }, () => {
    const row = new Float32Array(vocabSize)
    random.fillGaussian(row, 3.3)
    return row
  })
}

function medianMicroseconds(run: (round: number) => void): number {
  for (let round = 0; round < rounds; round++) run(round)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    run(round)
    times.push((performance.now() - start) * 1000)
  }
  return Number(times.sort((a, b) => a - b)[rounds >> 1]!.toFixed(1))
}

const random = Random.seed(1).split('bench')
const rows = makeRows(random)
const history = createHistory(
  Array.from({ length: 512 }, () => random.integer(vocabSize)),
  capacity,
)
const measure = (name: string, run: (round: number) => void): Measurement => {
  return { measure: `${name}, vocabulary ${vocabSize}`, value: medianMicroseconds(run), unit: 'µs' }
}
const measurements = [measure('logNormalizer', (round) => logNormalizer(rows[round % 16]!))]
for (const [name, settings] of Object.entries(cases)) {
  const sampler = new Sampler(resolveSamplerSettings(settings), { vocabSize, capacity })
  const choose = (round: number) => sampler.choose(rows[round % 16]!, { row: 0, step: round, history }, random)
  measurements.push(measure(name, choose))
}
measurements.push(await measureGuard())
for (const { measure: name, value } of measurements) console.log(`${name}: ${value} µs`)
record('sampling', measurements)

/** The copy guard of gallery/articles beside 128 places of a text of its own. */
async function measureGuard(): Promise<Measurement> {
  const tokenizer = await readTokenizer('gallery/articles')
  const forbid = (await CopyGuard.read(join('gallery/articles', guardFile))).processor(vocabularyOfTokenizer(tokenizer))
  const { samples } = JSON.parse(readFileSync('gallery/articles/card.json', 'utf8'))
  const ids = tokenizer.encode(samples.map(({ text }: { text: string }) => text).join('\n'))
  const histories = Array.from({ length: 128 }, (_, i) => createHistory([...ids.subarray(0, 128 + i)], capacity))
  const logits = new Float32Array(tokenizer.vocabSize)
  return {
    measure: `copy guard of gallery/articles, vocabulary ${tokenizer.vocabSize}`,
    value: medianMicroseconds((round) => forbid(logits, histories[round % histories.length]!)),
    unit: 'µs',
  }
}

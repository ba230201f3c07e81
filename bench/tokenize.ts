// Tokenizing a 10 MB English corpus (the State of the Union addresses) with a BPE of 8,192 tokens trained on it:
// ours on one thread and on two, and @huggingface/tokenizers on the same text, in turns; medians. Then WordPiece and
// Unigram of as many tokens, on one thread.
//
//     npm run bench -- tokenize [rounds]
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { Tokenizer as HuggingFace } from '@huggingface/tokenizers'
import {
  bertCased,
  countBertWords,
  countMetaspaceRuns,
  countWords,
  IdBuffer,
  loadTokenizer,
  type Tokenizer,
  trainBpe,
  trainUnigram,
  trainWordPiece,
} from '../src/data/tokenizers/index.ts'
import { englishTexts } from './models/english.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const manifest = new URL('../node_modules/@huggingface/tokenizers/package.json', import.meta.url)
const { version: huggingFaceVersion } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

const texts = englishTexts()
const megabytes = (some: readonly string[]) => some.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6
const total = megabytes(texts)

async function secondsOf(work: () => unknown): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

let counts = new Map<string, number>()
const counting = await secondsOf(() => {
  counts = countWords(texts)
})
let tokenizer = loadTokenizer(trainBpe(new Map(), { vocabSize: 257 }).toJSON())
const training = await secondsOf(() => {
  tokenizer = trainBpe(counts, { vocabSize: 8192 })
})
const json = JSON.stringify(tokenizer)

/** Encodes the texts with a tokenizer just loaded, so that its cache of words is empty; gives the tokens. */
function encodeAll(some: readonly string[], file = json): number {
  const fresh = loadTokenizer(file)
  const ids = new IdBuffer(1 << 22)
  for (const text of some) fresh.encodeInto(text, ids)
  return ids.length
}

// Each worker has half of the texts before the clock starts, and answers with its ids.
const workerSource = `
  import { parentPort, workerData } from 'node:worker_threads'
  const { IdBuffer, loadTokenizer } = await import(workerData.module)
  parentPort.on('message', () => {
    const tokenizer = loadTokenizer(workerData.json)
    const ids = new IdBuffer(1 << 21)
    for (const text of workerData.texts) tokenizer.encodeInto(text, ids)
    const all = ids.toArray()
    parentPort.postMessage(all, [all.buffer])
  })
  parentPort.postMessage('ready')
`
const module = new URL('../dist/data/tokenizers/index.js', import.meta.url).href
const nextMessage = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve))
const workers = await Promise.all(
  [0, 1].map(async (half) => {
    const workerData = { json, module, texts: texts.filter((_, i) => i % 2 === half) }
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`), { workerData })
    await nextMessage(worker)
    return worker
  }),
)
const encodeInWorkers = () =>
  Promise.all(
    workers.map((worker) => {
      const answer = nextMessage(worker)
      worker.postMessage('encode')
      return answer
    }),
  )

// The peer is slow: a tenth of the texts.
const sample = texts.filter((_, i) => i % 10 === 0)
const encodeByPeer = () => {
  const peer = new HuggingFace(tokenizer.toJSON(), tokenizer.configJson())
  for (const text of sample) peer.encode(text)
}

const rates = { oneThread: [] as number[], twoThreads: [] as number[], huggingFace: [] as number[] }
for (let round = 0; round < Number(process.argv[2] ?? 5); round++) {
  rates.oneThread.push(total / (await secondsOf(() => encodeAll(texts))))
  rates.twoThreads.push(total / (await secondsOf(encodeInWorkers)))
  rates.huggingFace.push(megabytes(sample) / (await secondsOf(encodeByPeer)))
}
await Promise.all(workers.map((worker) => worker.terminate()))

const note = `State of the Union, ${total.toFixed(2)} MB, ${tokenizer.vocabSize} tokens, no word cached at first`
const measurements: Measurement[] = [
  { measure: 'encode, two threads', value: median(rates.twoThreads), unit: 'MB/s', bar: '≥ 4 MB/s, aim 12', note },
  { measure: 'encode, one thread', value: median(rates.oneThread), unit: 'MB/s', note },
  { measure: 'encode, @huggingface/tokenizers, one thread', value: median(rates.huggingFace), unit: 'MB/s' },
  { measure: 'count the words of the corpus', value: counting, unit: 's', note: `${counts.size} different words` },
  { measure: 'train the BPE from the counts', value: training, unit: 's', note: `${tokenizer.vocabSize} tokens` },
]

const others: [name: string, train: () => Tokenizer][] = [
  ['WordPiece', () => trainWordPiece(countBertWords(texts, bertCased), { vocabSize: 8192 })],
  ['Unigram', () => trainUnigram(countMetaspaceRuns(texts), { vocabSize: 8192 })],
]
for (const [name, train] of others) {
  let trained = tokenizer
  const seconds = await secondsOf(() => {
    trained = train()
  })
  const file = JSON.stringify(trained)
  const speeds: number[] = []
  for (const _ of rates.oneThread) speeds.push(total / (await secondsOf(() => encodeAll(texts, file))))
  measurements.push(
    { measure: `count and train ${name}`, value: seconds, unit: 's', note: `${trained.vocabSize} tokens` },
    { measure: `encode by ${name}, one thread`, value: median(speeds), unit: 'MB/s', bar: '≥ 3 MB/s' },
    { measure: `bytes a token, ${name}`, value: (total * 1e6) / encodeAll(texts, file), unit: 'B' },
  )
}
measurements.push({ measure: 'bytes a token, BPE', value: (total * 1e6) / encodeAll(texts), unit: 'B' })
console.table(measurements, ['measure', 'value', 'unit', 'bar'])
record('tokenize', measurements, { '@huggingface/tokenizers': huggingFaceVersion })

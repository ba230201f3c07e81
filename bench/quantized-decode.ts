/**
 * Decoding in 8 and 4 bits, greedy, one text at a time: `generate` over a quantized Llama decoder of 110 M parameters,
 * the same weights in llama.cpp (node-llama-cpp, Q8_0 and Q4_0) and in transformers.js (onnxruntime-node, q8 and q4), in
 * turns, each in its own process with two threads. Random weights, which cost what trained ones do.
 *
 *     ATELIER_PEERS=FOLDER npm run bench -- quantized-decode [rounds=5] [tokens=128] [texts=2] [record=1]
 *
 * FOLDER is where `npm install` put the peers, see peers/README.md; it keeps the models for the next time.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeTokenizer } from '../src/data/tokenizers/folder.ts'
import { exportModel, type Precision } from '../src/export/export-model.ts'
import { loadModel, saveModel, saveQuantized } from '../src/models/checkpoint.ts'
import { quantizeWeights } from '../src/models/quantized-weights.ts'
import { createEngine } from '../src/runtime/index.ts'
import { CachedModel } from '../src/sample/cached-model.ts'
import { generate } from '../src/sample/generate.ts'
import { englishBpe } from './models/english.ts'
import { hundredMillion, untrainedDecoder } from './models/small-decoder.ts'
import { refuse, runJson, runSide, settingsOf, sideOfThisProcess } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, median, summary, type Turn } from './turns.ts'

const settings = settingsOf({ rounds: 5, tokens: 128, texts: 2, record: 1 })
const prompt = [5, 6, 7, 8, 9, 10, 11, 12]
const widths = [8, 4] as const
const peers = process.env.ATELIER_PEERS || refuse('set ATELIER_PEERS to the folder of peers/README.md’s packages')
const folder = join(peers, 'models', 'quantized-decode')

interface Text extends Turn {
  readonly ids: readonly number[]
}

async function measureOurs(bits: 8 | 4): Promise<Text> {
  const { architecture, weights, quantized } = await loadModel(join(folder, `${bits}-bit`))
  const engine = await createEngine('cpu', { threads: 2 })
  const model = await CachedModel.create(engine, architecture, { tensors: weights, quantized })
  const times: number[] = []
  let ids: number[] = []
  for (let text = 0; text <= settings.texts; text++) {
    ids = []
    let last: number | undefined
    for await (const event of generate(model, [prompt], { maxTokens: settings.tokens, temperature: 0 })) {
      if (event.type !== 'token') continue
      const now = performance.now()
      if (text > 0 && last !== undefined) times.push((now - last) / 1e3)
      last = now
      ids.push(event.id)
    }
  }
  await model.release()
  await engine.close()
  return {
    ...{ best_s: Math.min(...times), median_s: median(times), peak_mb: process.resourceUsage().maxRSS / 1e3 },
    ids,
  }
}

/** Writes the model in every form, once. */
async function makeModels(): Promise<void> {
  if (existsSync(folder)) return
  const { model, weights } = untrainedDecoder(hundredMillion)
  const parts = `${folder}.part`
  await rm(parts, { recursive: true, force: true })
  const dense = join(parts, 'dense')
  await mkdir(dense, { recursive: true })
  const tokenizer = englishBpe(hundredMillion.vocabSize)
  await writeTokenizer(dense, tokenizer, hundredMillion.contextLength)
  await saveModel(dense, model, weights)
  for (const bits of widths) {
    const small = join(parts, `${bits}-bit`)
    await mkdir(small, { recursive: true })
    await saveQuantized(small, model, quantizeWeights(model, weights, bits), { bits })
    await exportModel(dense, 'gguf', join(parts, `${bits}-bit.gguf`), `q${bits}_0` as Precision)
    await exportModel(dense, 'onnx', join(parts, `onnx-${bits}`), `q${bits}` as Precision)
  }
  await rename(parts, folder)
}

function peer(library: string, model: string): () => Promise<Text> {
  const script = ['--experimental-import-meta-resolve', '--no-warnings', 'bench/peers/quantized-decode.mjs']
  const words = [...script, library, peers, model, String(settings.tokens), String(settings.texts)]
  return () => runJson<Text>(process.execPath, words)
}

/** The median over rounds of the quotient of medians, as each round's sides met the same machine. */
function compare(bits: number, name: string, bar: string, ours: Text[], theirs: Text[]): Measurement {
  const rates = [ours, theirs].map((turns) => (1 / summary(turns).median_s).toFixed(1)).join(' and ')
  const best = summary(theirs).best_s / summary(ours).best_s
  const same = ours[0]!.ids.findIndex((id, i) => id !== theirs[0]!.ids[i])
  const alike = same < 0 ? 'all ids alike' : `first ${same} ids alike`
  return {
    measure: `${bits} bits: tokens/s ÷ ${name}`,
    value: median(ours.map((turn, round) => theirs[round]!.median_s / turn.median_s)),
    unit: '',
    bar,
    note: `${rates} tokens/s; best steps ÷ best steps ${best.toFixed(2)}; ${alike}`,
  }
}

function versionOf(library: string): string {
  return JSON.parse(readFileSync(join(peers, 'node_modules', library, 'package.json'), 'utf8')).version
}

async function main(): Promise<void> {
  await makeModels()
  const measurements: Measurement[] = []
  for (const bits of widths) {
    const turns = await inTurns<'ours' | 'llama' | 'js', Text>(settings.rounds, {
      ours: () => runSide<Text>(String(bits), settings),
      llama: peer('llama-cpp', join(folder, `${bits}-bit.gguf`)),
      js: peer('transformers-js', `${join(folder, `onnx-${bits}`)}:q${bits}`),
    })
    measurements.push(
      compare(bits, `llama.cpp (Q${bits}_0)`, '≥ 1, aim 1.4', turns.ours, turns.llama),
      compare(bits, `transformers.js (q${bits})`, '≥ 2, aim 4', turns.ours, turns.js),
    )
  }
  console.table(measurements, ['measure', 'value', 'bar', 'note'])
  const libraries = ['node-llama-cpp', '@huggingface/transformers']
  if (settings.record)
    record('quantized-decode', measurements, Object.fromEntries(libraries.map((name) => [name, versionOf(name)])))
}

const side = Number(sideOfThisProcess())
if (side === 8 || side === 4) console.log(JSON.stringify(await measureOurs(side)))
else await main()

/**
 * From starting `atelier generate text` to the first byte of text, with a float32 checkpoint of 124 M parameters (a
 * Llama decoder as large as GPT-2, weights at random), and the command's peak memory beside the file's size.
 *
 *     npm run bench -- load-checkpoint [rounds=7]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTokenizer } from '../src/data/tokenizers/folder.ts'
import type { HostTensor } from '../src/graph/dtype.ts'
import type { CausalConfig } from '../src/models/architecture.ts'
import { saveModel } from '../src/models/checkpoint.ts'
import { Decoder } from '../src/models/decoder.ts'
import type { Parameter } from '../src/nn/parameters.ts'
import { Random } from '../src/random/random.ts'
import { englishBpe } from './models/english.ts'
import { projectFolder, settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds } = settingsOf({ rounds: 7 })

const size: CausalConfig = {
  vocabSize: 4096,
  contextLength: 1024,
  dModel: 768,
  nLayers: 17,
  nHeads: 12,
  nKvHeads: 12,
  dFf: 2048,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

/** Numbers that all matrices are cut from: drawing 124 million apart would take longer than the bench. */
const numbers = new Float32Array(1 << 22)
Random.seed(1).fillGaussian(numbers, 0.02)

function weightOf({ shape, initializer }: Parameter, index: number): HostTensor {
  const length = shape.reduce((product, dim) => product * dim, 1)
  if (initializer.kind !== 'normal') return { dtype: 'float32', shape, data: new Float32Array(length).fill(1) }
  return { dtype: 'float32', shape, data: numbers.subarray(index, index + length) }
}

async function writeModel(folder: string): Promise<number> {
  const model = new Decoder(size)
  const weights = [...model.scope.parameters.values()].map((parameter, i) => [parameter.name, weightOf(parameter, i)])
  await writeTokenizer(folder, englishBpe(size.vocabSize), size.contextLength)
  await saveModel(folder, model, Object.fromEntries(weights))
  return statSync(join(folder, 'model.safetensors')).size
}

/** Makes a process say its peak resident set, in kilobytes, when it ends. */
const tellPeak = `data:text/javascript,process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))`

/** Seconds to the first byte, and the peak resident set in bytes. */
async function write(folder: string): Promise<{ first: number; peak: number }> {
  const command = [join(projectFolder, 'dist', 'cli', 'main.js'), 'generate', 'text', '--model', folder]
  const options = ['--prompt', 'It was', '--max-tokens', '8', '--seed', '1']
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', tellPeak, ...command, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let first = Number.NaN
  let said = ''
  child.stdout.on('data', () => {
    if (Number.isNaN(first)) first = (performance.now() - start) / 1e3
  })
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const [code] = await once(child, 'close')
  const peak = Number(/^peak (\d+)$/m.exec(said)?.[1]) * 1024
  if (code !== 0 || Number.isNaN(first + peak)) throw new Error(`load-checkpoint: atelier ended with ${code}: ${said}`)
  return { first, peak }
}

const folder = mkdtempSync(join(tmpdir(), 'atelier-bench-'))
try {
  const bytes = await writeModel(folder)
  await write(folder)
  const times: { first: number; peak: number }[] = []
  for (let round = 0; round < rounds; round++) times.push(await write(folder))
  const peak = median(times.map((time) => time.peak))
  const measurements: Measurement[] = [
    {
      measure: 'from generate to the first token',
      value: median(times.map(({ first }) => first)),
      unit: 's',
      bar: '≤ 5 s, aim 2',
      note: `float32, ${(bytes / 1e6).toFixed(0)} MB, read before`,
    },
    {
      measure: 'peak memory ÷ file size',
      value: peak / bytes,
      unit: '',
      bar: '≤ 1.6, aim 1.2',
      note: `${(peak / 1e6).toFixed(0)} and ${(bytes / 1e6).toFixed(0)} MB`,
    },
  ]
  console.table(measurements, ['measure', 'value', 'unit', 'bar', 'note'])
  record('load-checkpoint', measurements)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

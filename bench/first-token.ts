/**
 * From starting `atelier generate text` to the first byte of text on stdout, with the gallery's model, or one of its
 * size (4.7 M parameters, 4,096 tokens, 16-bit weights) where it is not there yet.
 *
 *     npm run bench -- first-token [rounds=11]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTokenizer } from '../src/data/tokenizers/folder.ts'
import { saveModel } from '../src/models/checkpoint.ts'
import { englishBpe } from './models/english.ts'
import { gallerySize, untrainedDecoder } from './models/small-decoder.ts'
import { projectFolder, settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds } = settingsOf({ rounds: 11 })
const gallery = join(projectFolder, 'gallery', 'en')
const temporary = mkdtempSync(join(tmpdir(), 'atelier-bench-'))

async function modelFolder(): Promise<string> {
  if (existsSync(join(gallery, 'model.safetensors'))) return gallery
  const { model, weights } = untrainedDecoder(gallerySize)
  await writeTokenizer(temporary, englishBpe(gallerySize.vocabSize), gallerySize.contextLength)
  await saveModel(temporary, model, weights, { float: 'F16' })
  return temporary
}

/** Seconds to the first byte, and to the end. */
async function write(folder: string): Promise<{ first: number; end: number }> {
  const command = [join(projectFolder, 'dist', 'cli', 'main.js'), 'generate', 'text', '--model', folder]
  const start = performance.now()
  const child = spawn(process.execPath, [...command, '--prompt', 'It was', '--max-tokens', '32', '--seed', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let first = Number.NaN
  child.stdout.on('data', () => {
    if (Number.isNaN(first)) first = (performance.now() - start) / 1e3
  })
  const [code] = await once(child, 'close')
  if (code !== 0 || Number.isNaN(first)) throw new Error(`first-token: atelier ended with ${code} and no text`)
  return { first, end: (performance.now() - start) / 1e3 }
}

try {
  const folder = await modelFolder()
  await write(folder)
  const times: { first: number; end: number }[] = []
  for (let round = 0; round < rounds; round++) times.push(await write(folder))
  const note = folder === gallery ? 'the gallery’s model' : 'a model of the gallery’s size'
  const measurements: Measurement[] = [
    {
      measure: 'from generate to the first token',
      value: median(times.map(({ first }) => first)),
      unit: 's',
      bar: '≤ 1.5 s, aim 0.7',
      note,
    },
    { measure: 'to the end of 32 tokens', value: median(times.map(({ end }) => end)), unit: 's' },
  ]
  console.table(measurements, ['measure', 'value', 'unit', 'bar', 'note'])
  record('first-token', measurements)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

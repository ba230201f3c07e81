/**
 * From starting `atelier generate image` for a sheet of 16 pictures to its end, for every painter of the gallery.
 *
 *     npm run bench -- first-pictures [rounds=11]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder, settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds } = settingsOf({ rounds: 11 })
const temporary = mkdtempSync(join(tmpdir(), 'atelier-bench-'))
const asking: Readonly<Record<string, readonly string[]>> = {
  emoji: ['--prompt', 'une pomme rouge'],
  fashion: ['--class', 'ankle boot'],
  characters: ['--prompt', 'a girl with glasses and long red hair'],
}

/** Seconds from the command to the file. */
async function paint(name: string): Promise<number> {
  const main = join(projectFolder, 'dist', 'cli', 'main.js')
  const command = [main, 'generate', 'image', '--model', join(projectFolder, 'gallery', name), ...asking[name]!]
  const start = performance.now()
  const sheet = join(temporary, `${name}.png`)
  const child = spawn(process.execPath, [...command, '--n', '16', '--grid', '--seed', '1', '--out', sheet], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0 || !existsSync(sheet)) throw new Error(`first-pictures: atelier ended with ${code} and no picture`)
  return (performance.now() - start) / 1e3
}

try {
  const measurements: Measurement[] = []
  for (const name of Object.keys(asking)) {
    if (!existsSync(join(projectFolder, 'gallery', name, 'model.safetensors'))) continue
    await paint(name)
    const times: number[] = []
    for (let round = 0; round < rounds; round++) times.push(await paint(name))
    measurements.push({
      measure: `16 pictures of 32 × 32 by gallery/${name}, command to file`,
      value: median(times),
      unit: 's',
      bar: '≤ 2 s, aim 1',
    })
  }
  console.table(measurements, ['measure', 'value', 'unit', 'bar'])
  record('first-pictures', measurements)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

/**
 * The training step of `train-gpt` beside TensorFlow.js and jax-js, both on wasm with SIMD and threads in Chromium, in
 * turns; few steps, for a peer's takes seconds.
 *
 *     npm install --prefix bench/peers && npm run bench -- train-gpt-js [rounds=3] [steps=3]
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerGptTrainer } from './models/peer-gpt-trainer.ts'
import { projectFolder, refuse, runJson, runSide, settingsOf, sideOfThisProcess } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

const settings = settingsOf({ rounds: 3, steps: 3 })
const { rounds, steps } = settings
const folder = join(projectFolder, 'bench', 'peers')

async function measureOurs(): Promise<void> {
  const { step, release } = await peerGptTrainer()
  console.log(JSON.stringify(await timed(step, 5, 5)))
  await release()
}

/** Chromium's memory is not the peer's alone, and is left out. */
async function runPeer(file: string): Promise<Turn> {
  const result = await runJson<Omit<Turn, 'peak_mb'>>(process.execPath, ['run.mjs', file, `steps=${steps}`], folder)
  return { ...result, peak_mb: Number.NaN }
}

function versionOf(library: string): string {
  const manifest = join(folder, 'node_modules', library, 'package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

async function main(): Promise<void> {
  if (!existsSync(join(folder, 'node_modules'))) refuse('the peers are not installed: npm install --prefix bench/peers')
  const turns = await inTurns(rounds, {
    ours: () => runSide<Turn>('ours', settings),
    tfjs: () => runPeer('tfjs-gpt.ts'),
    jax: () => runPeer('jax-gpt.ts'),
  })
  const [ours, tfjs, jax] = [turns.ours, turns.tfjs, turns.jax].map(summary) as [Turn, Turn, Turn]
  const ratio = (peer: Turn) => peer.median_s / ours.median_s
  const seconds = (turn: Turn) => `${turn.median_s.toFixed(2)} s a step, best ${turn.best_s.toFixed(2)}`
  const measurements: Measurement[] = [
    {
      measure: 'tokens/s ÷ the better JavaScript peer',
      value: Math.min(ratio(tfjs), ratio(jax)),
      unit: '',
      bar: '≥ 8, aim 12',
      note: `ours: ${seconds(ours)}`,
    },
    { measure: 'tokens/s ÷ TensorFlow.js (wasm)', value: ratio(tfjs), unit: '', note: seconds(tfjs) },
    { measure: 'tokens/s ÷ jax-js (wasm)', value: ratio(jax), unit: '', note: seconds(jax) },
  ]
  console.table(measurements, ['measure', 'value', 'bar', 'note'])
  record('train-gpt-js', measurements, { '@tensorflow/tfjs': versionOf('@tensorflow/tfjs-core') })
}

await (sideOfThisProcess() === 'ours' ? measureOurs() : main())

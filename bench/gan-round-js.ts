/**
 * The round of `gan-round` beside TensorFlow.js on wasm with SIMD and threads in Chromium, in turns; few rounds, for the
 * peer's take long. None of its backends differentiates twice as it comes: what each says is printed and recorded, and the
 * peer is timed with the missing gradients written for it (`peers/tfjs-gan.ts`), with penalties and without.
 *
 *     npm install --prefix bench/peers && npm run bench -- gan-round-js [rounds=3] [steps=2]
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerGanTrainer } from './models/peer-gan-trainer.ts'
import { projectFolder, refuse, runJson, runSide, settingsOf, sideOfThisProcess } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

const settings = settingsOf({ rounds: 3, steps: 2 })
const { rounds, steps } = settings
const folder = join(projectFolder, 'bench', 'peers')
const batch = 64

interface PeerResult {
  readonly best_s: number
  readonly median_s: number
  /** The round without gradient penalties. */
  readonly without: { readonly best_s: number; readonly median_s: number }
  /** What each backend says to the round as the library's users would write it. */
  readonly refusals: Readonly<Record<string, string>>
  readonly error?: string
}

async function measureOurs(penalized: boolean): Promise<void> {
  const { step, release } = await peerGanTrainer(batch, { penalized })
  console.log(JSON.stringify(await timed(step, 5, 5)))
  await release()
}

async function runPeer(probe: boolean): Promise<PeerResult> {
  const args = ['run.mjs', 'tfjs-gan.ts', `steps=${steps}`, `batch=${batch}`, `probe=${probe ? 1 : 0}`]
  const result = await runJson<PeerResult>(process.execPath, args, folder)
  return result.error === undefined ? result : refuse(result.error)
}

function versionOf(library: string): string {
  const manifest = join(folder, 'node_modules', library, 'package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

function compare(what: string, ours: Turn, theirs: Turn, bar?: string): Measurement {
  return {
    measure: `pictures/s of a round ${what} ÷ TensorFlow.js (wasm)`,
    value: theirs.median_s / ours.median_s,
    unit: '',
    ...(bar ? { bar } : {}),
    note: `${ours.median_s.toFixed(2)} and ${theirs.median_s.toFixed(2)} s a round`,
  }
}

async function main(): Promise<void> {
  if (!existsSync(join(folder, 'node_modules'))) refuse('the peers are not installed: npm install --prefix bench/peers')
  let refusals: PeerResult['refusals'] = {}
  const without: Turn[] = []
  // Chromium's memory is not the peer's alone, and is left out.
  const turn = (times: PeerResult['without']): Turn => ({ ...times, peak_mb: Number.NaN })
  const turns = await inTurns<'ours' | 'oursWithout' | 'peer', Turn>(rounds, {
    ours: () => runSide<Turn>('ours', settings),
    oursWithout: () => runSide<Turn>('ours-without', settings),
    async peer() {
      const result = await runPeer(without.length === 0)
      if (without.length === 0) refusals = result.refusals
      without.push(turn(result.without))
      return turn(result)
    },
  })
  const measurements = [
    compare('with penalties', summary(turns.ours), summary(turns.peer), '≥ 5, aim 10'),
    compare('without penalties', summary(turns.oursWithout), summary(without)),
  ]
  const [first, ...rest] = measurements as [Measurement, ...Measurement[]]
  const said = Object.entries(refusals).map(([backend, error]) => `${backend}: ${error}`)
  const noted = { ...first, note: `${first.note}; as it comes, ${said.join('; ')}` }
  console.table([noted, ...rest], ['measure', 'value', 'bar', 'note'])
  record('gan-round-js', [noted, ...rest], { '@tensorflow/tfjs': versionOf('@tensorflow/tfjs-core') })
}

const side = sideOfThisProcess()
await (side === undefined ? main() : measureOurs(side === 'ours'))

/**
 * One round of the peers' GAN (a discriminator's step with R1 and R2, then a generator's; 64 pictures of 3 × 32 × 32): ours
 * and PyTorch eager in turns, each in a process of its own. Pictures a second and peak memory.
 *
 *     ATELIER_PYTHON=… npm run bench -- gan-round [rounds=5] [seconds=10] [threads=0]
 */
import { peerGanTrainer } from './models/peer-gan-trainer.ts'
import { pythonPath, runSide, runTorch, settingsOf, sideOfThisProcess, type TorchResult } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

const settings = settingsOf({ rounds: 5, seconds: 10, threads: 0 })
const { rounds, seconds, threads } = settings
const batch = 64

async function measureOurs(): Promise<void> {
  const { step, release } = await peerGanTrainer(batch, threads > 0 ? { threads } : {})
  console.log(JSON.stringify(await timed(step, seconds, 5)))
  await release()
}

async function main(): Promise<void> {
  pythonPath()
  const torchArguments = ['gan', '--batch', String(batch), '--seconds', String(seconds)]
  if (threads > 0) torchArguments.push('--threads', String(threads))
  const turns = await inTurns<'ours' | 'torch', Turn>(rounds, {
    ours: () => runSide<Turn>('ours', settings),
    torch: () => runTorch(...torchArguments),
  })
  const [ours, torch] = [summary(turns.ours), summary(turns.torch)]
  const measurements: Measurement[] = [
    {
      measure: 'pictures/s of a round ÷ PyTorch eager',
      value: torch.median_s / ours.median_s,
      unit: '',
      bar: '≥ 0.8, aim 1',
      note: `${(batch / ours.median_s).toFixed(1)} and ${(batch / torch.median_s).toFixed(1)} pictures/s`,
    },
    { measure: 'pictures/s of a round ÷ PyTorch eager, best rounds', value: torch.best_s / ours.best_s, unit: '' },
    {
      measure: 'peak memory ÷ PyTorch eager',
      value: ours.peak_mb / torch.peak_mb,
      unit: '',
      note: `${ours.peak_mb.toFixed(0)} and ${torch.peak_mb.toFixed(0)} MB`,
    },
  ]
  console.table(measurements, ['measure', 'value', 'bar', 'note'])
  record('gan-round', measurements, { torch: (turns.torch[0] as TorchResult).torch })
}

await (sideOfThisProcess() === 'ours' ? measureOurs() : main())

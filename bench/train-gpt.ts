/**
 * One training step of the peers' GPT (10.8 M parameters, batch 12 × 256): ours, PyTorch eager and torch.compile, in
 * turns, each in a process of its own. Tokens a second and peak memory.
 *
 *     ATELIER_PYTHON=… npm run bench -- train-gpt [rounds=5] [seconds=10]
 */
import { peerGptTrainer } from './models/peer-gpt-trainer.ts'
import { pythonPath, runSide, runTorch, settingsOf, sideOfThisProcess, type TorchResult } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

const settings = settingsOf({ rounds: 5, seconds: 10 })
const { rounds, seconds } = settings

async function measureOurs(): Promise<void> {
  const { step, release } = await peerGptTrainer()
  console.log(JSON.stringify(await timed(step, seconds, 5)))
  await release()
}

/** Rates and memory of ours, and of `peer` beside them. */
function compare(peer: string, ours: Turn, theirs: Turn, bar: string): Measurement[] {
  const tokens = 12 * 256
  const note = `${(tokens / ours.median_s).toFixed(0)} and ${(tokens / theirs.median_s).toFixed(0)} tokens/s`
  const memory = `${ours.peak_mb.toFixed(0)} and ${theirs.peak_mb.toFixed(0)} MB`
  return [
    { measure: `tokens/s ÷ ${peer}`, value: theirs.median_s / ours.median_s, unit: '', bar, note },
    { measure: `tokens/s ÷ ${peer}, best steps`, value: theirs.best_s / ours.best_s, unit: '' },
    {
      measure: `peak memory ÷ ${peer}`,
      value: ours.peak_mb / theirs.peak_mb,
      unit: '',
      ...(peer === 'PyTorch eager' ? { bar: '≤ 1, aim 0.75' } : {}),
      note: memory,
    },
  ]
}

async function main(): Promise<void> {
  pythonPath()
  const torchArguments = ['gpt', '--batch', '12', '--seconds', String(seconds)]
  const turns = await inTurns<'ours' | 'eager' | 'compiled', Turn>(rounds, {
    ours: () => runSide<Turn>('ours', settings),
    eager: () => runTorch(...torchArguments),
    compiled: () => runTorch(...torchArguments, '--compile'),
  })
  const ours = summary(turns.ours)
  const measurements = [
    ...compare('PyTorch eager', ours, summary(turns.eager), '≥ 1, aim 1.15'),
    ...compare('torch.compile', ours, summary(turns.compiled), '≥ 0.8, aim 1'),
  ]
  console.table(measurements, ['measure', 'value', 'bar', 'note'])
  record('train-gpt', measurements, { torch: (turns.eager[0] as TorchResult).torch })
}

await (sideOfThisProcess() === 'ours' ? measureOurs() : main())

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeJsonFile } from '../src/files/json-file.ts'
import { writeSafetensors } from '../src/files/safetensors-file.ts'
import { initializeAll } from '../src/nn/parameters.ts'
import { adamW } from '../src/optim/adamw.ts'
import { Random } from '../src/random/random.ts'
import { createEngine } from '../src/runtime/index.ts'
import { Trainer } from '../src/train/trainer.ts'
import type { TransformersTask } from './models/transformers-tasks.ts'
import { pythonPath, runJson, runSide, settingsOf, sideOfThisProcess } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

interface LearningTurn extends Turn {
  /** Of the first three steps. */
  readonly losses: readonly number[]
}

interface PeerTurn extends LearningTurn {
  readonly torch: string
  readonly transformers: string
}

/** A way in which transformers trains the same. */
export interface PeerWay {
  readonly name: string
  readonly flags: readonly string[]
  readonly bar?: string
  readonly memoryBar?: string
}

const seed = 1

async function measureOurs({ architecture, loss, batch }: TransformersTask, seconds: number): Promise<LearningTurn> {
  const engine = await createEngine('cpu')
  const trainer = await Trainer.create(engine, {
    loss,
    parameters: architecture.scope.parameters,
    optimizer: adamW({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }),
    gradientClip: 1,
    seed,
  })
  const step = async () => (await trainer.train([batch], 1e-3)).loss
  const losses = [await step(), await step(), await step()]
  const turn = await timed(step, seconds, 5)
  await trainer.release()
  await engine.close()
  return { ...turn, losses }
}

/** The weights that training here begins with and the batch, for the other side to read. */
async function writeTask(folder: string, task: TransformersTask): Promise<void> {
  const { scope, config } = task.architecture
  const weights = await initializeAll(scope.parameters.values(), Random.seed(seed).split('parameters'))
  await writeJsonFile(join(folder, 'config.json'), config)
  await writeSafetensors(join(folder, 'model.safetensors'), Object.fromEntries(weights), { metadata: { format: 'pt' } })
  writeFileSync(join(folder, 'batch.json'), JSON.stringify(task.arguments))
}

/** Both learn the same or the comparison is void. */
function checkLosses(ours: LearningTurn, theirs: LearningTurn): void {
  const apart = Math.max(...ours.losses.map((loss, i) => Math.abs(loss - theirs.losses[i]!)))
  if (!(apart < 1e-3))
    throw new Error(`the first losses are ${ours.losses.join(', ')} and ${theirs.losses.join(', ')}: not the same step`)
}

function compare(ours: Turn, theirs: Turn, tokens: number, way: PeerWay): Measurement[] {
  const rates = [ours, theirs].map(({ median_s }) => (tokens / median_s).toFixed(0)).join(' and ')
  const { name, bar, memoryBar } = way
  return [
    {
      measure: `tokens/s ÷ ${name}`,
      value: theirs.median_s / ours.median_s,
      unit: '',
      ...(bar ? { bar } : {}),
      note: `${rates} tokens/s`,
    },
    { measure: `tokens/s ÷ ${name}, best steps`, value: theirs.best_s / ours.best_s, unit: '' },
    {
      measure: `peak memory ÷ ${name}`,
      value: ours.peak_mb / theirs.peak_mb,
      unit: '',
      ...(memoryBar ? { bar: memoryBar } : {}),
      note: `${ours.peak_mb.toFixed(0)} and ${theirs.peak_mb.toFixed(0)} MB`,
    },
  ]
}

/**
 * Training steps of a model beside Hugging Face transformers, in turns, each in a process of its own: from the same
 * weights, with the same batch and AdamW. The first three losses of both must agree, else nothing is recorded.
 */
export async function besideTransformers(
  job: 'bert' | 't5',
  task: TransformersTask,
  ways: readonly PeerWay[],
): Promise<void> {
  const settings = settingsOf({ rounds: 5, seconds: 10 })
  if (sideOfThisProcess() === 'ours') {
    console.log(JSON.stringify(await measureOurs(task, settings.seconds)))
    return
  }
  const python = pythonPath()
  const folder = mkdtempSync(join(tmpdir(), 'atelier-bench-'))
  try {
    await writeTask(folder, task)
    const script = ['bench/peers/transformers_peers.py', job, folder, '--seconds', String(settings.seconds)]
    const peer = ({ name, flags }: PeerWay) => [name, () => runJson<PeerTurn>(python, [...script, ...flags])] as const
    const turns = await inTurns<string, LearningTurn>(settings.rounds, {
      ours: () => runSide<LearningTurn>('ours', settings),
      ...Object.fromEntries(ways.map(peer)),
    })
    const ours = turns.ours!
    for (const { name } of ways) checkLosses(ours[0]!, turns[name]![0]!)
    const measurements = ways.flatMap((way) => compare(summary(ours), summary(turns[way.name]!), task.tokens, way))
    console.table(measurements, ['measure', 'value', 'bar', 'note'])
    const { torch, transformers } = turns[ways[0]!.name]![0] as PeerTurn
    record(`train-${job}`, measurements, { torch, transformers })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

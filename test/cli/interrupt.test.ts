import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { finished, resultOf, workshop } from './atelier.ts'

const { begin, run, path } = workshop()
const steps = 240
const words = (out: string) => [
  ...['train', 'text', '--data', 'tiny.txt', '--out', out, '--tokenizer', 'char', '--threads', '1', '--json'],
  ...['--steps', String(steps), '--seed', '3'],
  ...['--set', 'dModel=32', 'nLayers=2', 'nHeads=2', 'dFf=64', 'contextLength=32', 'batchSize=8', 'evaluations=12'],
]
const digest = (run: string) =>
  createHash('sha256')
    .update(readFileSync(path(`${run}/model.safetensors`)))
    .digest('hex')
const unbroken = run(words('unbroken')).then(() => digest('unbroken'))

/** Trains, and sends a signal at the given line of progress. */
async function trainUntil(out: string, line: string, signal: NodeJS.Signals) {
  const child = begin(words(out))
  child.stderr.on('data', (piece: Buffer) => {
    if (piece.toString().includes(line)) child.kill(signal)
  })
  return finished(child)
}

describe.runIf(process.platform !== 'win32')('a training that is interrupted', () => {
  test('by Ctrl-C stops with a checkpoint, says how to go on, and ends as one that was not', async () => {
    const stopped = await trainUntil('stopped', 'step 60:', 'SIGINT')
    expect(stopped.code, stopped.stderr).toBe(130)
    const { steps: done, stopped: said } = resultOf<{ steps: number; stopped: boolean }>(stopped)
    expect(said).toBe(true)
    expect(done).toBeGreaterThanOrEqual(60)
    expect(done).toBeLessThan(steps)
    expect(stopped.stderr).toContain('go on: atelier train text --out stopped --resume')
    const resumed = await run(['train', 'text', '--out', 'stopped', '--resume', '--threads', '1', '--json'])
    expect(resultOf(resumed)).toMatchObject({ steps, stopped: false })
    expect(digest('stopped')).toBe(await unbroken)
  })

  test('by kill -9 resumes from its last checkpoint and ends as one that was not', async () => {
    const killed = await trainUntil('killed', 'step 100:', 'SIGKILL')
    expect(killed.signal).toBe('SIGKILL')
    const resumed = await run(['train', 'text', '--out', 'killed', '--resume', '--threads', '1', '--json'])
    expect(resultOf(resumed)).toMatchObject({ steps, stopped: false })
    expect(digest('killed')).toBe(await unbroken)
  })

  test('before it began leaves nothing that must be cleared away', async () => {
    const early = await trainUntil('early', 'counting', 'SIGINT')
    expect([0, 130]).toContain(early.code)
    expect(existsSync(path('early/run.json')) ? digest('early') : '').toBe(early.code === 0 ? await unbroken : '')
  })

  test('the reader of its text may leave', async () => {
    await unbroken
    const child = begin([
      'generate',
      'text',
      '--model',
      'unbroken',
      '--prompt',
      'The',
      '--max-tokens',
      '60',
      '--n',
      '400',
    ])
    child.stdout.once('data', () => child.stdout.destroy())
    const { stderr, code } = await finished(child)
    expect(stderr).not.toContain('EPIPE')
    expect(code).toBe(0)
  })
})

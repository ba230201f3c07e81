import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { float32 } from '../../graph/dtype.ts'
import type { Engine } from '../engine.ts'
import { createEngine } from '../index.ts'
import { affineModel, chainModel } from '../testing/model.ts'

const root = new URL('../../..', import.meta.url).pathname
const megabyte = 2 ** 20
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(root, 'node_modules', '.atelier-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

it('leaves memory flat over thousands of sessions, bindings, buffers and runs', async () => {
  const engine = await createEngine('cpu', { threads: 2 })
  await churn(engine, 300)
  const before = process.memoryUsage().rss
  await churn(engine, 2000)
  // 2000 rounds allocate 500 MB of buffers and 250 MB of weights: a leak of any of them shows.
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * megabyte)
  await engine.close()
}, 60_000)

it('leaves memory flat over thousands of bindings of one session', async () => {
  const engine = await createEngine('cpu', { threads: 2 })
  const session = await engine.createSession(chainModel(1, 2))
  const x = engine.createBuffer({ dtype: 'float32', shape: [2, 2] })
  const y = engine.createBuffer(x)
  const bind = (times: number) => {
    for (let i = 0; i < times; i++) {
      const binding = session.bind({ x, w: x }, { y })
      binding.runSync()
      binding.release()
    }
  }
  bind(2000)
  const before = process.memoryUsage().rss
  bind(30_000)
  // A binding that stays takes 2 kB: 60 MB.
  expect(process.memoryUsage().rss - before).toBeLessThan(30 * megabyte)
  await engine.close()
})

async function churn(engine: Engine, rounds: number): Promise<void> {
  const w = float32(new Float32Array(3 * 2).fill(1), [3, 2])
  const big = engine.createBuffer({ dtype: 'float32', shape: [256, 256] })
  for (let round = 0; round < rounds; round++) {
    const session = await engine.createSession(affineModel(), { initializers: { w, b: float32([1, 2], [2]) } })
    const x = engine.createBuffer({ dtype: 'float32', shape: [10_000, 3] })
    const y = engine.createBuffer({ dtype: 'float32', shape: [10_000, 2] })
    const binding = session.bind({ x }, { y })
    if (round % 2) await binding.run()
    else binding.runSync()
    if (round % 3) binding.release()
    for (const buffer of [x, y, big.view([256])]) buffer.release()
    await session.release()
  }
}

it.each(['close', 'forget', 'exit in flight', 'close in flight', 'failing run'])(
  'ends its process cleanly and silently: %s',
  async (mode) => {
    const { stdout, stderr } = await runChild(mode)
    expect(stderr).toBe('')
    expect(stdout).toBe('done\n')
  },
  30_000,
)

/** A process that computes and ends in the given way; rejects when it crashes or hangs. */
async function runChild(mode: string): Promise<{ stdout: string; stderr: string }> {
  const outfile = join(folder, `${mode.replaceAll(' ', '-')}.mjs`)
  const contents = `
    import { createEngine } from './index.ts'
    const engine = await createEngine('cpu', { threads: 2 })
    const session = await engine.createSession(Uint8Array.from(${JSON.stringify([...chainModel(40, 256)])}))
    const zeros = () => engine.createBuffer({ dtype: 'float32', shape: [256, 256] })
    const binding = session.bind({ x: zeros(), w: zeros() }, { y: zeros() })
    binding.runSync()
    const endings = {
      'close': () => engine.close(),
      'forget': () => undefined,
      'exit in flight': () => { void binding.run(); setTimeout(() => process.exit(0), 2); console.log('done') },
      'close in flight': () => { void binding.run(); return engine.close() },
      'failing run': () => engine.createSession(Uint8Array.of(1)).catch(() => undefined),
    }
    await endings[${JSON.stringify(mode)}]()
    if (!process.argv.includes('exit in flight')) console.log('done')`
  const stdin = { contents, resolveDir: join(root, 'src', 'runtime'), loader: 'ts' as const }
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' })
  return promisify(execFile)(process.execPath, [outfile, mode], { timeout: 20_000 })
}

/**
 * What the engine costs beside its kernels: a run of one addition of one number, and memory after thousands of
 * sessions, buffers and runs are created and released.
 *
 *     npm run bench -- engine-overhead [runs=5000] [cycles=3000]
 */
import { add } from '../src/graph/operations/elementwise.ts'
import { input } from '../src/graph/tensor.ts'
import { lower } from '../src/onnx/lower.ts'
import type { Binding, Engine } from '../src/runtime/engine.ts'
import { createEngine } from '../src/runtime/index.ts'
import { settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { runs, cycles } = settingsOf({ runs: 5000, cycles: 3000 })

const x = input('x', 'float32', [1])
const program = lower({ y: add(x, x) }, { provider: 'cpu' })

async function open(engine: Engine): Promise<{ binding: Binding; release(): Promise<void> }> {
  const session = await engine.createSession(program.bytes)
  const buffers = [0, 1].map(() => engine.createBuffer({ dtype: 'float32', shape: [1] }))
  const binding = session.bind({ x: buffers[0]! }, { y: buffers[1]! })
  const release = async () => {
    binding.release()
    for (const buffer of buffers) buffer.release()
    await session.release()
  }
  return { binding, release }
}

/** Medians in microseconds, the two ways in turns. */
async function runTimes(binding: Binding): Promise<{ run: number; runSync: number }> {
  const times = { run: [] as number[], runSync: [] as number[] }
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    binding.runSync()
    const middle = performance.now()
    await binding.run()
    times.runSync.push((middle - start) * 1e3)
    times.run.push((performance.now() - middle) * 1e3)
  }
  return { run: median(times.run), runSync: median(times.runSync) }
}

/** Resident megabytes gained over the last two thirds of the cycles, when allocators have settled. */
async function memoryGained(engine: Engine): Promise<number> {
  let settled = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (cycle === Math.floor(cycles / 3)) settled = process.memoryUsage().rss
    const { binding, release } = await open(engine)
    await binding.run()
    await release()
  }
  return (process.memoryUsage().rss - settled) / 1e6
}

const engine = await createEngine('cpu')
const { binding, release } = await open(engine)
const { run, runSync } = await runTimes(binding)
await release()
const gained = await memoryGained(engine)
await engine.close()

const measurements: Measurement[] = [
  { measure: 'one run of one addition, on the calling thread', value: runSync, unit: 'µs' },
  { measure: 'the same off the event loop', value: run, unit: 'µs' },
  {
    measure: 'memory gained while sessions, bindings and buffers come and go',
    value: gained,
    unit: 'MB',
    note: `over the last two thirds of ${cycles} cycles`,
  },
]
console.table(measurements, ['measure', 'value', 'unit'])
record('engine-overhead', measurements)

/**
 * Decoding at GPT-2's size, float32, greedy, positions 0 to 511 again and again: our engine with its caches in place,
 * PyTorch, and the same graph through onnxruntime-node's own JavaScript binding, in turns, each in its own process.
 *
 *     ATELIER_PYTHON=… npm run bench -- decode [rounds=5] [seconds=10]
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { DeviceBuffer } from '../src/runtime/engine.ts'
import { createEngine } from '../src/runtime/index.ts'
import { argmax, decodeProgram, gpt2Size, positions } from './models/decode-program.ts'
import { pythonPath, runSide, runTorch, settingsOf, sideOfThisProcess, type TorchResult } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { inTurns, summary, type Turn, timed } from './turns.ts'

const settings = settingsOf({ rounds: 5, seconds: 10 })
const { rounds, seconds } = settings
const leastSteps = 30

async function measureOurs(): Promise<Turn> {
  const { program, weights } = decodeProgram(gpt2Size)
  const engine = await createEngine('cpu')
  const session = await engine.createSession(program.bytes, { initializers: weights })
  const buffers: Record<string, DeviceBuffer> = {}
  for (const [name, { dtype, shape }] of Object.entries(program.inputs))
    buffers[name] = engine.createBuffer({ dtype, shape: shape.map(Number) })
  const logits = engine.createBuffer({ dtype: 'float32', shape: [1, 1, gpt2Size.vocabulary] })
  const caches = Object.keys(program.outputs).filter((name) => name !== 'logits')
  const outputs = Object.fromEntries(caches.map((name) => [name, buffers[name.replace('next.', '')]!]))
  const binding = session.bind(buffers, { ...outputs, logits })
  const [id, position, total] = ['id', 'position', 'total'].map((name) => buffers[name]!.host as Int32Array)
  const row = logits.host as Float32Array
  let step = 0
  const turn = await timed(
    () => {
      position![0] = step++ % positions
      total![0] = position![0] + 1
      binding.runSync()
      id![0] = argmax(row)
    },
    seconds,
    leastSteps,
  )
  await engine.close()
  return turn
}

async function measureJavaScriptBinding(): Promise<Turn> {
  const { program, weights } = decodeProgram(gpt2Size)
  const externalData = Object.entries(weights).map(([path, { data }]) => ({
    path,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }))
  const session = await InferenceSession.create(program.bytes, { externalData })
  const feeds: Record<string, Tensor> = {}
  for (const [name, { dtype, shape }] of Object.entries(program.inputs)) {
    const length = shape.reduce<number>((product, size) => product * Number(size), 1)
    const data = dtype === 'int32' ? new Int32Array(length) : new Float32Array(length)
    feeds[name] = new Tensor(dtype, data, shape.map(Number))
  }
  const row = new Float32Array(gpt2Size.vocabulary)
  const fetches: Record<string, Tensor> = { logits: new Tensor('float32', row, [1, 1, gpt2Size.vocabulary]) }
  for (const name of Object.keys(program.outputs))
    if (name !== 'logits') fetches[name] = feeds[name.replace('next.', '')]!
  const [id, position, total] = ['id', 'position', 'total'].map((name) => feeds[name]!.data as Int32Array)
  let step = 0
  const turn = await timed(
    async () => {
      position![0] = step++ % positions
      total![0] = position![0] + 1
      const { logits } = await session.run(feeds, fetches)
      id![0] = argmax(logits!.data as Float32Array)
    },
    seconds,
    leastSteps,
  )
  await session.release()
  return turn
}

function compare(peer: string, ours: Turn, theirs: Turn, bar: string): Measurement[] {
  const rates = [ours, theirs].map(({ median_s }) => (1 / median_s).toFixed(1)).join(' and ')
  return [
    { measure: `tokens/s ÷ ${peer}`, value: theirs.median_s / ours.median_s, unit: '', bar, note: `${rates} tokens/s` },
    { measure: `tokens/s ÷ ${peer}, best steps`, value: theirs.best_s / ours.best_s, unit: '' },
    {
      measure: `peak memory ÷ ${peer}`,
      value: ours.peak_mb / theirs.peak_mb,
      unit: '',
      note: `${ours.peak_mb.toFixed(0)} and ${theirs.peak_mb.toFixed(0)} MB`,
    },
  ]
}

async function main(): Promise<void> {
  pythonPath()
  const turns = await inTurns<'ours' | 'torch' | 'binding', Turn>(rounds, {
    ours: () => runSide<Turn>('ours', settings),
    torch: () => runTorch('decode', '--width', '768', '--layers', '12', '--heads', '12', '--vocabulary', '50257'),
    binding: () => runSide<Turn>('binding', settings),
  })
  const ours = summary(turns.ours)
  const measurements = [
    ...compare('PyTorch', ours, summary(turns.torch), '≥ 1, aim 1.2'),
    ...compare('onnxruntime-node’s binding', ours, summary(turns.binding), '≥ 1.5, aim 2'),
  ]
  console.table(measurements, ['measure', 'value', 'bar', 'note'])
  record('decode', measurements, { torch: (turns.torch[0] as TorchResult).torch })
}

const sides: Readonly<Record<string, () => Promise<Turn>>> = { ours: measureOurs, binding: measureJavaScriptBinding }
const side = sides[sideOfThisProcess() ?? '']
if (side) console.log(JSON.stringify(await side()))
else await main()

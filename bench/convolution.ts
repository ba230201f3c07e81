/**
 * Convolutions at the sizes that small image networks have: forward, input gradient and weight gradient in GFLOP/s, in
 * turns in one process, and other ways to lower the weight gradient beside the one that was chosen; forward also as it is lowered for a graphics processor, which is
 * a plain Conv: small pictures are laid side by side for the processor, and few outputs are computed by inputs.
 *
 *     npm run bench -- convolution [rounds=15] [threads=0]
 */
import { gradients } from '../src/graph/gradient.ts'
import { attributesOf, conv2d, conv2dTranspose } from '../src/graph/operations/convolution.ts'
import { leakyRelu } from '../src/graph/operations/elementwise.ts'
import { sum } from '../src/graph/operations/reduce.ts'
import { averagePool2d, repeat2d } from '../src/graph/operations/resampling.ts'
import { applyOne, input, type Tensor } from '../src/graph/tensor.ts'
import { type LowerOptions, lower } from '../src/onnx/lower.ts'
import { Random } from '../src/random/random.ts'
import type { Engine } from '../src/runtime/engine.ts'
import { createEngine } from '../src/runtime/index.ts'
import { weightGradients } from './models/weight-gradients.ts'
import { settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds, threads } = settingsOf({ rounds: 15, threads: 0 })

interface Size {
  readonly batch: number
  readonly from: number
  readonly to: number
  readonly side: number
  readonly kernel?: number
  readonly stride?: number
  readonly groups?: number
}

const sizes: readonly Size[] = [
  { batch: 32, from: 64, to: 128, side: 32 },
  { batch: 64, from: 64, to: 64, side: 32 },
  { batch: 64, from: 128, to: 128, side: 16 },
  { batch: 64, from: 128, to: 256, side: 8 },
  { batch: 64, from: 3, to: 64, side: 32 },
  { batch: 64, from: 64, to: 3, side: 32 },
  { batch: 64, from: 128, to: 256, side: 16, kernel: 1 },
  { batch: 64, from: 128, to: 128, side: 16, groups: 8 },
  { batch: 64, from: 64, to: 128, side: 32, stride: 2 },
  { batch: 32, from: 128, to: 128, side: 4 },
  { batch: 32, from: 64, to: 64, side: 4 },
  { batch: 32, from: 48, to: 48, side: 4 },
  { batch: 8, from: 128, to: 128, side: 4 },
  { batch: 32, from: 96, to: 96, side: 8 },
  { batch: 32, from: 64, to: 64, side: 8 },
  { batch: 32, from: 48, to: 16, side: 32 },
  { batch: 32, from: 48, to: 12, side: 32 },
  { batch: 32, from: 48, to: 8, side: 32 },
]

const nameOf = ({ batch, from, to, side, kernel = 3, stride = 1, groups = 1 }: Size) =>
  `${kernel}×${kernel}, ${batch}×${from}×${side}×${side} → ${to}` +
  `${stride > 1 ? `, stride ${stride}` : ''}${groups > 1 ? `, ${groups} groups` : ''}`

interface Runnable {
  run(): void
  release(): Promise<void>
}

async function compiled(engine: Engine, out: Tensor, provider: LowerOptions['provider'] = 'cpu'): Promise<Runnable> {
  const program = lower({ out }, { provider })
  const session = await engine.createSession(program.bytes)
  const random = Random.seed(1)
  const inputs = Object.entries(program.inputs).map(([name, { dtype, shape }]) => {
    const sizes = shape as readonly number[]
    const data = new Float32Array(sizes.reduce((a, b) => a * b, 1))
    random.fillGaussian(data)
    return [name, engine.createBuffer({ dtype, shape: sizes, data })] as const
  })
  const result = engine.createBuffer({ dtype: out.dtype, shape: out.shape as readonly number[] })
  const binding = session.bind(Object.fromEntries(inputs), { out: result })
  return {
    run: () => binding.runSync(),
    async release() {
      binding.release()
      for (const [, buffer] of inputs) buffer.release()
      result.release()
      await session.release()
    },
  }
}

/** Median milliseconds of each, in turns; of those of `plain` as lowered for a graphics processor. */
async function times(
  engine: Engine,
  graphs: Readonly<Record<string, Tensor>>,
  plain: Readonly<Record<string, Tensor>> = {},
): Promise<Record<string, number>> {
  const programs: [string, Runnable, number[]][] = []
  for (const [name, out] of Object.entries(graphs)) programs.push([name, await compiled(engine, out), []])
  for (const [name, out] of Object.entries(plain)) programs.push([name, await compiled(engine, out, 'webgpu'), []])
  for (let round = -2; round < rounds; round++)
    for (const [, program, taken] of programs) {
      const begin = performance.now()
      program.run()
      if (round >= 0) taken.push(performance.now() - begin)
    }
  for (const [, program] of programs) await program.release()
  return Object.fromEntries(programs.map(([name, , taken]) => [name, median(taken)]))
}

async function measure(engine: Engine, size: Size): Promise<Measurement[]> {
  const { batch, from, to, side, kernel = 3, stride = 1, groups = 1 } = size
  const options = { padding: Math.floor(kernel / 2), stride, groups }
  const x = input('x', 'float32', [batch, from, side, side])
  const w = input('w', 'float32', [to, from / groups, kernel, kernel])
  const y = conv2d(x, w, options)
  const g = input('g', 'float32', y.shape)
  const isPlain = stride === 1 && groups === 1 && kernel === 3
  const ways = Object.entries(weightGradients)
    .slice(0, isPlain ? undefined : 1)
    .map(([name, row]) => {
      return [name, applyOne(row, [x, g], { ...attributesOf(options), size: [kernel, kernel] })] as const
    })
  const graphs = { forward: y, input: conv2dTranspose(g, w, [side, side], options), ...Object.fromEntries(ways) }
  const taken = await times(engine, graphs, { 'plain Conv': y })
  const rate = (name: string) =>
    (2 * kernel ** 2 * (from / groups) * to * batch * (side / stride) ** 2) / taken[name]! / 1e6
  const others = ways.slice(1).map(([name]) => `${name} ${rate(name).toFixed(0)}`)
  const isFirst = size === sizes[0]
  const name = nameOf(size)
  const note = `${rate('as lowered').toFixed(0)} and ${rate('forward').toFixed(0)} GFLOP/s`
  return [
    {
      measure: `${name}: weight gradient ÷ forward`,
      value: rate('as lowered') / rate('forward'),
      unit: '',
      ...(isFirst ? { bar: '≥ 0.5, aim 0.8' } : {}),
      note: others.length > 0 ? `${note}; other ways: ${others.join(', ')}` : note,
    },
    { measure: `${name}: input gradient ÷ forward`, value: rate('input') / rate('forward'), unit: '' },
    { measure: `${name}: forward ÷ plain Conv`, value: rate('forward') / rate('plain Conv'), unit: '' },
  ]
}

/** What stands between convolutions, in GB/s of what it must read and write. */
async function measureOthers(engine: Engine): Promise<Measurement[]> {
  const x = input('x', 'float32', [64, 64, 32, 32])
  const [masked] = gradients(sum(leakyRelu(x, 0.2)), [x]) as [Tensor]
  const taken = await times(engine, {
    leakyRelu: leakyRelu(x, 0.2),
    'its mask': masked,
    averagePool2d: averagePool2d(x, { kernel: 2 }),
    repeat2d: repeat2d(x, 2),
  })
  const bytes = { leakyRelu: 2, 'its mask': 2, averagePool2d: 1.25, repeat2d: 5 } as const
  return Object.entries(bytes).map(([name, passes]) => {
    const rate = (passes * 4 * 64 * 64 * 32 * 32) / taken[name]! / 1e6
    return { measure: `${name} of 64×64×32×32`, value: rate, unit: 'GB/s' }
  })
}

const engine = await createEngine('cpu', threads > 0 ? { threads } : {})
const measurements: Measurement[] = []
for (const size of sizes) measurements.push(...(await measure(engine, size)))
measurements.push(...(await measureOthers(engine)))
console.table(measurements, ['measure', 'value', 'note'])
record('convolution', measurements)
await engine.close()

import { mean } from '../src/graph/operations/reduce.ts'
import { crossEntropy } from '../src/graph/operations/loss.ts'
import { reshape, slice } from '../src/graph/operations/shape.ts'
import { input, type Dim } from '../src/graph/tensor.ts'
import { lower } from '../src/onnx/lower.ts'
import { initialize } from '../src/nn/parameters.ts'
import { adamW } from '../src/optim/adamw.ts'
import { Random } from '../src/random/random.ts'
import { createEngine } from '../src/runtime/index.ts'
import type { DeviceBuffer } from '../src/runtime/engine.ts'
import { fusedStep } from '../src/train/step.ts'
import { PeerGpt } from './models/peer-gpt.ts'

const options = { vocabulary: 65, context: 256, width: 384, layers: 6, heads: 6 }
const [B, T, V] = [12, options.context, options.vocabulary]
const model = new PeerGpt(options)
const tokens = input('tokens', 'int32', [B, T + 1])
const logits = model.logits(slice(tokens, 1, 0, T))
const targets = reshape(slice(tokens, 1, 1, T + 1), [B * T])
const loss = mean(crossEntropy(reshape(logits, [B * T, V as Dim]), targets))
const optimizer = adamW({ beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 })
const { outputs, overwrite } = fusedStep(loss, { parameters: model.scope.parameters, optimizer, gradientClip: 1 })
let t0 = performance.now()
const program = lower(outputs, { provider: 'cpu', overwrite })
console.log('lowered', performance.now() - t0, 'ms', program.bytes.length, 'bytes', 'inPlace', program.inPlace)
const engine = await createEngine('cpu')
t0 = performance.now()
const session = await engine.createSession(
  program.bytes,
  process.env.PROFILE ? { profilePrefix: process.env.PROFILE } : {},
)
console.log('session', performance.now() - t0)
const random = Random.seed(1)
const buffers: Record<string, DeviceBuffer> = {}
for (const [name, type] of Object.entries(program.inputs)) {
  const parameter = model.scope.parameters.get(name)
  buffers[name] = engine.createBuffer(
    parameter ? initialize(parameter, random) : { dtype: type.dtype, shape: type.shape as number[] },
  )
}
const out: Record<string, DeviceBuffer> = {}
for (const [name, type] of Object.entries(program.outputs)) {
  const over = overwrite[name]
  out[name] = over ? buffers[over]! : engine.createBuffer({ dtype: type.dtype, shape: type.shape as number[] })
}
await buffers.tokens!.write(Int32Array.from({ length: B * (T + 1) }, () => random.integer(V)))
const binding = session.bind(buffers, out)
const times: number[] = []
const steps = Number(process.env.STEPS ?? 12)
for (let step = 1; step <= steps; step++) {
  for (const [name, value] of Object.entries(optimizer.scalars(step, 1e-3)))
    await buffers[name]!.write(Float32Array.of(value))
  const begin = performance.now()
  await binding.run()
  times.push(performance.now() - begin)
  if (step < 4 || step === steps) console.log(step, (await out.loss!.read())[0], (await out.gradientNorm!.read())[0])
}
times.splice(0, 2)
times.sort((a, b) => a - b)
console.log('best', times[0], 'median', times[times.length >> 1], 'rss', process.resourceUsage().maxRSS / 1e3)
await session.release()
await engine.close()

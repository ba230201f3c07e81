/**
 * What a decoding step costs outside the engine's kernels (binding, sampling, detokenizing): a decoder of 10 M
 * parameters with 8,192 tokens writes through `generate`, and writes the same again with the time of each bare native
 * call taken; the difference, token by token.
 *
 *     npm run bench -- decode-overhead [rounds=9] [tokens=400]
 */
import type { Binding, Engine, Session } from '../src/runtime/engine.ts'
import { createEngine } from '../src/runtime/index.ts'
import { CachedModel } from '../src/sample/cached-model.ts'
import { generate } from '../src/sample/generate.ts'
import { englishBpe } from './models/english.ts'
import { tenMillion, untrainedDecoder } from './models/small-decoder.ts'
import { settingsOf } from './processes.ts'
import { type Measurement, record } from './record.ts'
import { median } from './turns.ts'

const { rounds, tokens } = settingsOf({ rounds: 9, tokens: 400 })

/** Times of the native calls while it is an array; as the engine is otherwise. */
let calls: number[] | undefined

/** A binding whose runs, where calls are timed, are bare calls on this thread. */
function timedBinding(binding: Binding): Binding {
  const timed = () => {
    const start = performance.now()
    binding.runSync()
    calls?.push(performance.now() - start)
  }
  return {
    run: async () => (calls ? timed() : binding.run()),
    runSync: () => (calls ? timed() : binding.runSync()),
    release: () => binding.release(),
  }
}

function timedEngine(engine: Engine): Engine {
  const createSession: Engine['createSession'] = async (model, options) => {
    const session = await engine.createSession(model, options)
    const bind: Session['bind'] = (inputs, outputs) => timedBinding(session.bind(inputs, outputs))
    const { inputNames, outputNames } = session
    return { inputNames, outputNames, bind, release: () => session.release() }
  }
  return Object.create(engine, { createSession: { value: createSession } }) as Engine
}

const engine = await createEngine('cpu')
const { model: architecture, weights } = untrainedDecoder(tenMillion)
const model = await CachedModel.create(timedEngine(engine), architecture, { tensors: weights })
const tokenizer = englishBpe(tenMillion.vocabSize)
const decoder = () => {
  const stream = tokenizer.streamDecoder({ skipSpecial: true })
  return { push: (id: number) => stream.push(id), end: () => stream.flush() }
}

/** Milliseconds from each token to the next. */
async function write(): Promise<number[]> {
  const prompt = [...tokenizer.encode('It was ')]
  const times: number[] = []
  let last = performance.now()
  for await (const event of generate(model, [prompt], { maxTokens: tokens, seed: 1 }, { decoder })) {
    if (event.type !== 'token') continue
    const now = performance.now()
    times.push(now - last)
    last = now
  }
  return times.slice(1)
}

/** The same text with the bare calls' own times, the prompt's left out. */
async function writeTimed(): Promise<number[]> {
  calls = []
  await write()
  const times = calls.slice(1)
  calls = undefined
  return times
}

await write()
const steps: number[][] = []
const kernels: number[][] = []
for (let round = 0; round < rounds; round++) {
  steps.push(await write())
  kernels.push(await writeTimed())
}
const medians = (passes: readonly number[][]) => passes[0]!.map((_, i) => median(passes.map((times) => times[i]!)))
const [whole, bare] = [medians(steps), medians(kernels)]
await model.release()
await engine.close()

const measurements: Measurement[] = [
  {
    measure: 'a step outside the kernels',
    value: median(whole.map((time, i) => time - bare[i]!)),
    unit: 'ms',
    bar: '≤ 0.3 ms, aim 0.1',
    note: `${tokens} tokens, ${rounds} rounds in turns, default sampler, streamed through the detokenizer`,
  },
  { measure: 'a whole step', value: median(whole), unit: 'ms' },
  { measure: 'its native call', value: median(bare), unit: 'ms' },
]
console.table(measurements, ['measure', 'value', 'unit', 'bar'])
record('decode-overhead', measurements)

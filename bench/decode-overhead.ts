/**
 * What a decoding step costs outside the engine's kernels (binding, sampling, detokenizing): a decoder of 10 M
 * parameters with 8,192 tokens writes through `generate`; from each step's time that of its bare native call is taken.
 * Where the call ran off the event loop, the wake-ups count: the median of the calls on this thread is taken instead.
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

/** Milliseconds of each native call on this thread; NaN for one off the event loop. */
const calls: number[] = []

function timedBinding(binding: Binding): Binding {
  return {
    run() {
      calls.push(Number.NaN)
      return binding.run()
    },
    runSync() {
      const start = performance.now()
      binding.runSync()
      calls.push(performance.now() - start)
    },
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

/** Milliseconds of each step and of its native call; the prompt's, and the first step's, left out. */
async function write(): Promise<{ step: number; call: number }[]> {
  const prompt = [...tokenizer.encode('It was ')]
  const steps: number[] = []
  let last = performance.now()
  calls.length = 0
  for await (const event of generate(model, [prompt], { maxTokens: tokens, seed: 1 }, { decoder })) {
    if (event.type !== 'token') continue
    const now = performance.now()
    steps.push(now - last)
    last = now
  }
  return steps.map((step, i) => ({ step, call: calls[i]! })).slice(2)
}

await write()
const all: { step: number; call: number }[] = []
for (let round = 0; round < rounds; round++) all.push(...(await write()))
await model.release()
await engine.close()

const here = all.filter(({ call }) => !Number.isNaN(call))
const usual = median(here.map(({ call }) => call))
const overhead = all.map(({ step, call }) => step - (Number.isNaN(call) ? usual : call))
const awayShare = 1 - here.length / all.length
const measurements: Measurement[] = [
  {
    measure: 'a step outside the kernels',
    value: median(overhead),
    unit: 'ms',
    bar: '≤ 0.3 ms, aim 0.1',
    note: `${tokens} tokens, ${rounds} rounds, default sampler, streamed through the detokenizer`,
  },
  { measure: 'a whole step', value: median(all.map(({ step }) => step)), unit: 'ms' },
  { measure: 'its native call', value: usual, unit: 'ms' },
  { measure: 'steps that ran off the event loop', value: 100 * awayShare, unit: '%' },
]
console.table(measurements, ['measure', 'value', 'unit', 'bar'])
record('decode-overhead', measurements)

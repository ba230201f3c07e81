import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DivergenceError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { Progress } from './checkpoint.ts'
import type { TrainEvent } from './events.ts'
import { type LoopOptions, type TrainTask, train } from './loop.ts'
import { stateOf, toyBatch, toyTrainer } from './testing/toy.ts'
import type { Trainer } from './trainer.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const schedule = { kind: 'cosine', peak: 0.01, floor: 0.1, warmupSteps: 3, decayShare: 0.3 } as const

/** What a loop saved, in memory. */
interface Saved {
  readonly bests: number[]
  last: { progress: Progress; state: Record<string, Float32Array> } | undefined
}

function taskOf(trainer: Trainer, change: Partial<TrainTask> = {}): { task: TrainTask; saved: Saved } {
  const saved: Saved = { bests: [], last: undefined }
  const task: TrainTask = {
    trainer,
    batches: (step) => [{ feeds: toyBatch(step), tokens: 32 }],
    evaluate: async () => ({ validationLoss: 10 - trainer.step / 100, bitsPerByte: 1 }),
    saveBest: async ({ step }) => void saved.bests.push(step),
    saveLast: async (progress) => {
      saved.last = { progress: structuredClone(progress), state: await stateOf(trainer) }
    },
    ...change,
  }
  return { task, saved }
}

async function collect(events: AsyncIterable<TrainEvent>, look: (event: TrainEvent) => void = () => {}) {
  const all: TrainEvent[] = []
  for await (const event of events) {
    all.push(event)
    look(event)
  }
  return all
}

async function load(trainer: Trainer, { last }: Saved): Promise<Progress> {
  const { progress, state } = last!
  await trainer.load(progress.step, async (name) => ({ dtype: 'float32', shape: [], data: state[name]! }) as HostTensor)
  return progress
}

const options = (change: Partial<LoopOptions> = {}): LoopOptions => ({
  budget: { steps: 12 },
  schedule,
  evaluations: 3,
  ...change,
})

describe('train', () => {
  it('tells of steps, and at even distances of evaluations with a sample and a checkpoint', async () => {
    const trainer = await toyTrainer(engine)
    const { task, saved } = taskOf(trainer, { sample: async () => ({ prompt: '', text: 'x' }) })
    const events = await collect(train(task, options()))
    const look = ['evaluation', 'sample', 'checkpoint']
    const block = ['step', 'step', 'step', 'step', ...look]
    expect(events.map(({ type }) => type)).toEqual(['start', ...block, ...block, ...block, 'end'])
    const steps = events.filter((event) => event.type === 'step')
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
    expect(steps.map(({ tokens }) => tokens)).toEqual(steps.map(({ step }) => 32 * step))
    expect(steps[0]!.learningRate).toBeCloseTo(0.01 / 3, 6)
    expect(steps[6]!.learningRate).toBeCloseTo(0.01 * 0.55, 6)
    expect(events.at(-1)).toMatchObject({ reason: 'finished', step: 12, tokens: 384 })
    expect(saved.last!.progress).toMatchObject({ step: 12, best: { step: 12, validationLoss: 9.88 } })
    await trainer.release()
  })

  it('keeps the best when validation gets worse', async () => {
    const losses = [3, 2, 2.5, 1.9, 4]
    const trainer = await toyTrainer(engine)
    let at = 0
    const { task, saved } = taskOf(trainer, {
      evaluate: async () => ({ validationLoss: losses[at++]!, bitsPerByte: 1 }),
    })
    const events = await collect(train(task, options({ evaluations: 5, budget: { steps: 10 } })))
    expect(saved.bests).toEqual([2, 4, 8])
    expect(events.flatMap((event) => (event.type === 'evaluation' ? [event.best] : []))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
    expect(saved.last!.progress.best).toEqual({ step: 8, validationLoss: 1.9 })
    await trainer.release()
  })

  it.each([1, 5, 8])('stopped after step %i and resumed, it ends with the bits of an unbroken run', async (at) => {
    const unbroken = await toyTrainer(engine)
    const whole = taskOf(unbroken)
    const wholeEvents = await collect(train(whole.task, options()))
    const stop = new AbortController()
    const first = taskOf(await toyTrainer(engine))
    const before = await collect(train(first.task, options({ signal: stop.signal })), (event) => {
      if (event.step === at) stop.abort()
    })
    expect(before.at(-1)).toMatchObject({ type: 'end', reason: 'stopped', step: at })
    const second = taskOf(await toyTrainer(engine))
    const from = await load(second.task.trainer, first.saved)
    const after = await collect(train(second.task, options({ from })))
    const ofSteps = (events: TrainEvent[]) =>
      events.flatMap((event) =>
        event.type === 'step' ? [[event.step, event.loss, event.learningRate, event.tokens]] : [],
      )
    expect([...ofSteps(before), ...ofSteps(after)]).toEqual(ofSteps(wholeEvents))
    expect(second.saved.last!.state).toEqual(whole.saved.last!.state)
    for (const { trainer } of [whole.task, first.task, second.task]) await trainer.release()
  })

  it('a run bounded by minutes, stopped and resumed, can be replayed from the plans that it recorded', async () => {
    const minutes = { budget: { minutes: 0.6 / 60 }, evaluations: 2 }
    const stop = new AbortController()
    const first = taskOf(await toyTrainer(engine))
    await collect(train(first.task, options({ ...minutes, signal: stop.signal })), ({ step }) => {
      if (step === 20) stop.abort()
    })
    const second = taskOf(await toyTrainer(engine))
    const from = await load(second.task.trainer, first.saved)
    const events = await collect(train(second.task, options({ ...minutes, from })))
    expect(events.at(-1)).toMatchObject({ reason: 'finished' })
    // Where a slow machine spends the budget before it is stopped, the first part is the whole.
    const { progress, state } = (second.saved.last ?? first.saved.last)!
    expect(progress.plans.at(-1)!.total).toBe(progress.step)
    const replay = taskOf(await toyTrainer(engine))
    await collect(train(replay.task, options({ budget: { plans: progress.plans } })))
    expect(replay.saved.last!.progress.step).toBe(progress.step)
    expect(replay.saved.last!.state).toEqual(state)
    for (const { trainer } of [first.task, second.task, replay.task]) await trainer.release()
  })

  it('goes on where a finished run is given more steps or more minutes', async () => {
    for (const budget of [{ steps: 16 }, { minutes: 1 }]) {
      const first = taskOf(await toyTrainer(engine))
      await collect(train(first.task, options()))
      const stop = new AbortController()
      const from = { ...first.saved.last!.progress, elapsedMs: 1000 }
      const events = await collect(train(first.task, options({ budget, from, signal: stop.signal })), ({ step }) => {
        if (step === 16) stop.abort()
      })
      expect(events.at(-1)).toMatchObject({ type: 'end', step: 16 })
      await first.task.trainer.release()
    }
  })

  it('stops at what is not finite; the checkpoint of before stands', async () => {
    const trainer = await toyTrainer(engine)
    const wild = { kind: 'constant', peak: 1e30, floor: 0, warmupSteps: 0, decayShare: 0.3 } as const
    const { task, saved } = taskOf(trainer)
    const tame = await collect(train(task, options({ budget: { steps: 4 } })))
    expect(tame.at(-1)).toMatchObject({ type: 'end', step: 4 })
    const from = saved.last!.progress
    const before = saved.last
    const events = collect(train(task, options({ budget: { steps: 50 }, evaluations: 1, schedule: wild, from })))
    const error = await events.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(DivergenceError)
    expect((error as Error).message).toMatch(
      /^train: step \d+ gave loss .* and gradient norm .*; lower learningRate or gradientClip in another run; the last checkpoint stands$/,
    )
    expect(saved.last).toBe(before)
    await trainer.release()
  })

  it('stops at a held-out loss that is not finite', async () => {
    const trainer = await toyTrainer(engine)
    const { task, saved } = taskOf(trainer, { evaluate: async () => ({ validationLoss: Number.NaN, bitsPerByte: 1 }) })
    const error = await collect(train(task, options())).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(DivergenceError)
    expect((error as Error).message).toBe(
      'train: after step 4 the held-out loss is NaN; lower learningRate or gradientClip in another run; the last checkpoint stands',
    )
    expect(saved).toEqual({ bests: [], last: undefined })
    await trainer.release()
  })
})

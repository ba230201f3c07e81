import { describe, expect, it } from 'vitest'
import { DivergenceError } from '../errors.ts'
import type { GanEvent } from './gan-events.ts'
import { type GanLoopOptions, type GanProgress, type GanTask, ganProgressSchema, trainGan } from './gan-loop.ts'
import type { RoundResult } from './gan-trainer.ts'

/** A duel on paper: what each round reports is a function of its number, and what was asked of it is kept. */
function paperDuel(report: (round: number) => Partial<RoundResult> = () => ({})) {
  const asked: { round: number; augmentation: number; generator: number; discriminator: number; penalty: number }[] = []
  const saved: GanProgress[] = []
  let feed = { round: -1, augmentation: -1 }
  const trainer: GanTask['trainer'] = {
    step: 0,
    async round(_feeds, { generator, discriminator, penalty = 1 }) {
      asked.push({ ...feed, generator, discriminator, penalty })
      trainer.step++
      return {
        discriminatorLoss: 0.6,
        generatorLoss: 1,
        realLogit: 1,
        fakeLogit: -1,
        realAhead: 0.7,
        discriminatorGradientNorm: 1,
        generatorGradientNorm: 0.5,
        ...report(trainer.step),
      }
    },
  }
  const task: GanTask = {
    trainer,
    parameters: { generator: 10, discriminator: 20 },
    feeds: (round, augmentation) => {
      feed = { round, augmentation }
      return () => ({})
    },
    picturesPerRound: 8,
    look: async () => ({ diversity: 0.9 }),
    sample: async () => `samples/step-${trainer.step}.png`,
    save: async (progress) => void saved.push(structuredClone(progress)),
  }
  return { task, trainer, asked, saved }
}

const flat = { kind: 'constant', floor: 0, warmupSteps: 0, decayShare: 1 } as const
const options = (change: Partial<GanLoopOptions> = {}): GanLoopOptions => ({
  budget: { steps: 6 },
  schedule: {
    generator: { ...flat, kind: 'cosine', peak: 1, floor: 0.5, warmupSteps: 2 },
    discriminator: { ...flat, peak: 3 },
  },
  penaltyFloor: 0.5,
  samples: 2,
  lookEvery: 2,
  augmentation: 0,
  ...change,
})

async function collect(events: AsyncIterable<GanEvent>, look: (event: GanEvent) => void = () => {}) {
  const all: GanEvent[] = []
  for await (const event of events) {
    all.push(event)
    look(event)
  }
  return all
}

describe('trainGan', () => {
  it('tells of rounds, of looks, and at even distances of samples with a checkpoint', async () => {
    const { task, asked, saved } = paperDuel()
    const events = await collect(trainGan(task, options()))
    expect(events.map(({ type }) => type)).toEqual(
      [
        ['start', 'round', 'round', 'evaluation', 'round', 'sample', 'checkpoint'],
        ['round', 'evaluation', 'round', 'round', 'evaluation', 'sample', 'checkpoint', 'end'],
      ].flat(),
    )
    expect(events[0]).toEqual({ type: 'start', step: 0, parameters: { generator: 10, discriminator: 20 } })
    expect(events.at(-1)).toMatchObject({ reason: 'finished', step: 6, pictures: 48 })
    expect(asked.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4, 5])
    expect(asked.map(({ discriminator }) => discriminator)).toEqual([3, 3, 3, 3, 3, 3])
    expect(asked[0]!.generator).toBe(0.5)
    expect(asked[3]!.generator).toBeCloseTo(0.75, 12)
    expect(asked[0]!.penalty).toBe(1)
    expect(asked[3]!.penalty).toBeCloseTo(0.75, 12)
    const rounds = events.filter((event) => event.type === 'round')
    expect(rounds.map(({ diversity }) => diversity?.toFixed(6))).toEqual([
      undefined,
      undefined,
      ...Array(4).fill('0.900000'),
    ])
    expect(rounds.map(({ pictures }) => pictures)).toEqual([8, 16, 24, 32, 40, 48])
    expect(saved.map(({ step }) => step)).toEqual([3, 6])
    for (const progress of saved)
      expect(ganProgressSchema.parse(JSON.parse(JSON.stringify(progress)))).toEqual(progress)
  })

  it('moves the strength of augmentation as the duel goes, and keeps a fixed one', async () => {
    const { task, asked } = paperDuel((round) => ({ realAhead: round <= 3 ? 0.95 : 0.6 }))
    await collect(trainGan({ ...task, picturesPerRound: 1000 }, options({ augmentation: 'adaptive' })))
    const strengths = [0, 0.01, 0.02, 0.03, 0.02, 0.01]
    for (const [i, { augmentation }] of asked.entries()) expect(augmentation).toBeCloseTo(strengths[i]!, 12)
    const fixed = paperDuel(() => ({ realAhead: 1 }))
    await collect(trainGan(fixed.task, options({ augmentation: 1 })))
    expect(fixed.asked.map(({ augmentation }) => augmentation)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('stopped and resumed, asks for and tells what an unbroken run does, warnings too', async () => {
    const one = (round: number) => (round > 400 ? { realAhead: 1, generatorGradientNorm: 0.001 } : { realAhead: 0.9 })
    const long = options({ budget: { steps: 900 }, augmentation: 'adaptive', lookEvery: 50 })
    const whole = paperDuel(one)
    const wholeEvents = await collect(trainGan(whole.task, long))
    const stop = new AbortController()
    const first = paperDuel(one)
    const before = await collect(trainGan(first.task, { ...long, signal: stop.signal }), (event) => {
      if (event.type === 'round' && event.step === 517) stop.abort()
    })
    expect(before.at(-1)).toMatchObject({ type: 'end', reason: 'stopped', step: 517 })
    const from = ganProgressSchema.parse(JSON.parse(JSON.stringify(first.saved.at(-1))))
    const second = paperDuel(one)
    second.trainer.step = from.step
    const after = await collect(trainGan(second.task, { ...long, from }))
    expect([...first.asked, ...second.asked]).toEqual(whole.asked)
    const facts = (events: GanEvent[]) =>
      events.flatMap((event) => {
        if (['start', 'end', 'checkpoint'].includes(event.type)) return []
        return [{ ...event, picturesPerSecond: 0, elapsedMs: 0 }]
      })
    expect([...facts(before), ...facts(after)]).toEqual(facts(wholeEvents))
    expect(wholeEvents.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ kind: 'discriminator-wins' }),
    ])
  })

  it('ends at the first number that is none, and saves nothing of it', async () => {
    const { task, saved } = paperDuel((round) => (round === 5 ? { generatorLoss: Number.NaN } : {}))
    await expect(collect(trainGan(task, options()))).rejects.toThrow(DivergenceError)
    expect(saved.map(({ step }) => step)).toEqual([3])
  })

  it('does nothing where a finished run is asked for no more', async () => {
    const first = paperDuel()
    await collect(trainGan(first.task, options()))
    const second = paperDuel()
    second.trainer.step = 6
    const events = await collect(trainGan(second.task, options({ from: first.saved.at(-1)! })))
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
  })
})

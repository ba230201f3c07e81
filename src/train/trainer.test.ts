import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, EngineError } from '../errors.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { faulty } from '../runtime/testing/faulty.ts'
import { hasCheckpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts'
import {
  maskedToyBatch,
  maskedToyTrainer,
  stateOf,
  type ToyOptions,
  toyBatch,
  toyOptimizers,
  toyTrainer,
} from './testing/toy.ts'

let engine: Engine
const root = mkdtempSync(join(tmpdir(), 'atelier-trainer-'))

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true })
})

/** The engine, but one that must not overwrite what it reads. */
const swapping = () => faulty(engine, { inPlace: false }).engine

const everything: readonly [string, ToyOptions][] = [
  ['AdamW', {}],
  ['Muon', { optimizer: toyOptimizers.muon }],
  ['a moving average', { emaDecay: 0.9 }],
  ['dropout', { dropout: 0.2 }],
  ['accumulation', { accumulation: 3, batch: 2 }],
  ['all at once', { optimizer: toyOptimizers.muon, emaDecay: 0.9, dropout: 0.2, accumulation: 3, batch: 2 }],
]

const batchesOf = (step: number, { accumulation = 1, batch = 4 }: ToyOptions) =>
  Array.from({ length: accumulation }, (_, i) => toyBatch(accumulation * step + i, batch))

async function steps(trainer: Awaited<ReturnType<typeof toyTrainer>>, count: number, options: ToyOptions) {
  const results = []
  for (let i = 0; i < count; i++) results.push(await trainer.train(batchesOf(trainer.step, options), 0.01))
  return results
}

async function trained(on: Engine, options: ToyOptions, count = 6) {
  const trainer = await toyTrainer(on, options)
  const results = await steps(trainer, count, options)
  const state = await stateOf(trainer)
  await trainer.release()
  return { results, state }
}

describe.each(everything)('with %s', (name, options) => {
  it('two sets of buffers that take turns, or resuming, give the bits of an unbroken run in place', async () => {
    const unbroken = await trained(engine, options)
    expect(await trained(swapping(), options)).toEqual(unbroken)
    const begun = await toyTrainer(engine, options)
    for (const after of [1, 4]) {
      await steps(begun, after - begun.step, options)
      await saveCheckpoint(join(root, `${name} ${after}`), begun, {
        step: after,
        tokensSeen: 0,
        elapsedMs: 0,
        plans: [],
      })
    }
    await begun.release()
    // Another seed where it is only that of the first weights: all else comes from the checkpoint.
    const resumed = await toyTrainer(engine, { ...options, seed: options.dropout ? 1 : 99 })
    for (const after of [1, 4]) {
      await loadCheckpoint(join(root, `${name} ${after}`), resumed)
      expect(await steps(resumed, 6 - after, options)).toEqual(unbroken.results.slice(after))
      expect(await stateOf(resumed)).toEqual(unbroken.state)
    }
    await resumed.release()
  })
})

describe('Trainer', () => {
  it('the same seed gives the same run, another seed another', async () => {
    const first = await trained(engine, { dropout: 0.1 }, 3)
    expect(await trained(engine, { dropout: 0.1 }, 3)).toEqual(first)
    const other = await trained(engine, { dropout: 0.1, seed: 2 }, 3)
    expect(other.results[0]!.loss).not.toBe(first.results[0]!.loss)
  })

  it('learns: the loss falls far below that of guessing', async () => {
    const { results } = await trained(engine, {}, 150)
    expect(results[0]!.loss).toBeCloseTo(Math.log(11), 1)
    expect(results.at(-1)!.loss).toBeLessThan(1)
  })

  it('four accumulated batches of 2 are one batch of 8', async () => {
    const whole = await toyTrainer(engine, { batch: 8 })
    const parts = await toyTrainer(engine, { batch: 2, accumulation: 4 })
    for (let step = 0; step < 3; step++) {
      const { tokens } = toyBatch(step, 8)
      const rows = Array.from({ length: 4 }, (_, i) => ({ tokens: tokens!.slice(18 * i, 18 * (i + 1)) }))
      const [a, b] = [await whole.train([{ tokens: tokens! }], 0.01), await parts.train(rows, 0.01)]
      expect(b.loss).toBeCloseTo(a.loss, 5)
      expect(b.gradientNorm).toBeCloseTo(a.gradientNorm, 5)
    }
    const [a, b] = [await stateOf(whole), await stateOf(parts)]
    for (const [name, values] of Object.entries(a))
      for (const [i, value] of values.entries()) expect(Math.abs(b[name]![i]! - value)).toBeLessThan(1e-4)
    await whole.release()
    await parts.release()
  })

  it.each([1, 2])(
    'a narrow batch goes to its own step, and does what it does padded; accumulation %i',
    async (parts) => {
      const [narrow, wide] = [await maskedToyTrainer(engine, [6, 3], parts), await maskedToyTrainer(engine, [6], parts)]
      for (let step = 0; step < 4; step++) {
        const batches = (padded: boolean) =>
          Array.from({ length: parts }, (_, i) => {
            const width = (step + i) % 2 === 0 ? 3 : 6
            return maskedToyBatch(step + i, width, padded ? 6 : width)
          })
        const [a, b] = [await narrow.train(batches(false), 0.01), await wide.train(batches(true), 0.01)]
        expect(a.loss).toBeCloseTo(b.loss, 5)
        expect(a.gradientNorm).toBeCloseTo(b.gradientNorm, 5)
      }
      const [a, b] = [await stateOf(narrow), await stateOf(wide)]
      expect(Object.keys(a)).toEqual(Object.keys(b))
      for (const [name, values] of Object.entries(a))
        for (const [i, value] of values.entries()) expect(Math.abs(b[name]![i]! - value)).toBeLessThan(1e-4)
      await narrow.release()
      await wide.release()
    },
  )

  it('keeps the average e ← e + (1 − decay)(p − e) and gives it as the weights', async () => {
    const trainer = await toyTrainer(engine, { emaDecay: 0.75 })
    const name = 'model.embed_tokens.weight'
    let average = (await stateOf(trainer))[name]!
    for (let step = 0; step < 3; step++) {
      await trainer.train([toyBatch(step)], 0.01)
      const now = (await stateOf(trainer))[name]!
      average = average.map((e, i) => e + 0.25 * (now[i]! - e))
    }
    const weights = (await trainer.weights()[name]!.read()) as Float32Array
    for (const [i, value] of weights.entries()) expect(value).toBeCloseTo(average[i]!, 6)
    expect(weights).not.toEqual((await stateOf(trainer))[name])
    await trainer.release()
  })

  it('refuses what does not fit, in one line', async () => {
    await expect(toyTrainer(engine, { accumulation: 1.5 })).rejects.toThrow(ConfigError)
    const trainer = await toyTrainer(engine, { accumulation: 2 })
    await expect(trainer.train([toyBatch(0)], 0.01)).rejects.toThrow(/got 1 batches, wanted accumulation = 2/)
    expect(() => trainer.buffer('nothing')).toThrow(ConfigError)
    await trainer.release()
  })

  it('compiles what narrow batches go to when one comes, and frees it', async () => {
    const { engine: counting, held } = faulty(engine, {})
    const trainer = await maskedToyTrainer(counting, [6, 3], 1)
    const before = held.size
    await trainer.train([maskedToyBatch(0, 6, 6)], 0.01)
    expect(held.size).toBe(before)
    await trainer.train([maskedToyBatch(1, 3, 3)], 0.01)
    expect(held.size).toBe(before + 3) // a session, and what it reports
    await expect(trainer.train([maskedToyBatch(1, 3, 4)], 0.01)).rejects.toThrow(EngineError)
    await trainer.release()
    expect(held.size).toBe(0)
  })

  it('can be asked again where the engine fails to compile what a narrow batch goes to', async () => {
    const { engine: counting, held } = faulty(engine, {})
    const counted = await maskedToyTrainer(counting, [6, 3], 1)
    const buffers = held.size - 1 // all but the session
    await counted.release()
    const { engine: failing, held: left } = faulty(engine, { createBuffer: buffers + 2 })
    const trainer = await maskedToyTrainer(failing, [6, 3], 1)
    await expect(trainer.train([maskedToyBatch(0, 3, 3)], 0.01)).rejects.toThrow(/told to fail/)
    expect(left.size).toBe(buffers + 1)
    expect((await trainer.train([maskedToyBatch(0, 3, 3)], 0.01)).loss).toBeGreaterThan(0)
    await trainer.release()
    expect(left.size).toBe(0)
  })

  it.each([0, -1, Number.NaN])('refuses to clip gradients to %d', async (gradientClip) => {
    await expect(toyTrainer(engine, { gradientClip })).rejects.toThrow(
      `trainer: gradientClip is ${gradientClip}, wanted a number above 0; Infinity clips nothing`,
    )
  })

  it('refuses a batch that feeds other names than the loss reads, and stays where it was', async () => {
    const trainer = await toyTrainer(engine, { dropout: 0.1 })
    const { tokens } = toyBatch(0)
    await expect(trainer.train([{ token: tokens! }], 0.01)).rejects.toThrow(
      'train: a batch feeds token, wanted tokens; give each placeholder of the loss its values',
    )
    await expect(trainer.train([{}], 0.01)).rejects.toThrow(/a batch feeds nothing, wanted tokens/)
    await expect(trainer.train([{ tokens: tokens!, mask: tokens! }], 0.01)).rejects.toThrow(ConfigError)
    expect(trainer.step).toBe(0)
    await trainer.release()
  })

  it.each([
    ['the second session', { createSession: 2 }],
    ['what a step reports', { createBuffer: 1 }],
    ['the state', { createBuffer: 9 }],
  ])('leaves nothing behind where the engine fails at %s', async (_, faults) => {
    const { engine: failing, held } = faulty(engine, faults)
    await expect(toyTrainer(failing, { accumulation: 2 })).rejects.toThrow(/told to fail/)
    expect(held.size).toBe(0)
  })
})

describe('checkpoints', () => {
  it('refuses one of another optimizer, a cut one, and one without progress', async () => {
    const run = join(root, 'corrupt')
    expect(await hasCheckpoint(run)).toBe(false)
    const adamw = await toyTrainer(engine)
    const muon = await toyTrainer(engine, { optimizer: toyOptimizers.muon })
    await saveCheckpoint(run, adamw, { step: 0, tokensSeen: 0, elapsedMs: 0, plans: [] })
    expect(await hasCheckpoint(run)).toBe(true)
    await expect(loadCheckpoint(run, muon)).rejects.toThrow(CheckpointError)
    const wider = await toyTrainer(engine, { dModel: 32 })
    await expect(loadCheckpoint(run, wider)).rejects.toThrow(
      /: \S+ is float32 \[11,16\], the run's settings want float32 \[11,32\]; restore run\.json$/,
    )
    writeFileSync(join(run, 'last', 'state.safetensors'), 'short')
    await expect(loadCheckpoint(run, adamw)).rejects.toThrow(CheckpointError)
    writeFileSync(join(run, 'last', 'progress.json'), '{"step": -1}')
    await expect(loadCheckpoint(run, adamw)).rejects.toThrow(/progress\.json/)
    await adamw.release()
    await muon.release()
    await wider.release()
  })
})

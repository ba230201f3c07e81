import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { input } from '../graph/tensor.ts'
import { evaluate } from '../graph/testing/program.ts'
import type { CausalArchitecture, CausalConfig } from '../models/architecture.ts'
import { architectureNamed } from '../models/registry.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { faulty } from '../runtime/testing/faulty.ts'
import { CachedModel } from './cached-model.ts'
import type { DecodingState } from './causal-model.ts'
import { complete } from './complete.ts'

const sizes: CausalConfig = {
  vocabSize: 37,
  contextLength: 320,
  dModel: 32,
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  dFf: 48,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

const cases: readonly [string, string, Partial<CausalConfig>][] = [
  ['a Llama, rotated before the kernel', 'decoder', {}],
  ['a Llama, rotated in the kernel', 'decoder', { dModel: 64, tieEmbeddings: false }],
  ['a GPT-2', 'gpt2', {}],
]

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

/** Weights large enough that logits differ from place to place. */
function weightsOf({ scope }: CausalArchitecture) {
  const tensors = [...scope.parameters.values()].map((parameter) => {
    const tensor = initialize(parameter, Random.seed(3))
    const data = (tensor.data as Float32Array).map((value) => (parameter.shape.length > 1 ? 8 * value : value))
    return [parameter.name, { ...tensor, data }] as const
  })
  return Object.fromEntries(tensors)
}

const idsFrom = (seed: number, length: number) => {
  const random = Random.seed(seed)
  return Array.from({ length }, () => random.integer(sizes.vocabSize))
}

/** Logits [rows][vocabSize], copied out of the state's own array. */
async function logitsOf(state: DecodingState, ids: readonly (readonly number[])[]): Promise<number[][]> {
  const flat = Array.from(await state.append(ids))
  return ids.map((_, row) => flat.slice(row * sizes.vocabSize, (row + 1) * sizes.vocabSize))
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0)

describe.each(cases)('%s', (_, name, change) => {
  const architecture = architectureNamed(name).build({ ...sizes, ...change })
  const tensors = weightsOf(architecture)
  let model: CachedModel

  beforeAll(async () => {
    model = await CachedModel.create(engine, architecture, { tensors })
  })
  afterAll(() => model.release())

  /** The logits after the last of `ids`, without any cache. */
  async function uncached(ids: readonly number[]): Promise<Float32Array> {
    const feeds = Object.fromEntries(Object.entries(tensors).map(([key, { data }]) => [key, data]))
    const y = architecture.logits(input('ids', 'int32', [1, ids.length]))
    const logits = (await evaluate(engine, { y }, { ...feeds, ids: Int32Array.from(ids) })).y!
    return (logits as Float32Array).slice(-sizes.vocabSize)
  }

  it('cached = uncached: ids one by one, in parts, and over more than one chunk', async () => {
    const ids = idsFrom(1, 300)
    const state = await model.open({ batch: 1 })
    expect(distance((await logitsOf(state, [ids.slice(0, 7)]))[0]!, await uncached(ids.slice(0, 7)))).toBeLessThan(2e-4)
    for (let i = 7; i < 12; i++)
      expect(distance((await logitsOf(state, [[ids[i]!]]))[0]!, await uncached(ids.slice(0, i + 1)))).toBeLessThan(2e-4)
    expect(distance((await logitsOf(state, [ids.slice(12)]))[0]!, await uncached(ids))).toBeLessThan(2e-4)
    expect(state.lengths).toEqual([300])
    state.release()
  })

  it('batched = single, bit for bit, with rows of different lengths, empty ones among them', async () => {
    const rows = [idsFrom(1, 9), idsFrom(2, 4), idsFrom(3, 1), idsFrom(4, 20), idsFrom(5, 9)]
    const [head, tail] = [rows.map((row) => row.slice(0, -3)), rows.map((row) => row.slice(-3))]
    const together = await model.open({ batch: rows.length, capacity: 40 })
    await together.append(head)
    let batched: number[][] = []
    for (let i = 0; i < 3; i++)
      batched = await logitsOf(
        together,
        tail.map((row) => row.slice(i, i + 1)),
      )
    together.release()
    for (const [row, ids] of rows.entries()) {
      if (ids.length < 3) continue
      const alone = await model.open({ batch: 1 })
      await alone.append([head[row]!])
      let single: number[][] = []
      for (const id of tail[row]!) single = await logitsOf(alone, [[id]])
      expect(batched[row]).toEqual(single[0])
      alone.release()
    }
  })

  it('score gives what append would after each id, over more than one chunk, and leaves other rows alone', async () => {
    const ids = idsFrom(1, 280)
    const state = await model.open({ batch: 3 })
    await state.append([ids.slice(0, 3), ids.slice(0, 9), [5]])
    const scored = Array.from(await state.score(1, ids.slice(9, 280)))
    const after = (count: number) => scored.slice((count - 10) * sizes.vocabSize, (count - 9) * sizes.vocabSize)
    for (const count of [10, 11, 200, 265, 266, 280])
      expect(distance(after(count), await uncached(ids.slice(0, count)))).toBeLessThan(2e-4)
    expect(state.lengths).toEqual([3, 280, 1])
    for (const again of [0, 1, 2]) {
      state.truncate(1, 9)
      const few = Array.from(await state.score(1, ids.slice(9, 13)))
      expect(distance(few, scored.slice(0, few.length)), `time ${again}`).toBeLessThan(2e-4)
    }
    const others = await logitsOf(state, [ids.slice(3, 4), [], [2]])
    expect(distance(others[0]!, await uncached(ids.slice(0, 4)))).toBeLessThan(2e-4)
    expect(distance(others[2]!, await uncached([5, 2]))).toBeLessThan(2e-4)
    state.release()
  })

  it('a row is the same, bit for bit, among any number of rows', async () => {
    const ids = idsFrom(1, 12)
    const logits: number[][] = []
    for (let rows = 1; rows <= 17; rows++) {
      const state = await model.open({ batch: 17, capacity: 40 })
      const others = (from: number, to: number) =>
        Array.from({ length: 16 }, (_, row) => (row < rows - 1 ? idsFrom(row + 2, 14).slice(from, to) : []))
      await state.append([...others(0, 11).slice(0, rows - 1), ids.slice(0, 11), ...others(0, 11).slice(rows - 1)])
      logits.push(
        (
          await logitsOf(state, [
            ...others(11, 12).slice(0, rows - 1),
            ids.slice(11),
            ...others(11, 12).slice(rows - 1),
          ])
        )[rows - 1]!,
      )
      state.release()
    }
    for (const other of logits) expect(other).toEqual(logits[0])
  })

  it('reorder lets a row go on from another', async () => {
    const rows = [idsFrom(1, 5), idsFrom(2, 8), idsFrom(3, 2)]
    const state = await model.open({ batch: 3 })
    await state.append(rows)
    await state.reorder([1, 1, 0])
    expect(state.lengths).toEqual([8, 8, 5])
    const logits = await logitsOf(state, [[4], [4], [6]])
    const wanted = [await uncached([...rows[1]!, 4]), await uncached([...rows[0]!, 6])]
    expect(logits[0]).toEqual(logits[1])
    expect(distance(logits[0]!, wanted[0]!)).toBeLessThan(2e-4)
    expect(distance(logits[2]!, wanted[1]!)).toBeLessThan(2e-4)
    state.release()
  })

  it('truncate forgets: what follows is as if it had never been', async () => {
    const ids = idsFrom(1, 10)
    const state = await model.open({ batch: 2 })
    await state.append([ids, idsFrom(2, 3)])
    state.truncate(0, 6)
    const again = await logitsOf(state, [ids.slice(6), [1]])
    const straight = await model.open({ batch: 2 })
    await straight.append([ids.slice(0, 6), idsFrom(2, 3)])
    expect(again).toEqual(await logitsOf(straight, [ids.slice(6), [1]]))
    state.truncate(0, 0)
    await state.append([ids, []])
    expect(state.lengths).toEqual([10, 4])
    expect(() => state.truncate(0, 11)).toThrow(ConfigError)
    state.release()
    straight.release()
  })

  it('the weights of a trainer, shared, give the same as those held', async () => {
    const buffers = Object.fromEntries(
      Object.entries(tensors).map(([key, tensor]) => [key, engine.createBuffer(tensor)]),
    )
    const sharing = await CachedModel.create(engine, architecture, { buffers })
    const state = await sharing.open({ batch: 1 })
    const ids = idsFrom(6, 12)
    expect(distance((await logitsOf(state, [ids]))[0]!, await uncached(ids))).toBeLessThan(2e-4)
    state.release()
    await sharing.release()
    for (const buffer of Object.values(buffers)) buffer.release()
  })

  it('the same seed makes the same ids, in a batch, alone, and in any order of prompts', async () => {
    const prompts = [idsFrom(1, 5), idsFrom(2, 2), idsFrom(3, 9)]
    const settings = { seed: 7, n: 2, maxTokens: 12 }
    const together = await complete(model, prompts, settings)
    expect(await complete(model, prompts, settings)).toEqual(together)
    for (const [index, prompt] of prompts.entries()) {
      const alone = await complete(model, [prompt], settings, { firstRow: 2 * index })
      expect(alone).toEqual(together.slice(2 * index, 2 * index + 2))
    }
    expect((await complete(model, prompts, { ...settings, seed: 8 })).map(({ ids }) => ids)).not.toEqual(
      together.map(({ ids }) => ids),
    )
    expect(together[0]!.ids).not.toEqual(together[1]!.ids)
  })

  it('n continuations of a prompt of one id are those made one by one', async () => {
    for (const prompts of [[[5]], [[5], [9]]]) {
      const settings = { seed: 3, maxTokens: 10 }
      const together = await complete(model, prompts, { ...settings, n: 3 })
      const alone = await Promise.all(
        together.map(({ row }) => complete(model, [prompts[Math.floor(row / 3)]!], settings, { firstRow: row })),
      )
      expect(together).toEqual(alone.flat())
      expect(new Set(together.map(({ ids }) => ids.join())).size).toBe(together.length)
    }
  })
})

describe('CachedModel', () => {
  const architecture = architectureNamed('decoder').build({ ...sizes, contextLength: 8 })

  it('refuses what does not fit, in one line', async () => {
    const model = await CachedModel.create(engine, architecture, { tensors: weightsOf(architecture) })
    await expect(model.open({ batch: 1, capacity: 9 })).rejects.toThrow(
      /capacity is 9, wanted 1 to the model's context/,
    )
    const state = await model.open({ batch: 1 })
    await expect(state.append([[1], [2]])).rejects.toThrow(/got 2 rows, wanted 1/)
    await expect(state.append([[37]])).rejects.toThrow(/id 37 is not in the vocabulary of 37/)
    await expect(state.append([idsFrom(1, 9)])).rejects.toThrow(/would hold 9 positions, its room is 8/)
    await state.append([idsFrom(1, 8)])
    await expect(state.append([[1]])).rejects.toThrow(ConfigError)
    state.release()
    await model.release()
  })

  it('says which engines decode where one cannot extend caches in place', async () => {
    const { engine: swapping, held } = faulty(engine, { inPlace: false })
    const creating = CachedModel.create(swapping, architecture, { tensors: weightsOf(architecture) })
    await expect(creating).rejects.toThrow('decode: the engine cpu cannot extend caches in place; use cpu or wasm')
    expect(held.size).toBe(0)
  })

  it.each([
    ['the second cache', { createBuffer: 2 }],
    ['a buffer of a prompt’s run', { createBuffer: 8 }],
    ['binding it', { bind: 1 }],
    ['binding the next step', { bind: 2 }],
  ])('leaves nothing behind where the engine fails at %s', async (_, faults) => {
    const { engine: failing, held } = faulty(engine, faults)
    const model = await CachedModel.create(failing, architecture, { tensors: weightsOf(architecture) })
    const decode = async () => {
      const state = await model.open({ batch: 1 })
      try {
        await state.append([[1, 2]])
        await state.append([[3]])
      } finally {
        state.release()
      }
    }
    await expect(decode()).rejects.toThrow(/told to fail/)
    await model.release()
    expect(held.size).toBe(0)
  })

  it('refuses heads of a size that the cache’s kernel cannot take', async () => {
    const odd = architectureNamed('decoder').build({ ...sizes, dModel: 24, nHeads: 4, dFf: 8 })
    const creating = CachedModel.create(engine, odd, { tensors: weightsOf(odd) })
    await expect(creating).rejects.toThrow(/heads of 6, wanted a multiple of 8/)
  })
})

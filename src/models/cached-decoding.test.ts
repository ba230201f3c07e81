import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float32, sizeOf } from '../graph/dtype.ts'
import { attention } from '../graph/operations/attention.ts'
import { cachedAttention } from '../graph/operations/cached-attention.ts'
import { rotary } from '../graph/operations/rotary.ts'
import { reshape } from '../graph/operations/shape.ts'
import { constant, input, type Tensor } from '../graph/tensor.ts'
import { evaluate, type Values } from '../graph/testing/program.ts'
import { expectClose } from '../graph/testing/tolerance.ts'
import { initialize } from '../nn/parameters.ts'
import { rotaryTables } from '../nn/rotary-tables.ts'
import { lower } from '../onnx/lower.ts'
import { Random } from '../random/random.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { CausalArchitecture, CausalConfig } from './architecture.ts'
import { Decoder } from './decoder.ts'
import { Gpt2 } from './gpt2.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const capacity = 12
const settings: CausalConfig = {
  vocabSize: 19,
  contextLength: 16,
  dModel: 32,
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  dFf: 40,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

/** Heads of 8, which the graph rotates, and of 16, which the kernel does; grouped and not. */
const models: Readonly<Record<string, () => CausalArchitecture>> = {
  'the decoder, heads of 8': () => new Decoder(settings),
  'the decoder, heads of 16, untied': () => new Decoder({ ...settings, dModel: 64, tieEmbeddings: false }),
  'the decoder, a head of its own for each key': () => new Decoder({ ...settings, nKvHeads: 4 }),
  'the decoder, heads of 8, biases and a window of 3': () =>
    new Decoder({ ...settings, qkvBias: true, slidingWindow: 3 }),
  'the decoder, wider heads with norms, slowed, and a window of 4': () =>
    new Decoder({
      ...settings,
      dHead: 16,
      queryKeyNorm: true,
      slidingWindow: 4,
      ropeScaling: { kind: 'llama3', factor: 4, lowFrequency: 0.5, highFrequency: 2, originalContext: 8 },
    }),
  gpt2: () => new Gpt2(settings),
}

/** Weights ten times the usual, so that attention is far from even. */
function weightsOf({ scope }: CausalArchitecture): Values {
  const random = Random.seed(6)
  return Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => {
      const { data } = initialize(parameter, random)
      const scale = parameter.initializer.kind === 'normal' ? 10 : 1
      return [parameter.name, (data as Float32Array).map((value) => value * scale)]
    }),
  )
}

/** Decoding over caches that are bound as input and output at once, as a sampler does it. */
class CachedRows {
  readonly #session: Session
  readonly #caches: Record<string, DeviceBuffer>
  readonly #weights: Record<string, DeviceBuffer>
  readonly #vocabSize: number

  private constructor(
    session: Session,
    caches: Record<string, DeviceBuffer>,
    weights: Record<string, DeviceBuffer>,
    vocabSize: number,
  ) {
    this.#session = session
    this.#caches = caches
    this.#weights = weights
    this.#vocabSize = vocabSize
  }

  static async open(model: CausalArchitecture, weights: Values, batch: number): Promise<CachedRows> {
    const { nLayers, nKvHeads, dHead, vocabSize } = model.dimensions
    const cacheShape = ['batch', nKvHeads, capacity, dHead]
    const names = Array.from({ length: nLayers }, (_, i) => [`keys.${i}`, `values.${i}`] as const)
    const { logits, caches } = model.decode({
      ids: input('ids', 'int32', ['batch', 'length']),
      positions: input('positions', 'int32', ['batch', 'length']),
      lastPosition: input('lastPosition', 'int32', ['batch']),
      total: input('total', 'int32', []),
      caches: names.map(([keys, values]) => ({
        keys: input(keys, 'float32', cacheShape),
        values: input(values, 'float32', cacheShape),
      })),
    })
    const outputs: Record<string, Tensor> = { logits }
    const overwrite: Record<string, string> = {}
    for (const [i, cache] of caches.entries())
      for (const part of ['keys', 'values'] as const) {
        outputs[`next.${part}.${i}`] = cache[part]
        overwrite[`next.${part}.${i}`] = `${part}.${i}`
      }
    const program = lower(outputs, { provider: 'cpu', overwrite })
    expect(program.inPlace).toBe(true)
    const buffers = Object.fromEntries(
      names.flat().map((name) => {
        const shape = [batch, nKvHeads, capacity, dHead]
        // What a cache holds beyond its length must never show.
        const data = new Float32Array(sizeOf(shape)).fill(1e3)
        return [name, engine.createBuffer(float32(data, shape))]
      }),
    )
    const fixed = Object.fromEntries(
      [...model.scope.parameters.values()].map(({ name, shape }) => [
        name,
        engine.createBuffer(float32(weights[name] as Float32Array, shape)),
      ]),
    )
    return new CachedRows(await engine.createSession(program.bytes), buffers, fixed, vocabSize)
  }

  /** Logits after `ids` at the positions from `begins[b]` on, for the rows from `row` on. */
  async step(row: number, ids: readonly (readonly number[])[], begins: readonly number[]): Promise<Float32Array> {
    const [batch, length] = [ids.length, ids[0]!.length]
    const ints = (data: readonly number[], shape: readonly number[]) =>
      engine.createBuffer({ dtype: 'int32', shape, data: Int32Array.from(data) })
    const inputs: Record<string, DeviceBuffer> = {
      ...this.#weights,
      ids: ints(ids.flat(), [batch, length]),
      positions: ints(
        begins.flatMap((begin) => Array.from({ length }, (_, i) => begin + i)),
        [batch, length],
      ),
      lastPosition: ints(
        begins.map((begin) => begin + length - 1),
        [batch],
      ),
      total: ints([Math.max(...begins) + length], []),
    }
    const logits = engine.createBuffer({ dtype: 'float32', shape: [batch, 1, this.#vocabSize] })
    const outputs: Record<string, DeviceBuffer> = { logits }
    for (const [name, whole] of Object.entries(this.#caches)) {
      const shape = [batch, ...whole.shape.slice(1)]
      const rows = whole.view(shape, row * sizeOf(whole.shape.slice(1)))
      inputs[name] = rows
      outputs[`next.${name}`] = rows
    }
    // Positions are read by some models only.
    const known = new Set(this.#session.inputNames)
    const fed = Object.fromEntries(Object.entries(inputs).filter(([name]) => known.has(name)))
    await this.#session.bind(fed, outputs).run()
    return (await logits.read()) as Float32Array
  }

  release = () => this.#session.release()
}

/** Logits [T, V] of one sequence without a cache. */
async function uncached(model: CausalArchitecture, weights: Values, ids: readonly number[]): Promise<Float32Array> {
  const logits = model.logits(input('ids', 'int32', [1, ids.length]))
  return (await evaluate(engine, { logits }, { ...weights, ids: Int32Array.from(ids) })).logits as Float32Array
}

describe.each(Object.keys(models))('%s', (name) => {
  const model = models[name]!()
  const weights = weightsOf(model)
  const V = settings.vocabSize
  const random = Random.seed(7)
  const sequences = [7, 4, 9].map((length) => Array.from({ length: length + 3 }, () => random.integer(V)))
  const close = { relative: 2e-5, absolute: 2e-5 }

  it('gives the same logits one id at a time, all at once, and without a cache', async () => {
    const ids = sequences[0]!
    const wanted = await uncached(model, weights, ids)
    const rows = await CachedRows.open(model, weights, 1)
    for (const [t, id] of ids.entries())
      expectClose(await rows.step(0, [[id]], [t]), wanted.subarray(t * V, t * V + V), {
        ...close,
        what: `position ${t}`,
      })
    expectClose(await rows.step(0, [ids], [0]), wanted.subarray(-V), { ...close, what: 'prefill over an old cache' })
    await rows.release()
  })

  it('continues a prefill by several ids at once', async () => {
    const ids = sequences[2]!
    const wanted = await uncached(model, weights, ids)
    const rows = await CachedRows.open(model, weights, 1)
    await rows.step(0, [ids.slice(0, 5)], [0])
    expectClose(await rows.step(0, [ids.slice(5, 9)], [5]), wanted.subarray(8 * V, 9 * V), close)
    await rows.release()
  })

  it('steps a batch of sequences of different lengths as it steps each alone', async () => {
    const wanted = await Promise.all(sequences.map((ids) => uncached(model, weights, ids)))
    const rows = await CachedRows.open(model, weights, sequences.length)
    const lengths = sequences.map((ids) => ids.length - 3)
    for (const [b, ids] of sequences.entries()) await rows.step(b, [ids.slice(0, lengths[b])], [0])
    for (let step = 0; step < 3; step++) {
      const at = lengths.map((length) => length + step)
      const got = await rows.step(
        0,
        sequences.map((ids, b) => [ids[at[b]!]!]),
        at,
      )
      for (const [b, t] of at.entries())
        expectClose(got.subarray(b * V, b * V + V), wanted[b]!.subarray(t * V, t * V + V), {
          ...close,
          what: `row ${b}`,
        })
    }
    await rows.release()
  })
})

describe('cachedAttention', () => {
  it.each([8, 16, 64])('over an empty cache is rotary, causal attention with heads of %i', async (D) => {
    const [B, T, H, kvHeads] = [1, 6, 4, 2]
    const random = Random.seed(D)
    const normal = (...shape: number[]) => {
      const data = new Float32Array(sizeOf(shape))
      random.fillGaussian(data)
      return constant(float32(data, shape))
    }
    const [q, k, v] = [normal(B, T, H, D), normal(B, T, kvHeads, D), normal(B, T, kvHeads, D)]
    const flat = (x: Tensor, heads: number) => reshape(x, [B, T, heads * D])
    const empty = constant(float32(new Float32Array(B * kvHeads * 10 * D), [B, kvHeads, 10, D]))
    const ints = (data: number[], shape: number[]) => constant({ dtype: 'int32', shape, data: Int32Array.from(data) })
    const [cached] = cachedAttention(
      {
        q: flat(q, H),
        k: flat(k, kvHeads),
        v: flat(v, kvHeads),
        pastKeys: empty,
        pastValues: empty,
        lastPosition: ints([T - 1], [1]),
        total: ints([T], []),
        rotary: { ...rotaryTables(10, D, 10_000), positions: ints([0, 1, 2, 3, 4, 5], [1, T]) },
      },
      { nHeads: H, nKvHeads: kvHeads, scale: D ** -0.5 },
    )
    const { cos, sin } = rotaryTables(T, D, 10_000)
    const plain = flat(attention(rotary(q, cos, sin), rotary(k, cos, sin), v, { causal: true }), H)
    const got = await evaluate(engine, { cached, plain })
    expectClose(got.cached!, got.plain!, { relative: 1e-5, absolute: 1e-5 })
  })
})

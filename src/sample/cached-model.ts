import { ConfigError, EngineError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { kernelMultiple } from '../graph/operations/cached-attention.ts'
import { input } from '../graph/tensor.ts'
import type { CausalArchitecture, CausalDimensions } from '../models/architecture.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { CacheRows } from './cache-rows.ts'
import type { CausalModel, DecodingState } from './causal-model.ts'
import { DecodingCall } from './decoding-call.ts'
import { PacedRuns } from './paced-runs.ts'
import { parametersIn } from './parameters-in.ts'

/** Ids that a prompt is taken in at a time: bounds the memory of its activations. */
const chunkLength = 256

/** Where weights come from: host tensors, packed once for inference, or a trainer's own buffers, shared. */
export type WeightSource =
  | { readonly tensors: Readonly<Record<string, HostTensor>> }
  | { readonly buffers: Readonly<Record<string, DeviceBuffer>> }

/** What decodes over caches: a causal architecture, or the decoder of another. */
export type Decodable = Pick<CausalArchitecture, 'scope' | 'dimensions' | 'decode'>

/** A causal architecture with weights on an engine, decoding over key/value caches that live there. */
export class CachedModel implements CausalModel {
  readonly vocabSize: number
  readonly contextLength: number
  readonly #engine: Engine
  readonly #session: Session
  readonly #dimensions: CausalDimensions
  readonly #shared: Readonly<Record<string, DeviceBuffer>>

  private constructor(
    engine: Engine,
    session: Session,
    dimensions: CausalDimensions,
    shared: Record<string, DeviceBuffer>,
  ) {
    this.vocabSize = dimensions.vocabSize
    this.contextLength = dimensions.contextLength
    this.#engine = engine
    this.#session = session
    this.#dimensions = dimensions
    this.#shared = shared
  }

  /** Compiles the decoding graph. Throws ConfigError for heads that {@link checkDecodable} refuses, EngineError where the engine refuses the graph or cannot extend caches in place. */
  static async create(engine: Engine, architecture: Decodable, weights: WeightSource): Promise<CachedModel> {
    checkDecodable(architecture.dimensions)
    const held = 'tensors' in weights
    const outputs = decodingGraph(architecture)
    const names = parametersIn(outputs, architecture.scope)
    const overwrite = cachesToExtend(outputs)
    const program = lower(outputs, { provider: engine.provider, initializers: held ? names : [], overwrite })
    if (!engine.inPlace || !program.inPlace)
      throw new EngineError(`decode: the engine ${engine.name} cannot extend caches in place; use cpu or wasm`)
    const session = await engine.createSession(
      program.bytes,
      held ? { initializers: used(weights.tensors, names) } : {},
    )
    const shared = held ? {} : used(weights.buffers, names)
    return new CachedModel(engine, session, architecture.dimensions, shared)
  }

  /** The same graph with further inputs that all its states share, such as a source text; they stay their owner's. */
  given(inputs: Readonly<Record<string, DeviceBuffer>>): CausalModel {
    return new CachedModel(this.#engine, this.#session, this.#dimensions, { ...this.#shared, ...inputs })
  }

  async open({ batch, capacity = this.contextLength }: { batch: number; capacity?: number }): Promise<DecodingState> {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > this.contextLength)
      throw new ConfigError(
        `open: capacity is ${capacity}, wanted 1 to the model's context of ${this.contextLength}; shorten the text`,
        { capacity },
      )
    return new CachedState(this.#engine, this.#session, this.#dimensions, this.#shared, batch, capacity)
  }

  /** Frees the compiled graph; states must have been released. */
  async release(): Promise<void> {
    await this.#session.release()
  }
}

/** Throws {@link ConfigError} for a model that can't be decoded over a cache: the size of its heads. */
export function checkDecodable({ dHead, dModel, nHeads }: CausalDimensions): void {
  if (dHead % kernelMultiple === 0) return
  throw new ConfigError(
    `decode: dModel ${dModel} ÷ nHeads ${nHeads} makes heads of ${dHead}, wanted a multiple of ${kernelMultiple}; ` +
      'choose another nHeads or dModel',
    { dHead },
  )
}

function used<T>(values: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, values[name] as T]))
}

/** New ids, their positions and the caches by name → logits and the caches with the new positions in. */
function decodingGraph(architecture: Decodable) {
  const { nLayers, nKvHeads, dHead } = architecture.dimensions
  const cacheShape = ['batch', nKvHeads, 'capacity', dHead]
  const { logits, caches } = architecture.decode({
    ids: input('ids', 'int32', ['batch', 'sequence']),
    positions: input('positions', 'int32', ['batch', 'sequence']),
    lastPosition: input('lastPosition', 'int32', ['batch']),
    total: input('total', 'int32', []),
    caches: Array.from({ length: nLayers }, (_, i) => ({
      keys: input(`keys.${i}`, 'float32', cacheShape),
      values: input(`values.${i}`, 'float32', cacheShape),
    })),
  })
  return {
    logits,
    ...Object.fromEntries(caches.map(({ keys }, i) => [`next.keys.${i}`, keys])),
    ...Object.fromEntries(caches.map(({ values }, i) => [`next.values.${i}`, values])),
  }
}

/** What {@link decodingGraph}'s outputs overwrite: `next.keys.0` the input `keys.0`, and so on. */
function cachesToExtend(outputs: Readonly<Record<string, unknown>>): Record<string, string> {
  const next = Object.keys(outputs).filter((name) => name.startsWith('next.'))
  return Object.fromEntries(next.map((name) => [name, name.slice('next.'.length)]))
}

class CachedState implements DecodingState {
  readonly batch: number
  readonly lengths: number[]
  readonly #engine: Engine
  readonly #session: Session
  readonly #shared: Readonly<Record<string, DeviceBuffer>>
  readonly #vocabSize: number
  readonly #capacity: number
  readonly #caches: CacheRows
  readonly #logits: Float32Array
  readonly #runs: PacedRuns
  #step: DecodingCall | undefined

  constructor(
    engine: Engine,
    session: Session,
    dimensions: CausalDimensions,
    shared: Readonly<Record<string, DeviceBuffer>>,
    batch: number,
    capacity: number,
  ) {
    this.batch = batch
    this.lengths = new Array(batch).fill(0)
    this.#engine = engine
    this.#session = session
    this.#shared = shared
    this.#vocabSize = dimensions.vocabSize
    this.#capacity = capacity
    this.#logits = new Float32Array(batch * dimensions.vocabSize)
    this.#caches = new CacheRows(engine, dimensions, batch, capacity)
    this.#runs = new PacedRuns(engine)
  }

  async append(ids: readonly (readonly number[])[]): Promise<Float32Array> {
    this.#check(ids)
    if (ids.every((row) => row.length <= 1)) return this.#appendOne(ids)
    for (const [row, added] of ids.entries()) {
      if (added.length === 0) continue
      const logits = await this.#appendRow(row, added)
      this.#logits.set(logits, row * this.#vocabSize)
    }
    return this.#logits
  }

  async reorder(order: readonly number[]): Promise<void> {
    await this.#caches.reorder(order, this.lengths)
    const lengths = order.map((row) => this.lengths[row] as number)
    this.lengths.splice(0, this.batch, ...lengths)
  }

  truncate(row: number, length: number): void {
    if (!(length >= 0 && length <= this.lengths[row]!))
      throw new ConfigError(`truncate: sequence ${row} holds ${this.lengths[row]} positions, got ${length}`)
    this.lengths[row] = length
  }

  release(): void {
    this.#step?.release()
    this.#step = undefined
    this.#caches.release()
  }

  #check(ids: readonly (readonly number[])[]): void {
    if (ids.length !== this.batch) throw new ConfigError(`append: got ${ids.length} rows, wanted ${this.batch}`)
    for (const [row, added] of ids.entries()) {
      const length = this.lengths[row]! + added.length
      if (length > this.#capacity)
        throw new ConfigError(
          `append: sequence ${row} would hold ${length} positions, its room is ${this.#capacity}; shorten the prompt`,
          { row, length, capacity: this.#capacity },
        )
      const bad = added.find((id) => !(Number.isInteger(id) && id >= 0 && id < this.#vocabSize))
      if (bad !== undefined)
        throw new ConfigError(
          `append: id ${bad} is not in the vocabulary of ${this.#vocabSize}; is it the model's tokenizer?`,
        )
    }
  }

  /** One id a row, all rows in one run; rows without one are computed in a place that nobody reads. */
  async #appendOne(ids: readonly (readonly number[])[]): Promise<Float32Array> {
    this.#step ??= this.#call(this.batch, 1, this.#caches.buffers)
    const places = ids.map((_, row) => Math.min(this.lengths[row]!, this.#capacity - 1))
    const call = this.#step
    const first = ids.map((row) => row[0] ?? 0)
    await call.feed(first, places, places, Math.max(...places) + 1)
    await this.#runs.run(call.binding)
    for (const [row, added] of ids.entries()) this.lengths[row]! += added.length
    return (call.logits.host ?? (await call.logits.read())) as Float32Array
  }

  /** Many ids of one row, chunk by chunk; the logits after the last. */
  async #appendRow(row: number, ids: readonly number[]): Promise<Float32Array> {
    let logits: Float32Array = new Float32Array()
    const caches = this.#caches.row(row)
    try {
      for (let begin = 0; begin < ids.length; begin += chunkLength) {
        const chunk = ids.slice(begin, begin + chunkLength)
        logits = await this.#appendChunk(chunk, this.lengths[row]!, caches)
        this.lengths[row]! += chunk.length
      }
    } finally {
      for (const view of Object.values(caches)) view.release()
    }
    return logits
  }

  /** Ids at the positions from `first` on of the sequence that `caches` hold; the logits after the last. */
  async #appendChunk(
    ids: readonly number[],
    first: number,
    caches: Readonly<Record<string, DeviceBuffer>>,
  ): Promise<Float32Array> {
    const call = this.#call(1, ids.length, caches)
    try {
      const end = first + ids.length
      const positions = ids.map((_, i) => first + i)
      await call.feed(ids, positions, [end - 1], end)
      await call.binding.run()
      return (await call.logits.read()) as Float32Array
    } finally {
      call.release()
    }
  }

  #call(batch: number, length: number, caches: Readonly<Record<string, DeviceBuffer>>): DecodingCall {
    const [engine, session, shared, vocabSize] = [this.#engine, this.#session, this.#shared, this.#vocabSize]
    return new DecodingCall({ engine, session, shared, caches, batch, length, vocabSize })
  }
}

import { ConfigError, EngineError } from '../errors.ts'
import { kernelMultiple } from '../graph/operations/cached-attention.ts'
import { input } from '../graph/tensor.ts'
import type { CausalArchitecture, CausalDimensions } from '../models/architecture.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { CachedState } from './cached-state.ts'
import type { CausalModel, DecodingState } from './causal-model.ts'
import { LogitSummer, leastLogits } from './logit-sums.ts'
import { parametersIn } from './parameters-in.ts'
import { supplyOf, type WeightSource } from './weight-source.ts'

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
  readonly #summer: LogitSummer | undefined

  private constructor(
    engine: Engine,
    session: Session,
    dimensions: CausalDimensions,
    shared: Readonly<Record<string, DeviceBuffer>>,
    summer: LogitSummer | undefined,
  ) {
    this.vocabSize = dimensions.vocabSize
    this.contextLength = dimensions.contextLength
    this.#engine = engine
    this.#session = session
    this.#dimensions = dimensions
    this.#shared = shared
    this.#summer = summer
  }

  /** Compiles the decoding graph. Throws ConfigError for heads that {@link checkDecodable} refuses, EngineError where the engine refuses the graph or cannot extend caches in place. */
  static async create(engine: Engine, architecture: Decodable, weights: WeightSource): Promise<CachedModel> {
    checkDecodable(architecture.dimensions)
    const outputs = decodingGraph(architecture)
    const supply = supplyOf(parametersIn(outputs, architecture.scope), weights)
    const overwrite = cachesToExtend(outputs)
    const program = lower(outputs, { provider: engine.provider, ...supply.lowering, stack: true, overwrite })
    if (!engine.inPlace || !program.inPlace)
      throw new EngineError(`decode: the engine ${engine.name} cannot extend caches in place; use cpu or wasm`)
    const session = await engine.createSession(program.bytes, supply.session(program))
    try {
      const summer = await summerFor(engine, architecture)
      return new CachedModel(engine, session, architecture.dimensions, supply.inputs, summer)
    } catch (error) {
      await session.release()
      throw error
    }
  }

  /** The same graph with further inputs that all its states share, such as a source text; they stay their owner's. */
  given(inputs: Readonly<Record<string, DeviceBuffer>>): CausalModel {
    return new CachedModel(this.#engine, this.#session, this.#dimensions, { ...this.#shared, ...inputs }, this.#summer)
  }

  async open({ batch, capacity = this.contextLength }: { batch: number; capacity?: number }): Promise<DecodingState> {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > this.contextLength)
      throw new ConfigError(
        `open: capacity is ${capacity}, wanted 1 to the model's context of ${this.contextLength}; shorten the text`,
        { capacity },
      )
    const [engine, session, dimensions, shared] = [this.#engine, this.#session, this.#dimensions, this.#shared]
    return new CachedState({ engine, session, dimensions, shared, batch, capacity, summer: this.#summer })
  }

  /** Frees the compiled graph; states must have been released. */
  async release(): Promise<void> {
    await this.#summer?.release()
    await this.#session.release()
  }
}

/** Node's engine alone runs on the calling thread, and few logits are summed as fast without one. */
async function summerFor(engine: Engine, { dimensions }: Decodable): Promise<LogitSummer | undefined> {
  return engine.name === 'cpu' && dimensions.vocabSize >= leastLogits ? LogitSummer.create(engine) : undefined
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

/** New ids, their positions and the caches by name → logits and the caches with the new positions in. */
function decodingGraph(architecture: Decodable) {
  const { nLayers, nKvHeads, dHead } = architecture.dimensions
  const cacheShape = ['batch', nKvHeads, 'capacity', dHead]
  const { logits, caches } = architecture.decode({
    ids: input('ids', 'int32', ['batch', 'sequence']),
    positions: input('positions', 'int32', ['batch', 'sequence']),
    lastPosition: input('lastPosition', 'int32', ['batch']),
    total: input('total', 'int32', []),
    places: input('places', 'int32', ['places']),
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

import { ConfigError } from '../errors.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import type { SequenceToSequenceArchitecture } from '../models/sequence-architecture.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { CachedModel } from './cached-model.ts'
import type { CausalModel } from './causal-model.ts'
import { parametersIn } from './parameters-in.ts'
import { supplyOf, type WeightSource } from './weight-source.ts'

/** A source that has been read: a model that writes what follows from it, drawn from as any other. */
export interface ReadSource {
  /** Continues what the decoder writes, which begins with the architecture's start token. */
  readonly model: CausalModel
  /** Frees what the source was read into; states of `model` must have been released. */
  release(): void
}

/**
 * A sequence-to-sequence architecture with weights on an engine. A source is read once, into each decoder layer's keys
 * and values of it; whatever writes from it afterwards, one text or a batch, samples or beams, looks at the same.
 */
export class SequenceModel {
  readonly #engine: Engine
  readonly #architecture: SequenceToSequenceArchitecture
  readonly #encoder: Session
  readonly #decoder: CachedModel
  /** Weights of the encoder that are inputs of its graph. */
  readonly #shared: Readonly<Record<string, DeviceBuffer>>

  private constructor(
    engine: Engine,
    architecture: SequenceToSequenceArchitecture,
    encoder: Session,
    decoder: CachedModel,
    shared: Readonly<Record<string, DeviceBuffer>>,
  ) {
    this.#engine = engine
    this.#architecture = architecture
    this.#encoder = encoder
    this.#decoder = decoder
    this.#shared = shared
  }

  /** Compiles encoder and decoder. Throws what {@link CachedModel.create} throws. */
  static async create(
    engine: Engine,
    architecture: SequenceToSequenceArchitecture,
    weights: WeightSource,
  ): Promise<SequenceModel> {
    const decoder = await CachedModel.create(engine, decoderOf(architecture), weights)
    try {
      const outputs = encodingGraph(architecture)
      const supply = supplyOf(parametersIn(outputs, architecture.scope), weights)
      const program = lower(outputs, { provider: engine.provider, ...supply.lowering })
      const encoder = await engine.createSession(program.bytes, supply.session(program))
      return new SequenceModel(engine, architecture, encoder, decoder, supply.inputs)
    } catch (error) {
      await decoder.release()
      throw error
    }
  }

  /** Reads a source. Throws {@link ConfigError} for one that is empty or has ids outside of the vocabulary. */
  async read(ids: readonly number[]): Promise<ReadSource> {
    this.#check(ids)
    const S = ids.length
    const { nLayers, nHeads, dHead } = this.#architecture.dimensions
    const made = new Map<string, DeviceBuffer>()
    const release = () => {
      for (const buffer of made.values()) buffer.release()
    }
    const int = (name: string, shape: number[], data: readonly number[]) =>
      made.set(name, this.#engine.createBuffer({ dtype: 'int32', shape, data: Int32Array.from(data) }))
    try {
      int('source.ids', [1, S], ids)
      int('source.mask', [1, S], new Array(S).fill(1))
      int('source.positions', [S], [...ids.keys()])
      const fed = Object.fromEntries(made)
      const shape = [1, nHeads, S, dHead]
      for (const name of layerNames(nLayers)) made.set(name, this.#engine.createBuffer({ dtype: 'float32', shape }))
      await this.#run(fed, Object.fromEntries([...made].filter(([name]) => !(name in fed))))
      return { model: this.#decoder.given(Object.fromEntries(made)), release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Frees both graphs; sources must have been released. */
  async release(): Promise<void> {
    await this.#encoder.release()
    await this.#decoder.release()
  }

  async #run(inputs: Record<string, DeviceBuffer>, outputs: Record<string, DeviceBuffer>): Promise<void> {
    const binding = this.#encoder.bind({ ...this.#shared, ...inputs }, outputs)
    try {
      await binding.run()
    } finally {
      binding.release()
    }
  }

  #check(ids: readonly number[]): void {
    const { vocabSize } = this.#architecture.dimensions
    if (ids.length === 0) throw new ConfigError('read: the source is empty, wanted at least its end token')
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize))
    if (bad !== undefined)
      throw new ConfigError(`read: id ${bad} is not in the vocabulary of ${vocabSize}; is it the model's tokenizer?`)
  }
}

/** `source.keys.0`, `source.values.0`, … */
function layerNames(nLayers: number): string[] {
  return Array.from({ length: nLayers }, (_, i) => [`source.keys.${i}`, `source.values.${i}`]).flat()
}

/** A source's ids, mask and positions → each decoder layer's keys and values of it. */
function encodingGraph(architecture: SequenceToSequenceArchitecture): Record<string, Tensor> {
  const states = architecture.encode({
    ids: input('source.ids', 'int32', [1, 'source']),
    mask: input('source.mask', 'int32', [1, 'source']),
    positions: input('source.positions', 'int32', ['source']),
  })
  const layers = architecture.sourceLayers(states)
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, i) => [
      [`source.keys.${i}`, keys],
      [`source.values.${i}`, values],
    ]),
  )
}

/** The decoder alone, with what it looks at as further inputs. */
function decoderOf(architecture: SequenceToSequenceArchitecture): Parameters<typeof CachedModel.create>[1] {
  const { scope, dimensions } = architecture
  const shape = [1, dimensions.nHeads, 'source', dimensions.dHead]
  const layers = Array.from({ length: dimensions.nLayers }, (_, i) => ({
    keys: input(`source.keys.${i}`, 'float32', shape),
    values: input(`source.values.${i}`, 'float32', shape),
  }))
  const mask = input('source.mask', 'int32', [1, 'source'])
  return { scope, dimensions, decode: (given) => architecture.decode(given, { layers, mask }) }
}

import { ConfigError } from '../errors.ts'
import { input } from '../graph/tensor.ts'
import type { MaskedArchitecture } from '../models/masked-architecture.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { parametersIn } from './parameters-in.ts'
import type { WeightSource } from './weight-source.ts'

/** Lengths are rounded up to a multiple of it: each has a graph of its own, and each number of texts. */
const lengthStep = 16

interface Compiled {
  readonly session: Session
  /** The parameters that it reads. */
  readonly names: readonly string[]
}

/** A masked architecture with weights on an engine: says what may stand at places of texts. */
export class MaskedModel {
  readonly vocabSize: number
  readonly contextLength: number
  readonly #engine: Engine
  readonly #architecture: MaskedArchitecture
  readonly #weights: Readonly<Record<string, DeviceBuffer>>
  /** Buffers of {@link MaskedModel.#weights} that are this model's own to free. */
  readonly #owned: readonly DeviceBuffer[]
  readonly #compiled = new Map<string, Compiled>()

  constructor(engine: Engine, architecture: MaskedArchitecture, weights: WeightSource) {
    this.vocabSize = architecture.dimensions.vocabSize
    this.contextLength = architecture.dimensions.contextLength
    this.#engine = engine
    this.#architecture = architecture
    const shared = 'buffers' in weights
    this.#weights = shared
      ? weights.buffers
      : Object.fromEntries(Object.entries(weights.tensors).map(([name, tensor]) => [name, engine.createBuffer(tensor)]))
    this.#owned = shared ? [] : Object.values(this.#weights)
  }

  /**
   * Logits at places of texts of one length, each text all of what the model sees: [places, vocabSize] row-major, a
   * place being text · length + position. Throws {@link ConfigError} for ids outside of the vocabulary and for texts
   * longer than the context.
   */
  async logits(texts: readonly ArrayLike<number>[], places: readonly number[]): Promise<Float32Array> {
    const length = texts[0]!.length
    this.#check(texts, length)
    const T = Math.min(this.contextLength, Math.ceil(length / lengthStep) * lengthStep)
    const B = texts.length
    const { session, names } = await this.#session(B, T)
    const ids = new Int32Array(B * T).fill(this.#pad)
    const mask = new Int32Array(B * T)
    for (const [row, text] of texts.entries()) {
      ids.set(text, row * T)
      mask.fill(1, row * T, row * T + length)
    }
    const at = Int32Array.from(places, (place) => Math.floor(place / length) * T + (place % length))
    return this.#run(session, names, [
      ['ids', [B, T], ids],
      ['mask', [B, T], mask],
      ['places', [at.length], at],
    ])
  }

  /** Frees graphs and weights. */
  async release(): Promise<void> {
    for (const { session } of this.#compiled.values()) await session.release()
    for (const buffer of this.#owned) buffer.release()
  }

  get #pad(): number {
    return Number(this.#architecture.config.pad_token_id ?? 0)
  }

  async #run(
    session: Session,
    names: readonly string[],
    fed: readonly (readonly [string, number[], Int32Array])[],
  ): Promise<Float32Array> {
    const made = fed.map(
      ([name, shape, data]) => [name, this.#engine.createBuffer({ dtype: 'int32', shape, data })] as const,
    )
    const logits = this.#engine.createBuffer({ dtype: 'float32', shape: [fed[2]![1][0]!, this.vocabSize] })
    try {
      const weights = names.map((name) => [name, this.#weights[name]!] as const)
      const binding = session.bind(Object.fromEntries([...weights, ...made]), { logits })
      try {
        await binding.run()
      } finally {
        binding.release()
      }
      return (await logits.read()) as Float32Array
    } finally {
      for (const [, buffer] of made) buffer.release()
      logits.release()
    }
  }

  async #session(B: number, T: number): Promise<Compiled> {
    const key = `${B} × ${T}`
    const known = this.#compiled.get(key)
    if (known) return known
    const logits = this.#architecture.logits({
      ids: input('ids', 'int32', [B, T]),
      mask: input('mask', 'int32', [B, T]),
      places: input('places', 'int32', ['places']),
    })
    const names = parametersIn({ logits }, this.#architecture.scope)
    const program = lower({ logits }, { provider: this.#engine.provider })
    const compiled = { session: await this.#engine.createSession(program.bytes), names }
    this.#compiled.set(key, compiled)
    return compiled
  }

  #check(texts: readonly ArrayLike<number>[], length: number): void {
    if (length > this.contextLength)
      throw new ConfigError(
        `fill: the text has ${length} tokens, the model sees ${this.contextLength}; shorten the prompt`,
      )
    for (const text of texts) {
      const bad = Array.from(text).find((id) => !(id >= 0 && id < this.vocabSize))
      if (bad !== undefined)
        throw new ConfigError(
          `fill: id ${bad} is not in the vocabulary of ${this.vocabSize}; is it the model's tokenizer?`,
        )
    }
  }
}

import { CheckpointError } from '../errors.ts'
import { type HostTensor, sizeOf } from '../graph/dtype.ts'
import { input } from '../graph/tensor.ts'
import type { Gan } from '../models/gan.ts'
import { lower } from '../onnx/lower.ts'
import type { Binding, DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { Lanes } from '../runtime/lanes.ts'

/** What one picture is made from, and where in a batch: the same place gives the same bytes. */
export interface PictureRequest {
  /** float32 [latentSize]. */
  readonly latent: Float32Array
  /** Class index, or token ids + 1 [maxTokens]; absent where pictures are not asked for by anything. */
  readonly condition?: Int32Array
  /** Counts up over the pictures of a call; the place is the rest of its division by the batch. */
  readonly place: number
}

/** Pictures in a batch of this size: fewer where they are larger. */
export function pictureBatch(imageSize: number): number {
  return imageSize <= 32 ? 16 : imageSize <= 64 ? 8 : 4
}

/**
 * A generator with its weights on an engine, which paints batches of a fixed size: rows that nobody asked for are
 * painted from zeros and thrown away, so that a picture depends on its own latent, condition and place alone.
 */
export class PictureSampler {
  readonly batchSize: number
  readonly #gan: Gan
  readonly #session: Session
  readonly #fed: Readonly<Record<string, DeviceBuffer>>
  readonly #pictures: DeviceBuffer
  readonly #binding: Binding
  /** Calls share the buffers: a batch has them to itself until its pixels are taken. */
  readonly #turns = new Lanes(1)

  private constructor(gan: Gan, session: Session, engine: Engine, types: ReturnType<typeof inputsOf>) {
    const { channels, imageSize } = gan.config
    const made: DeviceBuffer[] = []
    const make = (dtype: 'float32' | 'int32', shape: readonly number[]) => {
      const buffer = engine.createBuffer({ dtype, shape })
      made.push(buffer)
      return buffer
    }
    try {
      this.batchSize = pictureBatch(imageSize)
      this.#gan = gan
      this.#session = session
      this.#fed = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, make(...type)]))
      this.#pictures = make('float32', [this.batchSize, channels, imageSize, imageSize])
      this.#binding = session.bind(this.#fed, { pictures: this.#pictures })
    } catch (error) {
      for (const buffer of made) buffer.release()
      throw error
    }
  }

  /** Compiles the generator; with `guided` its graph takes how far to go. Throws EngineError. */
  static async create(
    engine: Engine,
    gan: Gan,
    weights: Readonly<Record<string, HostTensor>>,
    { guided = false }: { readonly guided?: boolean } = {},
  ): Promise<PictureSampler> {
    const types = inputsOf(gan, guided)
    const { latents, condition, guidance } = Object.fromEntries(
      Object.entries(types).map(([name, [dtype, shape]]) => [name, input(name, dtype, shape)]),
    )
    const pictures = gan.generate(latents!, condition, guidance ? { guidance } : {})
    const names = Object.keys(weights)
    const program = lower({ pictures }, { provider: engine.provider, initializers: names })
    const session = await engine.createSession(program.bytes, { initializers: weights })
    try {
      return new PictureSampler(gan, session, engine, types)
    } catch (error) {
      await session.release()
      throw error
    }
  }

  /**
   * Paints pictures in the order of their requests, batch by batch: uint8 [n, channels, S, S]. `onPainted` hears how
   * many are done after each batch. Calls may overlap; their batches take turns. Throws AbortError where `signal` asks to stop.
   */
  async paint(
    requests: readonly PictureRequest[],
    options: {
      readonly guidance?: number
      readonly signal?: AbortSignal
      readonly onPainted?: (done: number) => void
    } = {},
  ): Promise<Uint8Array> {
    const { channels, imageSize } = this.#gan.config
    const each = channels * imageSize * imageSize
    const pixels = new Uint8Array(requests.length * each)
    let done = 0
    for (const batch of batchesOf(requests, this.batchSize)) {
      options.signal?.throwIfAborted()
      await this.#turns.run(async () => {
        const painted = await this.#run(batch, options.guidance ?? 1)
        for (const { place } of batch) {
          const from = (place % this.batchSize) * each
          writePixels(painted.subarray(from, from + each), pixels.subarray(done * each, ++done * each))
        }
      })
      options.onPainted?.(done)
    }
    return pixels
  }

  /** Frees the compiled graph and its buffers. */
  async release(): Promise<void> {
    this.#binding.release()
    await this.#session.release()
    for (const buffer of [...Object.values(this.#fed), this.#pictures]) buffer.release()
  }

  async #run(batch: readonly PictureRequest[], howFar: number): Promise<Float32Array> {
    const { latents, condition, guidance } = this.#fed
    const drawn = new Float32Array(sizeOf(latents!.shape))
    const asked = new Int32Array(condition ? sizeOf(condition.shape) : 0)
    for (const { latent, condition: own, place } of batch) {
      const row = place % this.batchSize
      drawn.set(latent, row * latent.length)
      if (own) asked.set(own, row * own.length)
    }
    await latents!.write(drawn)
    await condition?.write(asked)
    await guidance?.write(Float32Array.of(howFar))
    await this.#binding.run()
    return (this.#pictures.host ?? (await this.#pictures.read())) as Float32Array
  }
}

/** Inputs of the generator's graph, by name. */
function inputsOf({ config }: Gan, guided: boolean) {
  const batch = pictureBatch(config.imageSize)
  const { conditioning } = config
  const condition = {
    none: undefined,
    class: [batch],
    text: [batch, 'maxTokens' in conditioning ? conditioning.maxTokens : 0],
  }
  const shape = condition[conditioning.kind]
  return {
    latents: ['float32', [batch, config.latentSize]],
    ...(shape ? { condition: ['int32', shape] } : {}),
    ...(guided ? { guidance: ['float32', []] } : {}),
  } as Readonly<Record<string, readonly ['float32' | 'int32', readonly number[]]>>
}

/** Requests in order, as many together as have places of their own. */
function batchesOf(requests: readonly PictureRequest[], size: number): PictureRequest[][] {
  const batches: PictureRequest[][] = []
  const taken = new Set<number>()
  for (const request of requests) {
    const row = request.place % size
    if (taken.has(row) || batches.length === 0) {
      batches.push([])
      taken.clear()
    }
    taken.add(row)
    batches.at(-1)!.push(request)
  }
  return batches
}

/** round((x + 1) · 127.5), from 0 to 255: the inverse of how pictures are fed. Throws for what is not a number. */
function writePixels(values: Float32Array, target: Uint8Array): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (Number.isNaN(value))
      throw new CheckpointError('paint: the generator gave NaN; its weights are not usable, take an earlier checkpoint')
    target[i] = Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5)))
  }
}

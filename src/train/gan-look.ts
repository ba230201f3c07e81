import { DivergenceError } from '../errors.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import type { Gan } from '../models/gan.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'

type Buffers = Readonly<Record<string, DeviceBuffer>>

interface Sessions {
  readonly generator: Session
  readonly discriminator: Session
}

/** Both networks compiled to be looked at while they train: a fixed number of pictures, with any weights that are passed. */
export class GanLook {
  readonly #sessions: Sessions
  readonly #fed: Buffers
  readonly #pictures: DeviceBuffer
  readonly #logits: DeviceBuffer

  private constructor(engine: Engine, gan: Gan, sessions: Sessions, count: number) {
    const { channels, imageSize, latentSize } = gan.config
    this.#sessions = sessions
    const shape = conditionShape(gan, count)
    this.#fed = {
      latents: engine.createBuffer({ dtype: 'float32', shape: [count, latentSize] }),
      ...(shape ? { condition: engine.createBuffer({ dtype: 'int32', shape }) } : {}),
    }
    this.#pictures = engine.createBuffer({ dtype: 'float32', shape: [count, channels, imageSize, imageSize] })
    this.#logits = engine.createBuffer({ dtype: 'float32', shape: [count] })
  }

  /** Compiles both for `count` pictures. Throws EngineError; then nothing is left behind. */
  static async create(engine: Engine, gan: Gan, count: number): Promise<GanLook> {
    const { channels, imageSize, latentSize } = gan.config
    const shape = conditionShape(gan, count)
    const condition = shape && input('condition', 'int32', shape)
    const latents = input('latents', 'float32', [count, latentSize])
    const pictures = input('pictures', 'float32', [count, channels, imageSize, imageSize])
    const compile = (outputs: Record<string, Tensor>) =>
      engine.createSession(lower(outputs, { provider: engine.provider }).bytes)
    const generator = await compile({ pictures: gan.generate(latents, condition) })
    const discriminator = await compile({ logits: gan.discriminate(pictures, condition) }).catch(async (error) => {
      await generator.release()
      throw error
    })
    return new GanLook(engine, gan, { generator, discriminator }, count)
  }

  /**
   * Pictures [count, C, S, S] of latents [count, latentSize] by a generator's weights. Throws {@link DivergenceError}
   * where one is not finite.
   */
  async pictures(weights: Buffers, latents: Float32Array, condition?: Int32Array): Promise<Float32Array> {
    await this.#fed.latents!.write(latents)
    const pictures = await this.#run('generator', weights, condition, this.#pictures)
    if (pictures.every(Number.isFinite)) return pictures
    throw new DivergenceError(
      'train: the generator paints what is not finite; lower learningRate in another run; the last checkpoint stands',
    )
  }

  /** The mean logit of pictures [count, C, S, S] by a discriminator's weights. */
  async meanLogit(weights: Buffers, pictures: Float32Array, condition?: Int32Array): Promise<number> {
    await this.#pictures.write(pictures)
    const logits = await this.#run('discriminator', weights, condition, this.#logits)
    return logits.reduce((sum, logit) => sum + logit, 0) / logits.length
  }

  async release(): Promise<void> {
    await this.#sessions.generator.release()
    await this.#sessions.discriminator.release()
    for (const buffer of [...Object.values(this.#fed), this.#pictures, this.#logits]) buffer.release()
  }

  async #run(
    player: 'generator' | 'discriminator',
    weights: Buffers,
    condition: Int32Array | undefined,
    out: DeviceBuffer,
  ) {
    if (condition) await this.#fed.condition?.write(condition)
    const session = this.#sessions[player]
    const known: Buffers = { ...weights, ...this.#fed, pictures: this.#pictures }
    const inputs = session.inputNames.map((name) => [name, known[name]!] as const)
    const binding = session.bind(Object.fromEntries(inputs), { [player === 'generator' ? 'pictures' : 'logits']: out })
    try {
      await binding.run()
      return ((await out.read()) as Float32Array).slice()
    } finally {
      binding.release()
    }
  }
}

function conditionShape({ config: { conditioning } }: Gan, count: number): number[] | undefined {
  if (conditioning.kind === 'none') return undefined
  return conditioning.kind === 'class' ? [count] : [count, conditioning.maxTokens]
}

/** Pictures by their indices, two and two. */
export type Pairs = readonly (readonly [number, number])[]

/**
 * Which of some pictures to compare: all pairs of two different ones (`numbers` are alike where a picture stands twice),
 * with `groups` those within a group, unless they are fewer than half of the pictures.
 */
export function pairsToCompare(numbers: ArrayLike<number>, groups?: ArrayLike<number>): Pairs {
  const pairs: (readonly [number, number])[] = []
  for (let i = 0; i < numbers.length; i++) for (let j = 0; j < i; j++) if (numbers[i] !== numbers[j]) pairs.push([i, j])
  const within = groups ? pairs.filter(([i, j]) => groups[i] === groups[j]) : pairs
  return within.length >= numbers.length / 2 ? within : pairs
}

/**
 * Mean over pairs of the root mean square difference of their values; `pictures` holds `count` pictures, one after the
 * other. NaN where there is no pair.
 */
export function meanPairDistance(pictures: Float32Array, count: number, pairs: Pairs): number {
  const each = pictures.length / count
  const distance = (i: number, j: number) => {
    let sum = 0
    for (let k = 0; k < each; k++) sum += (pictures[i * each + k]! - pictures[j * each + k]!) ** 2
    return Math.sqrt(sum / each)
  }
  return pairs.reduce((sum, [i, j]) => sum + distance(i, j), 0) / pairs.length
}

import type { HostTensor } from '../../graph/dtype.ts'
import { add, mul } from '../../graph/operations/elementwise.ts'
import { resize2d } from '../../graph/operations/resampling.ts'
import { input } from '../../graph/tensor.ts'
import { Inception, inceptionSize, inceptionWidth, readInception } from '../../models/inception.ts'
import { lower } from '../../onnx/lower.ts'
import type { Engine, Session } from '../../runtime/engine.ts'
import type { Pictures } from '../render/canvas.ts'
import { colourPlanes, type FeatureExtractor } from './feature-extractor.ts'
import { type InceptionSource, type InceptionWeights, openInception } from './inception-weights.ts'

/** Pictures looked at together: enough for speed, few enough for memory. */
const batchSize = 8

/**
 * The 2,048 features of InceptionV3's last pooling (Heusel et al. 2017, appendix A1), of pictures enlarged to 299 × 299
 * bilinearly, pixels as squares. Weights: see {@link InceptionSource}.
 */
export class InceptionFeatures implements FeatureExtractor {
  readonly name: string
  readonly width = inceptionWidth
  readonly isSlow = true
  readonly digest: string
  readonly note: string
  readonly #engine: Engine
  readonly #weights: InceptionWeights
  readonly #tensors: Readonly<Record<string, HostTensor>>
  readonly #sessions = new Map<number, Promise<Session>>()

  private constructor(engine: Engine, weights: InceptionWeights, tensors: Readonly<Record<string, HostTensor>>) {
    this.name = weights.name
    this.digest = weights.digest
    this.note = weights.note
    this.#engine = engine
    this.#weights = weights
    this.#tensors = tensors
  }

  /** Throws `DataError` where weights can't be fetched, `CheckpointError` for others than InceptionV3's. */
  static async load(engine: Engine, source: InceptionSource = {}): Promise<InceptionFeatures> {
    const weights = await openInception(source)
    try {
      const { scope } = program(weights, inceptionSize)
      const tensors = await readInception(scope, (name) => weights.reader.read(name))
      return new InceptionFeatures(engine, weights, tensors)
    } finally {
      await weights.reader.close()
    }
  }

  async extract(pictures: Pictures): Promise<Float32Array> {
    const { pixels, channels, imageSize } = pictures
    const perPicture = channels * imageSize ** 2
    const count = pixels.length / perPicture
    const features = new Float32Array(count * this.width)
    const session = await this.#session(imageSize)
    for (let begin = 0; begin < count; begin += batchSize) {
      const end = Math.min(count, begin + batchSize)
      const planes = colourPlanes({ ...pictures, pixels: pixels.subarray(begin * perPicture, end * perPicture) })
      features.set(await this.#run(session, planes, end - begin, imageSize), begin * this.width)
    }
    return features
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session.catch(() => undefined))?.release()
    this.#sessions.clear()
  }

  /** One session a size of pictures: enlarging is part of the graph. */
  #session(size: number): Promise<Session> {
    const held = this.#sessions.get(size)
    if (held) return held
    const { features } = program(this.#weights, size)
    const names = Object.keys(this.#tensors)
    const { bytes } = lower({ features }, { provider: this.#engine.provider, initializers: names })
    const session = this.#engine.createSession(bytes, { initializers: this.#tensors })
    this.#sessions.set(size, session)
    return session
  }

  async #run(session: Session, planes: Float32Array, count: number, size: number): Promise<Float32Array> {
    const pictures = this.#engine.createBuffer({ dtype: 'float32', shape: [count, 3, size, size], data: planes })
    const features = this.#engine.createBuffer({ dtype: 'float32', shape: [count, this.width] })
    try {
      const binding = session.bind({ pictures }, { features })
      await binding.run()
      binding.release()
      return Float32Array.from((await features.read()) as Float32Array)
    } finally {
      pictures.release()
      features.release()
    }
  }
}

/** Pixels 0 to 1 of any size → features, and the network's parameters. */
function program({ variant, scale, shift }: InceptionWeights, size: number) {
  const inception = new Inception(variant)
  const pictures = input('pictures', 'float32', ['batch', 3, size, size])
  const enlarged = resize2d(pictures, [inceptionSize, inceptionSize], 'bilinear')
  const features = inception.features(add(mul(enlarged, scale), shift))
  return { features, scope: inception }
}

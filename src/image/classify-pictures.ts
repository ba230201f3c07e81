import { ConfigError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { input } from '../graph/tensor.ts'
import {
  type ClassifierConfig,
  type ImageClassifier,
  type LoadedClassifier,
  loadClassifier,
} from '../models/image-classifier.ts'
import { modelDigest } from '../models/model-digest.ts'
import { lower } from '../onnx/lower.ts'
import type { Engine, Session } from '../runtime/engine.ts'
import type { FeatureExtractor } from './features/feature-extractor.ts'
import type { Pictures } from './render/canvas.ts'

/** Pictures looked at together. */
const batchSize = 256

/** What a classifier says of n pictures. */
export interface Classified {
  /** int32 [n, attributes]: the likeliest value of each attribute, by its number. */
  readonly values: Int32Array
  /** float32 [n, attributes]: the probability that it gives that value, 0 to 1. */
  readonly confidence: Float32Array
  /** float32 [n, width]. */
  readonly features: Float32Array
}

/** A trained classifier on an engine; also a source of features for metrics. */
export class PictureClassifier implements FeatureExtractor {
  readonly name = 'classifier'
  readonly note = 'a classifier of its own pictures: such scores compare only with those by the same weights'
  readonly width: number
  readonly digest: string
  readonly config: ClassifierConfig
  readonly #engine: Engine
  readonly #session: Session

  private constructor(engine: Engine, session: Session, classifier: ImageClassifier, digest: string) {
    this.#engine = engine
    this.#session = session
    this.config = classifier.config
    this.width = classifier.featureWidth
    this.digest = digest
  }

  /** Compiles weights that are at hand. */
  static async create(
    engine: Engine,
    { classifier, weights }: Pick<LoadedClassifier, 'classifier' | 'weights'>,
    digest: string,
  ): Promise<PictureClassifier> {
    const { imageSize, channels } = classifier.config
    const { features, logits } = classifier.forward(
      input('pictures', 'float32', ['batch', channels, imageSize, imageSize]),
    )
    const outputs = { features, ...Object.fromEntries(logits.map((x, i) => [`logits${i}`, x])) }
    const { bytes } = lower(outputs, { provider: engine.provider, initializers: Object.keys(weights) })
    const session = await engine.createSession(bytes, { initializers: weights as Record<string, HostTensor> })
    return new PictureClassifier(engine, session, classifier, digest)
  }

  /** Reads a folder that `trainClassifier` wrote. Throws `CheckpointError` for one that holds none. */
  static async open(engine: Engine, folder: string): Promise<PictureClassifier> {
    return PictureClassifier.create(engine, await loadClassifier(folder), await modelDigest(folder))
  }

  /** Looks at pictures of the size and colours that it was trained on. Throws {@link ConfigError} for others. */
  async classify(pictures: Pictures): Promise<Classified> {
    const { imageSize, channels, attributes } = this.config
    if (pictures.imageSize !== imageSize || pictures.channels !== channels)
      throw new ConfigError(
        `classify: got pictures of ${pictures.channels} × ${pictures.imageSize}², wanted ${channels} × ${imageSize}²; train a classifier for them`,
      )
    const each = channels * imageSize ** 2
    const n = pictures.pixels.length / each
    const values = new Int32Array(n * attributes.length)
    const confidence = new Float32Array(n * attributes.length)
    const features = new Float32Array(n * this.width)
    for (let begin = 0; begin < n; begin += batchSize) {
      const end = Math.min(n, begin + batchSize)
      const seen = await this.#run(pictures.pixels.subarray(begin * each, end * each), end - begin)
      features.set(seen.features!, begin * this.width)
      for (const [a, { values: names }] of attributes.entries())
        for (let i = begin; i < end; i++) {
          const logits = seen[`logits${a}`]!.subarray((i - begin) * names.length, (i - begin + 1) * names.length)
          const best = logits.indexOf(Math.max(...logits))
          values[i * attributes.length + a] = best
          confidence[i * attributes.length + a] = 1 / logits.reduce((sum, x) => sum + Math.exp(x - logits[best]!), 0)
        }
    }
    return { values, confidence, features }
  }

  async extract(pictures: Pictures): Promise<Float32Array> {
    return (await this.classify(pictures)).features
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  async #run(pixels: Uint8Array, count: number): Promise<Record<string, Float32Array>> {
    const { imageSize, channels, attributes } = this.config
    const data = Float32Array.from(pixels, (value) => value / 127.5 - 1)
    const pictures = this.#engine.createBuffer({
      dtype: 'float32',
      shape: [count, channels, imageSize, imageSize],
      data,
    })
    const buffer = (width: number) => this.#engine.createBuffer({ dtype: 'float32', shape: [count, width] })
    const outputs = {
      features: buffer(this.width),
      ...Object.fromEntries(attributes.map(({ values }, i) => [`logits${i}`, buffer(values.length)])),
    }
    try {
      const binding = this.#session.bind({ pictures }, outputs)
      await binding.run()
      binding.release()
      const read = Object.entries(outputs).map(
        async ([name, x]) => [name, Float32Array.from((await x.read()) as Float32Array)] as const,
      )
      return Object.fromEntries(await Promise.all(read))
    } finally {
      for (const held of [pictures, ...Object.values(outputs)]) held.release()
    }
  }
}

import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { toFloat32 } from '../files/safetensors.ts'
import { openCheckpoint, writeSafetensors } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { add, mul, relu } from '../graph/operations/elementwise.ts'
import { sum } from '../graph/operations/reduce.ts'
import { averagePool2d, pixelUnshuffle } from '../graph/operations/resampling.ts'
import { slice } from '../graph/operations/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Convolution } from '../nn/convolution.ts'
import { LayerNorm, Linear } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { checkFinite } from './weights.ts'

/** Something that can be told of a picture: its class, or one attribute of several. */
export interface Attribute {
  readonly name: string
  /** What it may be, in the order of the numbers that stand for it; two or more. */
  readonly values: readonly string[]
}

/** Sizes of an {@link ImageClassifier}, as its config.json holds them. */
export interface ClassifierConfig {
  /** A power of two from 16. */
  readonly imageSize: number
  readonly channels: 1 | 3 | 4
  /** Channels at 16 × 16; twice as many at 8 × 8, four times at 4 × 4. */
  readonly width: number
  readonly attributes: readonly Attribute[]
}

/** What a classifier sees in pictures. */
export interface ClassifierOutput {
  /** [B, 4 · width]: what the logits are linear in. */
  readonly features: Tensor
  /** Logits of each attribute's values, [B, values], in the order of the attributes. */
  readonly logits: readonly Tensor[]
}

const modelType = 'image-classifier'
const [largestGrid, smallestGrid] = [16, 4]
const epsilon = 1e-5
/** √2 keeps the variance through ReLU (He et al. 2015). */
const gain = Math.SQRT2

/** x + W₂ ⋆ relu(W₁ ⋆ relu(x)), the second kernel zero at first (He et al. 2016; Zhang et al. 2019). */
class Block {
  readonly first: Convolution
  readonly second: Convolution

  constructor(scope: Scope, channels: number) {
    this.first = new Convolution(scope.child('conv1'), channels, channels, { gain, bias: true })
    this.second = new Convolution(scope.child('conv2'), channels, channels, { gain: 0, bias: true })
  }

  forward(x: Tensor): Tensor {
    return add(x, this.second.forward(relu(this.first.forward(relu(x)))))
  }
}

/**
 * A small residual network that tells what a picture shows: pixels are gathered into 16 × 16 places (Shi et al. 2016),
 * a residual block each at 16 × 16, 8 × 8 and 4 × 4, a learned sum over places for each channel, layer norm, and a linear
 * layer for all attributes. Without batch statistics, so that a picture's result is its own.
 */
export class ImageClassifier {
  readonly scope = new Scope()
  readonly config: ClassifierConfig
  readonly #widen: readonly Convolution[]
  readonly #blocks: readonly Block[]
  readonly #places: Tensor
  readonly #norm: LayerNorm
  readonly #head: Linear

  /** Throws {@link ConfigError} for a size that is no power of two from 16, and without attributes. */
  constructor(config: ClassifierConfig) {
    checkConfig(config)
    this.config = config
    const { channels, width, attributes } = config
    const widths = [width, 2 * width, 4 * width]
    const inputs = [channels * this.#patch ** 2, ...widths]
    this.#widen = widths.map((outputs, i) => {
      return new Convolution(this.scope.child('widen').child(i), inputs[i]!, outputs, { bias: true, gain })
    })
    this.#blocks = widths.map((outputs, i) => new Block(this.scope.child('blocks').child(i), outputs))
    const places = [this.featureWidth, smallestGrid, smallestGrid]
    this.#places = this.scope.parameter('places', places, { kind: 'normal', deviation: 1 / smallestGrid })
    this.#norm = new LayerNorm(this.scope.child('norm'), this.featureWidth, epsilon)
    const outputs = attributes.reduce((total, { values }) => total + values.length, 0)
    this.#head = new Linear(this.scope.child('head'), this.featureWidth, outputs, { deviation: 0.01, bias: true })
  }

  /** Elements of a picture's features. */
  get featureWidth(): number {
    return 4 * this.config.width
  }

  /** Side of the square of pixels that becomes one place. */
  get #patch(): number {
    return this.config.imageSize / largestGrid
  }

  /** pictures [B, channels, S, S] in −1 to 1. */
  forward(pictures: Tensor): ClassifierOutput {
    let x = this.#patch === 1 ? pictures : pixelUnshuffle(pictures, this.#patch)
    for (const [i, widen] of this.#widen.entries()) {
      const smaller = i === 0 ? x : averagePool2d(relu(x), { kernel: 2 })
      x = this.#blocks[i]!.forward(widen.forward(smaller))
    }
    const features = this.#norm.forward(sum(mul(relu(x), this.#places), { axes: [2, 3] }))
    const all = this.#head.forward(features)
    let begin = 0
    const logits = this.config.attributes.map(({ values }) => {
      begin += values.length
      return slice(all, 1, begin - values.length, begin)
    })
    return { features, logits }
  }
}

function checkConfig({ imageSize, attributes, width }: ClassifierConfig): void {
  if (!Number.isInteger(Math.log2(imageSize / largestGrid)) || imageSize < largestGrid)
    throw new ConfigError(`classifier: imageSize is ${imageSize}, wanted a power of two from ${largestGrid}`)
  if (!Number.isInteger(width) || width < 1)
    throw new ConfigError(`classifier: width is ${width}, wanted a whole number from 1`)
  const short = attributes.find(({ values }) => values.length < 2)
  if (attributes.length === 0 || short)
    throw new ConfigError(
      `classifier: ${short ? `${short.name} has ${short.values.length} values` : 'there are no attributes'}; wanted two values or more to tell apart`,
    )
}

const configSchema = z.object({
  model_type: z.literal(modelType),
  imageSize: z.number().int().min(largestGrid).max(4096),
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  width: z.number().int().min(1).max(4096),
  attributes: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
})

/** A classifier read from a folder. */
export interface LoadedClassifier {
  readonly classifier: ImageClassifier
  readonly weights: Readonly<Record<string, HostTensor>>
  /** What `model.safetensors` says of itself. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Writes `config.json`, then `model.safetensors`, each atomically. */
export async function saveClassifier(
  folder: string,
  { config }: ImageClassifier,
  weights: Parameters<typeof writeSafetensors>[1],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeJsonFile(join(folder, 'config.json'), { model_type: modelType, ...config })
  await writeSafetensors(join(folder, 'model.safetensors'), weights, {
    float: 'F32',
    metadata: { format: 'pt', ...metadata },
  })
}

/** Reads what {@link saveClassifier} wrote. Throws {@link CheckpointError}, in one line, for what is missing or does not fit. */
export async function loadClassifier(folder: string): Promise<LoadedClassifier> {
  const { model_type: _, ...config } = await readJsonFile(join(folder, 'config.json'), configSchema)
  const classifier = new ImageClassifier(config)
  const reader = await openCheckpoint(folder)
  try {
    const weights: Record<string, HostTensor> = {}
    for (const { name, shape } of classifier.scope.parameters.values()) {
      const tensor = reader.tensors.has(name) ? await reader.read(name) : undefined
      if (tensor?.shape.join() !== shape.join())
        throw new CheckpointError(
          `${folder}: ${name} is ${tensor ? `[${tensor.shape}]` : 'missing'}, config.json wants [${shape}]; do the files belong together?`,
          { name },
        )
      const data = toFloat32(tensor)
      checkFinite(data, name, folder)
      weights[name] = { dtype: 'float32', shape, data }
    }
    return { classifier, weights, metadata: reader.metadata }
  } finally {
    await reader.close()
  }
}

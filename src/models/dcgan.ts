import { conv2d, conv2dTranspose } from '../graph/operations/convolution.ts'
import { leakyRelu, relu, tanh } from '../graph/operations/elementwise.ts'
import { mean } from '../graph/operations/reduce.ts'
import { concat, reshape } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { BatchNorm } from '../nn/batch-norm.ts'
import { Linear } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { ConditionEmbedding } from './condition-embedding.ts'
import type { Gan, GanConfig, GenerateOptions, StatisticUpdates } from './gan.ts'
import { checkGanConfig } from './gan-check.ts'
import { Projection } from './projection.ts'

/** Standard deviation of all initial weights (section 4). */
const deviation = 0.02
const slope = 0.2
/** Kernels of 4 × 4 with stride 2 and padding 1 halve or double a grid exactly. */
const [kernel, strided] = [4, { stride: 2, padding: 1 }] as const
const smallestGrid = 4

/** Channels at grids of 4, 8, … up to half the picture's side: `width` at the last, doubling towards the first. */
function channelsOf({ imageSize, maxWidth }: GanConfig, width: number): number[] {
  const count = Math.log2(imageSize / smallestGrid)
  return Array.from({ length: count }, (_, i) => Math.min(maxWidth, width * 2 ** (count - 1 - i)))
}

/** A kernel of a strided convolution, [outputs, inputs, 4, 4]. */
function kernelOf(scope: Scope, outputs: number, inputs: number): Tensor {
  return scope.parameter('weight', [outputs, inputs, kernel, kernel], { kind: 'normal', deviation })
}

/** Latents → 4 × 4 → … → picture: transposed convolutions, each but the last normalized and rectified; tanh at the end. */
class Generator {
  readonly wishes: ConditionEmbedding
  readonly project: Linear
  readonly norms: readonly BatchNorm[]
  readonly kernels: readonly Tensor[]
  readonly widths: readonly number[]

  constructor(scope: Scope, config: GanConfig) {
    this.widths = channelsOf(config, config.generatorWidth)
    this.wishes = new ConditionEmbedding(scope, config)
    const inputs = config.latentSize + this.wishes.width
    this.project = new Linear(scope.child('project'), inputs, this.widths[0]! * smallestGrid ** 2, { deviation })
    this.norms = this.widths.map((channels, i) => new BatchNorm(scope.child('norms').child(i), channels))
    this.kernels = this.widths.map((channels, i) => {
      return kernelOf(scope.child('up').child(i), channels, this.widths[i + 1] ?? config.channels)
    })
  }

  forward(latents: Tensor, condition: Tensor | undefined, { updates, guidance }: GenerateOptions): Tensor {
    const wish = this.wishes.forward(condition, guidance)
    const grid = this.project.forward(wish ? concat([latents, wish.vector], 1) : latents)
    let x = reshape(grid, [latents.shape[0] as Dim, this.widths[0]!, smallestGrid, smallestGrid])
    for (const [i, weight] of this.kernels.entries()) {
      const side = smallestGrid * 2 ** (i + 1)
      x = conv2dTranspose(this.#active(x, i, updates), weight, [side, side], strided)
    }
    return tanh(x)
  }

  #active(x: Tensor, i: number, updates: StatisticUpdates | undefined): Tensor {
    return relu(this.norms[i]!.forward(x, updates))
  }
}

/** Picture → … → 4 × 4 → logit: strided convolutions with leaky ReLU, each but the first normalized by its batch. */
class Discriminator {
  readonly wishes: ConditionEmbedding
  readonly kernels: readonly Tensor[]
  readonly norms: readonly (BatchNorm | undefined)[]
  readonly realness: Linear
  readonly projection: Projection | undefined

  constructor(scope: Scope, config: GanConfig) {
    const widths = channelsOf(config, config.discriminatorWidth).reverse()
    this.wishes = new ConditionEmbedding(scope, config)
    this.kernels = widths.map((channels, i) => {
      return kernelOf(scope.child('down').child(i), channels, widths[i - 1] ?? config.channels)
    })
    this.norms = widths.map((channels, i) => {
      return i === 0 ? undefined : new BatchNorm(scope.child('norms').child(i), channels, { tracked: false })
    })
    const last = widths.at(-1)!
    this.realness = new Linear(scope.child('realness'), last * smallestGrid ** 2, 1, { deviation, bias: true })
    if (this.wishes.width > 0) this.projection = new Projection(scope.child('fitting'), last, this.wishes.width)
  }

  forward(pictures: Tensor, condition: Tensor | undefined): Tensor {
    const [batch] = pictures.shape as [Dim]
    let x = pictures
    for (const [i, weight] of this.kernels.entries()) {
      const y = conv2d(x, weight, strided)
      x = leakyRelu(this.norms[i]?.forward(y) ?? y, slope)
    }
    const realness = reshape(this.realness.forward(reshape(x, [batch, -1])), [batch])
    const wish = this.wishes.forward(condition)
    if (!wish || !this.projection) return realness
    return this.projection.forward(realness, mean(x, { axes: [2, 3] }), wish.vector)
  }
}

/**
 * DCGAN (Radford et al. 2016): strided convolutions instead of pooling, batch normalization, ReLU in the generator and
 * leaky ReLU in the discriminator, weights from N(0, 0.02), played by the non-saturating game.
 *
 * Classes and words are asked for by concatenation to the latent and projection in the discriminator. Widths are
 * those at half the picture's side; `patch` and `blocks` have no meaning here. The discriminator always normalizes by the batch that it is shown.
 */
export class Dcgan implements Gan {
  readonly config: GanConfig
  readonly generator = new Scope()
  readonly discriminator = new Scope()
  readonly #generator: Generator
  readonly #discriminator: Discriminator

  /** Throws ConfigError for sizes that do not fit together. */
  constructor(config: GanConfig) {
    checkGanConfig({ ...config, patch: 1 }, smallestGrid)
    this.config = config
    this.#generator = new Generator(this.generator.child('generator'), config)
    this.#discriminator = new Discriminator(this.discriminator.child('discriminator'), config)
  }

  generate(latents: Tensor, condition?: Tensor, options: GenerateOptions = {}): Tensor {
    return this.#generator.forward(latents, condition, options)
  }

  discriminate(pictures: Tensor, condition?: Tensor): Tensor {
    return this.#discriminator.forward(pictures, condition)
  }
}

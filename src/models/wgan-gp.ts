import { add, relu, tanh } from '../graph/operations/elementwise.ts'
import { mean } from '../graph/operations/reduce.ts'
import { averagePool2d, repeat2d } from '../graph/operations/resampling.ts'
import { concat, reshape } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { BatchNorm } from '../nn/batch-norm.ts'
import { Convolution } from '../nn/convolution.ts'
import { Linear } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { ConditionEmbedding } from './condition-embedding.ts'
import type { Gan, GanConfig, GenerateOptions, StatisticUpdates } from './gan.ts'
import { checkGanConfig } from './gan-check.ts'
import { Projection } from './projection.ts'

/** √2: keeps the variance through ReLU (He et al. 2015), as the paper's code has it. */
const gain = Math.SQRT2
const smallestGrid = 4
/** Side of the grid where the critic stops halving. */
const criticGrid = 8

/** Channels at grids of 4, 8, … up to the picture's side: `width` at the last, doubling towards the first. */
function channelsOf({ imageSize, maxWidth }: GanConfig, width: number): number[] {
  const count = Math.log2(imageSize / smallestGrid) + 1
  return Array.from({ length: count }, (_, i) => Math.min(maxWidth, width * 2 ** (count - 1 - i)))
}

/** shortcut(up x) + W₂ ⋆ relu(norm(W₁ ⋆ up relu(norm x))), where `up` doubles the grid. */
class UpBlock {
  readonly norms: readonly [BatchNorm, BatchNorm]
  readonly first: Convolution
  readonly second: Convolution
  readonly shortcut: Convolution

  constructor(scope: Scope, inputs: number, outputs: number) {
    this.norms = [new BatchNorm(scope.child('norm1'), inputs), new BatchNorm(scope.child('norm2'), outputs)]
    this.first = new Convolution(scope.child('conv1'), inputs, outputs, { gain })
    this.second = new Convolution(scope.child('conv2'), outputs, outputs, { gain, bias: true })
    this.shortcut = new Convolution(scope.child('shortcut'), inputs, outputs, { kernel: 1 })
  }

  forward(x: Tensor, updates: StatisticUpdates | undefined): Tensor {
    const [before, between] = this.norms
    const y = this.first.forward(repeat2d(relu(before.forward(x, updates)), 2))
    const z = this.second.forward(relu(between.forward(y, updates)))
    return add(repeat2d(this.shortcut.forward(x), 2), z)
  }
}

/** shortcut(x) + W₂ ⋆ relu(W₁ ⋆ relu(x)), without normalization, which would tie pictures of a batch to each other. */
class CriticBlock {
  readonly first: Convolution
  readonly second: Convolution
  readonly shortcut: Convolution | undefined
  readonly down: boolean

  constructor(scope: Scope, inputs: number, outputs: number, down: boolean) {
    this.first = new Convolution(scope.child('conv1'), inputs, outputs, { gain, bias: true })
    this.second = new Convolution(scope.child('conv2'), outputs, outputs, { gain, bias: true })
    if (down) this.shortcut = new Convolution(scope.child('shortcut'), inputs, outputs, { kernel: 1, bias: true })
    this.down = down
  }

  forward(x: Tensor, rectified: Tensor): Tensor {
    const y = this.second.forward(relu(this.first.forward(rectified)))
    // Averaging and a 1 × 1 convolution may change places; this order does the smaller work.
    const halved = (z: Tensor) => (this.down ? averagePool2d(z, { kernel: 2 }) : z)
    return add(this.shortcut?.forward(halved(x)) ?? x, halved(y))
  }
}

class Generator {
  readonly wishes: ConditionEmbedding
  readonly project: Linear
  readonly blocks: readonly UpBlock[]
  readonly norm: BatchNorm
  readonly last: Convolution
  readonly widths: readonly number[]

  constructor(scope: Scope, config: GanConfig) {
    this.widths = channelsOf(config, config.generatorWidth)
    this.wishes = new ConditionEmbedding(scope, config)
    const inputs = config.latentSize + this.wishes.width
    const deviation = 1 / Math.sqrt(inputs)
    this.project = new Linear(scope.child('project'), inputs, this.widths[0]! * smallestGrid ** 2, { deviation })
    this.blocks = this.widths.slice(1).map((channels, i) => {
      return new UpBlock(scope.child('blocks').child(i), this.widths[i]!, channels)
    })
    this.norm = new BatchNorm(scope.child('norm'), this.widths.at(-1)!)
    this.last = new Convolution(scope.child('to_picture'), this.widths.at(-1)!, config.channels, { bias: true })
  }

  forward(latents: Tensor, condition: Tensor | undefined, { updates, guidance }: GenerateOptions): Tensor {
    const wish = this.wishes.forward(condition, guidance)
    const grid = this.project.forward(wish ? concat([latents, wish.vector], 1) : latents)
    let x = reshape(grid, [latents.shape[0] as Dim, this.widths[0]!, smallestGrid, smallestGrid])
    for (const block of this.blocks) x = block.forward(x, updates)
    return tanh(this.last.forward(relu(this.norm.forward(x, updates))))
  }
}

class Critic {
  readonly wishes: ConditionEmbedding
  readonly blocks: readonly CriticBlock[]
  readonly realness: Linear
  readonly projection: Projection | undefined

  constructor(scope: Scope, config: GanConfig) {
    this.wishes = new ConditionEmbedding(scope, config)
    const halvings = Math.max(1, Math.log2(config.imageSize / criticGrid))
    const widths = channelsOf(config, config.discriminatorWidth)
      .reverse()
      .slice(1, halvings + 1)
    const last = widths.at(-1)!
    const plan = [...widths, ...new Array<number>(config.blocks).fill(last)]
    this.blocks = plan.map((channels, i) => {
      const inputs = plan[i - 1] ?? config.channels
      return new CriticBlock(scope.child('blocks').child(i), inputs, channels, i < halvings)
    })
    // Without a bias: the game looks at differences of logits alone.
    this.realness = new Linear(scope.child('realness'), last, 1, { deviation: 1 / Math.sqrt(last) })
    if (this.wishes.width > 0) this.projection = new Projection(scope.child('fitting'), last, this.wishes.width)
  }

  forward(pictures: Tensor, condition: Tensor | undefined): Tensor {
    let x = pictures
    // The picture itself is not rectified: half of its colours would be lost.
    for (const [i, block] of this.blocks.entries()) x = block.forward(x, i === 0 ? x : relu(x))
    const features = mean(relu(x), { axes: [2, 3] })
    const realness = reshape(this.realness.forward(features), [pictures.shape[0] as Dim])
    const wish = this.wishes.forward(condition)
    return wish && this.projection ? this.projection.forward(realness, features, wish.vector) : realness
  }
}

/**
 * The residual networks of WGAN-GP (Gulrajani et al. 2017, appendix F): a generator with batch normalization, a critic
 * without any, played by the Wasserstein game with gradient penalty. Halves to 8 × 8, then `blocks` more residual blocks.
 *
 * Channels grow with every halving, up to `maxWidth`, where the paper has 128 everywhere. Classes and words are asked
 * for by concatenation to the latent and projection in the critic. `patch` has no meaning here.
 */
export class WganGp implements Gan {
  readonly config: GanConfig
  readonly generator = new Scope()
  readonly discriminator = new Scope()
  readonly #generator: Generator
  readonly #critic: Critic

  /** Throws ConfigError for sizes that do not fit together. */
  constructor(config: GanConfig) {
    checkGanConfig({ ...config, patch: 1 }, smallestGrid)
    this.config = config
    this.#generator = new Generator(this.generator.child('generator'), config)
    this.#critic = new Critic(this.discriminator.child('discriminator'), config)
  }

  generate(latents: Tensor, condition?: Tensor, options: GenerateOptions = {}): Tensor {
    return this.#generator.forward(latents, condition, options)
  }

  discriminate(pictures: Tensor, condition?: Tensor): Tensor {
    return this.#critic.forward(pictures, condition)
  }
}

import { conv2d } from '../graph/operations/convolution.ts'
import { add, leakyRelu, mul, tanh } from '../graph/operations/elementwise.ts'
import { averagePool2d, pixelUnshuffle, resize2d } from '../graph/operations/resampling.ts'
import { concat, reshape } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import { Convolution } from '../nn/convolution.ts'
import { CrossAttention } from '../nn/cross-attention.ts'
import { Linear } from '../nn/layers.ts'
import { Scope } from '../nn/parameters.ts'
import { ConditionEmbedding, type Wish } from './condition-embedding.ts'
import type { Gan, GanConfig, GenerateOptions } from './gan.ts'
import { checkGanConfig } from './gan-check.ts'
import { Projection } from './projection.ts'

/** √(2 / (1 + slope²)): keeps the variance through leaky ReLU of slope 0.2 (He et al. 2015). */
const slope = 0.2
const activationGain = Math.sqrt(2 / (1 + slope ** 2))
/** Side of the grid where pictures begin and end. */
const smallestGrid = 4
/** Side of the grid where pictures attend to words. */
const attentionGrid = 8

/** φ(x + b) with a bias a channel. */
class BiasedActivation {
  readonly bias: Tensor

  constructor(scope: Scope, channels: number) {
    this.bias = scope.parameter('bias', [channels], { kind: 'zeros' })
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(add(x, reshape(this.bias, [this.bias.shape[0] as number, 1, 1])), slope)
  }
}

/**
 * x + W₂ ⋆ φ(W₁ ⋆ x + b): two 3 × 3 convolutions, of which the second begins at zero and the first is scaled for
 * `depth` blocks, so that no normalization is needed (Zhang et al. 2019, Fixup).
 */
class ResidualBlock {
  readonly first: Convolution
  readonly activation: BiasedActivation
  readonly second: Convolution

  constructor(scope: Scope, channels: number, depth: number) {
    this.first = new Convolution(scope.child('conv1'), channels, channels, { gain: activationGain * depth ** -0.5 })
    this.activation = new BiasedActivation(scope.child('act'), channels)
    this.second = new Convolution(scope.child('conv2'), channels, channels, { gain: 0 })
  }

  forward(x: Tensor): Tensor {
    return add(x, this.second.forward(this.activation.forward(this.first.forward(x))))
  }
}

/** Sides of the grids from the smallest to imageSize / patch, and the channels at each. */
function stages(config: GanConfig, width: number): { side: number; channels: number }[] {
  const largest = config.imageSize / config.patch
  const count = Math.log2(largest / smallestGrid) + 1
  return Array.from({ length: count }, (_, i) => {
    return { side: smallestGrid * 2 ** i, channels: Math.min(config.maxWidth, width * 2 ** (count - 1 - i)) }
  })
}

/** One grid of a network: residual blocks, and attention to words where the grid is 8 × 8. */
class Stage {
  readonly blocks: readonly ResidualBlock[]
  readonly attention: CrossAttention | undefined

  constructor(scope: Scope, side: number, channels: number, depth: number, config: GanConfig) {
    this.blocks = Array.from({ length: config.blocks }, (_, i) => {
      return new ResidualBlock(scope.child('blocks').child(i), channels, depth)
    })
    if (config.conditioning.kind === 'text' && side === attentionGrid)
      this.attention = new CrossAttention(scope.child('attention'), {
        channels,
        wordWidth: config.conditionWidth,
        width: config.conditionWidth,
        nHeads: 4,
      })
  }

  forward(x: Tensor, wish: Wish | undefined): Tensor {
    const y = this.attention && wish?.text ? add(x, this.attention.forward(x, wish.text)) : x
    return this.blocks.reduce((z, block) => block.forward(z), y)
  }
}

/** Places become pixels: bilinear upsampling and one narrow convolution, the same for every pixel of a place. */
class Finish {
  readonly channels: number
  readonly convolution: Convolution
  readonly activation: BiasedActivation
  readonly #patch: number

  constructor(scope: Scope, channels: number, patch: number) {
    this.#patch = patch
    this.channels = Math.max(8, channels / patch)
    this.convolution = new Convolution(scope.child('conv'), channels, this.channels, { gain: activationGain })
    this.activation = new BiasedActivation(scope.child('act'), this.channels)
  }

  forward(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(-2) as [number, number]
    const wide = resize2d(x, [height * this.#patch, width * this.#patch], 'bilinear')
    return this.activation.forward(this.convolution.forward(wide))
  }
}

/** latents and a wish → a picture: a learned 4 × 4 basis, blocks, bilinear upsampling between grids, tanh. */
class Generator {
  readonly wishes: ConditionEmbedding
  readonly basis: Tensor
  readonly project: Linear
  readonly stages: readonly Stage[]
  readonly widen: readonly (Convolution | undefined)[]
  readonly finish: Finish | undefined
  readonly last: Convolution

  constructor(scope: Scope, config: GanConfig) {
    const plan = stages(config, config.generatorWidth)
    const depth = plan.length * config.blocks
    const width = plan[0]!.channels
    this.wishes = new ConditionEmbedding(scope, config)
    const inputs = config.latentSize + this.wishes.width
    const shape = [width, smallestGrid, smallestGrid]
    this.basis = scope.parameter('basis', shape, { kind: 'normal', deviation: 1 })
    this.project = new Linear(scope.child('project'), inputs, width, { deviation: 1 / Math.sqrt(inputs) })
    this.stages = plan.map(({ side, channels }, i) => {
      return new Stage(scope.child('stages').child(i), side, channels, depth, config)
    })
    this.widen = plan.map(({ channels }, i) => transition(scope.child('up').child(i), plan[i - 1]?.channels, channels))
    const { channels } = plan.at(-1)!
    if (config.patch > 1) this.finish = new Finish(scope.child('finish'), channels, config.patch)
    this.last = new Convolution(scope.child('to_picture'), this.finish?.channels ?? channels, config.channels, {
      bias: true,
    })
  }

  forward(latents: Tensor, condition: Tensor | undefined, guidance: Tensor | undefined): Tensor {
    const wish = this.wishes.forward(condition, guidance)
    const [batch] = latents.shape as [Dim]
    const inputs = wish ? concat([latents, wish.vector], 1) : latents
    const scale = this.project.forward(inputs)
    let x = mul(reshape(scale, [batch, this.basis.shape[0] as Dim, 1, 1]), this.basis)
    for (const [i, stage] of this.stages.entries()) {
      if (i > 0) {
        const [height, width] = x.shape.slice(-2) as [number, number]
        const wide = resize2d(x, [height * 2, width * 2], 'bilinear')
        x = this.widen[i]?.forward(wide) ?? wide
      }
      x = stage.forward(x, wish)
    }
    return tanh(this.last.forward(this.finish?.forward(x) ?? x))
  }
}

/** A 1 × 1 convolution where the number of channels changes. */
function transition(scope: Scope, from: number | undefined, to: number): Convolution | undefined {
  return from === undefined || from === to ? undefined : new Convolution(scope, from, to, { kernel: 1 })
}

/** A picture and a wish → a logit: blocks, averaging between grids, a learned 4 × 4 basis, and how it fits the wish. */
class Discriminator {
  readonly wishes: ConditionEmbedding
  readonly first: Convolution
  readonly stages: readonly Stage[]
  readonly narrow: readonly (Convolution | undefined)[]
  readonly basis: Tensor
  readonly realness: Linear
  readonly projection: Projection | undefined
  readonly #config: GanConfig

  constructor(scope: Scope, config: GanConfig) {
    this.#config = config
    const plan = stages(config, config.discriminatorWidth).reverse()
    const depth = plan.length * config.blocks
    const width = plan.at(-1)!.channels
    this.wishes = new ConditionEmbedding(scope, config)
    const planes = config.channels * config.patch ** 2
    this.first = new Convolution(scope.child('from_picture'), planes, plan[0]!.channels, {
      kernel: config.patch === 1 ? 1 : 3,
    })
    this.stages = plan.map(({ side, channels }, i) => {
      return new Stage(scope.child('stages').child(i), side, channels, depth, config)
    })
    this.narrow = plan.map(({ channels }, i) => {
      return transition(scope.child('down').child(i), channels, plan[i + 1]?.channels ?? channels)
    })
    const fan = { kind: 'normal', deviation: 1 / smallestGrid } as const
    this.basis = scope.parameter('basis', [width, 1, smallestGrid, smallestGrid], fan)
    this.realness = new Linear(scope.child('realness'), width, 1, { deviation: 1 / Math.sqrt(width) })
    if (this.wishes.width > 0) this.projection = new Projection(scope.child('fitting'), width, this.wishes.width)
  }

  forward(pictures: Tensor, condition: Tensor | undefined): Tensor {
    const wish = this.wishes.forward(condition)
    const { patch } = this.#config
    let x = this.first.forward(patch === 1 ? pictures : pixelUnshuffle(pictures, patch))
    for (const [i, stage] of this.stages.entries()) {
      x = stage.forward(x, wish)
      if (i === this.stages.length - 1) break
      const small = averagePool2d(x, { kernel: 2 })
      x = this.narrow[i]?.forward(small) ?? small
    }
    const [batch, width] = x.shape as [Dim, number]
    const features = reshape(conv2d(x, this.basis, { groups: width }), [batch, width])
    const realness = reshape(this.realness.forward(features), [batch])
    return wish && this.projection ? this.projection.forward(realness, features, wish.vector) : realness
  }
}

/**
 * R3GAN (Huang et al. 2024): residual networks without normalization or style, trained by a relativistic loss with R1
 * and R2 penalties (`losses/adversarial.ts`).
 *
 * Departs from the paper: a block is two dense 3 × 3 convolutions, for a processor runs them at several times the rate of
 * the paper's grouped ones (bench/convolution.ts); upsampling is plain bilinear; pictures end in tanh, so that white and black grounds come out
 * flat; with `patch` above 1 the largest grid is imageSize / patch, which is several times faster: the discriminator takes
 * pixels by unshuffling, the generator gives them by upsampling and two narrow convolutions; classes and words are asked for
 * by concatenation to the latent, projection in the discriminator, and, for words, cross-attention in both at 8 × 8.
 */
export class R3gan implements Gan {
  readonly config: GanConfig
  readonly generator = new Scope()
  readonly discriminator = new Scope()
  readonly #generator: Generator
  readonly #discriminator: Discriminator

  /** Throws {@link ConfigError} for sizes that do not fit together. */
  constructor(config: GanConfig) {
    checkGanConfig(config, smallestGrid)
    this.config = config
    this.#generator = new Generator(this.generator.child('generator'), config)
    this.#discriminator = new Discriminator(this.discriminator.child('discriminator'), config)
  }

  generate(latents: Tensor, condition?: Tensor, { guidance }: GenerateOptions = {}): Tensor {
    return this.#generator.forward(latents, condition, guidance)
  }

  discriminate(pictures: Tensor, condition?: Tensor): Tensor {
    return this.#discriminator.forward(pictures, condition)
  }
}

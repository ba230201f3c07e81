import { leakyRelu, tanh } from '../../src/graph/operations/elementwise.ts'
import { averagePool2d, repeat2d } from '../../src/graph/operations/resampling.ts'
import { reshape } from '../../src/graph/operations/shape.ts'
import type { Tensor } from '../../src/graph/tensor.ts'
import type { Gan, GanConfig } from '../../src/models/gan.ts'
import { Convolution } from '../../src/nn/convolution.ts'
import { Linear } from '../../src/nn/layers.ts'
import { Scope } from '../../src/nn/parameters.ts'

/** The networks of `torch_peers.py gan`, 3 × 32 × 32, with `width` channels at 4 × 4. */
export class PeerGan implements Gan {
  readonly config: GanConfig
  readonly generator = new Scope('generator')
  readonly discriminator = new Scope('discriminator')
  readonly #first: Linear
  readonly #up: readonly Convolution[]
  readonly #toPicture: Convolution
  readonly #down: readonly Convolution[]
  readonly #last: Linear

  constructor(width: number) {
    const [half, quarter] = [width / 2, width / 4]
    this.config = {
      imageSize: 32,
      channels: 3,
      patch: 1,
      latentSize: 128,
      generatorWidth: quarter,
      discriminatorWidth: quarter,
      maxWidth: width,
      blocks: 1,
      conditionWidth: 1,
      textLayers: 0,
      conditioning: { kind: 'none' },
    }
    const [g, d] = [this.generator, this.discriminator]
    this.#first = new Linear(g.child('first'), 128, width * 16, { deviation: 0.05, bias: true })
    this.#up = layers(g, [width, half, quarter, quarter])
    this.#toPicture = new Convolution(g.child('last'), quarter, 3, { bias: true })
    this.#down = layers(d, [3, quarter, half, width])
    this.#last = new Linear(d.child('last'), width * 16, 1, { deviation: 0.05, bias: true })
  }

  generate(latents: Tensor): Tensor {
    const [batch] = latents.shape
    let x = reshape(this.#first.forward(latents), [batch!, this.config.maxWidth, 4, 4])
    for (const layer of this.#up) x = leakyRelu(layer.forward(repeat2d(x, 2)), 0.2)
    return tanh(this.#toPicture.forward(x))
  }

  discriminate(pictures: Tensor): Tensor {
    const [batch] = pictures.shape
    let x = pictures
    for (const layer of this.#down) x = averagePool2d(leakyRelu(layer.forward(x), 0.2), { kernel: 2 })
    return reshape(this.#last.forward(reshape(x, [batch!, -1])), [batch!])
  }
}

function layers(scope: Scope, widths: readonly number[]): Convolution[] {
  return widths.slice(1).map((outputs, i) => {
    return new Convolution(scope.child('convolutions').child(i), widths[i]!, outputs, { gain: 0.6, bias: true })
  })
}

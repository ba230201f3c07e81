import { CheckpointError } from '../errors.ts'
import { toFloat32 } from '../files/safetensors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { conv2d, type Pair } from '../graph/operations/convolution.ts'
import { relu } from '../graph/operations/elementwise.ts'
import { mean } from '../graph/operations/reduce.ts'
import { averagePool2d, maxPool2d } from '../graph/operations/resampling.ts'
import { concat } from '../graph/operations/shape.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { Scope } from '../nn/parameters.ts'

/** What sets of published weights differ in. */
export interface InceptionVariant {
  /** Whether the blocks' average pools count the zeros around a picture. */
  readonly countPadding: boolean
  /** What the last block pools by. */
  readonly lastPool: 'average' | 'max'
}

/** The side of the pictures that Inception looks at, in pixels, and how many features it gives. */
export const inceptionSize = 299
export const inceptionWidth = 2048

/** Of batch normalization in every published set of weights. */
const epsilon = 1e-3

/**
 * InceptionV3 up to its last pooling (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
 * CVPR 2016), for inference: batch normalization is folded into the convolutions, so that each is
 * y = max(0, x ⋆ W + b). Names are torchvision's, with `.weight` and `.bias` for the folded pair.
 *
 * Variants: torchvision counts the padding; Keras does not; the FID Inception (2015-12-05) does not, and its last block
 * pools by the maximum.
 */
export class Inception {
  readonly scope = new Scope()
  readonly #variant: InceptionVariant

  constructor(variant: InceptionVariant) {
    this.#variant = variant
  }

  /** The names of its convolutions, in the order in which they are made: Keras' and torchvision's order too. */
  static units(): string[] {
    const inception = new Inception({ countPadding: false, lastPool: 'average' })
    inception.features(input('pictures', 'float32', ['batch', 3, inceptionSize, inceptionSize]))
    const names = [...inception.scope.parameters.keys()].filter((name) => name.endsWith('.weight'))
    return names.map((name) => name.slice(0, -'.weight'.length))
  }

  /** Pictures [B, 3, 299, 299], in the range that the weights were trained on → features [B, 2048]. Call it once. */
  features(pictures: Tensor): Tensor {
    let x = this.#stem(pictures)
    for (const [name, pooled] of [
      ['5b', 32],
      ['5c', 64],
      ['5d', 64],
    ] as const)
      x = this.#blockA(`Mixed_${name}`, x, pooled)
    x = this.#reductionB('Mixed_6a', x)
    for (const [name, width] of [
      ['6b', 128],
      ['6c', 160],
      ['6d', 160],
      ['6e', 192],
    ] as const)
      x = this.#blockC(`Mixed_${name}`, x, width)
    x = this.#reductionD('Mixed_7a', x)
    x = this.#blockE('Mixed_7b', x, 'average')
    x = this.#blockE('Mixed_7c', x, this.#variant.lastPool)
    return mean(x, { axes: [2, 3] })
  }

  /** [B, 3, 299, 299] → [B, 192, 35, 35]. */
  #stem(x: Tensor): Tensor {
    let y = this.#unit('Conv2d_1a_3x3', x, 32, 3, { stride: 2 })
    y = this.#unit('Conv2d_2a_3x3', y, 32, 3)
    y = maxPool2d(this.#unit('Conv2d_2b_3x3', y, 64, 3, { isPadded: true }), { kernel: 3, stride: 2 })
    y = this.#unit('Conv2d_3b_1x1', y, 80, 1)
    return maxPool2d(this.#unit('Conv2d_4a_3x3', y, 192, 3), { kernel: 3, stride: 2 })
  }

  /** [B, C, 35, 35] → [B, 224 + pooled, 35, 35]. */
  #blockA(name: string, x: Tensor, pooled: number): Tensor {
    const one = this.#unit(`${name}.branch1x1`, x, 64, 1)
    const five = this.#chain(`${name}.branch5x5_`, x, [
      ['1', 48, 1],
      ['2', 64, 5],
    ])
    const three = this.#chain(`${name}.branch3x3dbl_`, x, [
      ['1', 64, 1],
      ['2', 96, 3],
      ['3', 96, 3],
    ])
    return concat([one, five, three, this.#pooled(name, x, pooled, 'average')], 1)
  }

  /** [B, 288, 35, 35] → [B, 768, 17, 17]. */
  #reductionB(name: string, x: Tensor): Tensor {
    const three = this.#unit(`${name}.branch3x3`, x, 384, 3, { stride: 2 })
    const double = this.#chain(`${name}.branch3x3dbl_`, x, [
      ['1', 64, 1],
      ['2', 96, 3],
    ])
    const reduced = this.#unit(`${name}.branch3x3dbl_3`, double, 96, 3, { stride: 2 })
    return concat([three, reduced, maxPool2d(x, { kernel: 3, stride: 2 })], 1)
  }

  /** [B, 768, 17, 17] → the same. */
  #blockC(name: string, x: Tensor, width: number): Tensor {
    const one = this.#unit(`${name}.branch1x1`, x, 192, 1)
    const seven = this.#chain(`${name}.branch7x7_`, x, [
      ['1', width, 1],
      ['2', width, [1, 7]],
      ['3', 192, [7, 1]],
    ])
    const double = this.#chain(`${name}.branch7x7dbl_`, x, [
      ['1', width, 1],
      ['2', width, [7, 1]],
      ['3', width, [1, 7]],
      ['4', width, [7, 1]],
      ['5', 192, [1, 7]],
    ])
    return concat([one, seven, double, this.#pooled(name, x, 192, 'average')], 1)
  }

  /** [B, 768, 17, 17] → [B, 1280, 8, 8]. */
  #reductionD(name: string, x: Tensor): Tensor {
    const three = this.#unit(`${name}.branch3x3_1`, x, 192, 1)
    const reduced = this.#unit(`${name}.branch3x3_2`, three, 320, 3, { stride: 2 })
    const seven = this.#chain(`${name}.branch7x7x3_`, x, [
      ['1', 192, 1],
      ['2', 192, [1, 7]],
      ['3', 192, [7, 1]],
    ])
    const both = this.#unit(`${name}.branch7x7x3_4`, seven, 192, 3, { stride: 2 })
    return concat([reduced, both, maxPool2d(x, { kernel: 3, stride: 2 })], 1)
  }

  /** [B, C, 8, 8] → [B, 2048, 8, 8]. */
  #blockE(name: string, x: Tensor, pool: InceptionVariant['lastPool']): Tensor {
    const one = this.#unit(`${name}.branch1x1`, x, 320, 1)
    const three = this.#forked(`${name}.branch3x3_2`, this.#unit(`${name}.branch3x3_1`, x, 384, 1))
    const double = this.#chain(`${name}.branch3x3dbl_`, x, [
      ['1', 448, 1],
      ['2', 384, 3],
    ])
    const both = this.#forked(`${name}.branch3x3dbl_3`, double)
    return concat([one, three, both, this.#pooled(name, x, 192, pool)], 1)
  }

  /** A row and a column side by side: [B, C, 8, 8] → [B, 768, 8, 8]. */
  #forked(name: string, x: Tensor): Tensor {
    const row = this.#unit(`${name}a`, x, 384, [1, 3], { isPadded: true })
    return concat([row, this.#unit(`${name}b`, x, 384, [3, 1], { isPadded: true })], 1)
  }

  #pooled(name: string, x: Tensor, width: number, pool: InceptionVariant['lastPool']): Tensor {
    const window = { kernel: 3, stride: 1, padding: 1 }
    const around =
      pool === 'max' ? maxPool2d(x, window) : averagePool2d(x, { ...window, countPadding: this.#variant.countPadding })
    return this.#unit(`${name}.branch_pool`, around, width, 1)
  }

  /** Units one after another that keep height and width: [last part of the name, channels, kernel]. */
  #chain(name: string, x: Tensor, units: readonly (readonly [string, number, number | Pair])[]): Tensor {
    return units.reduce((y, [part, width, kernel]) => this.#unit(name + part, y, width, kernel, { isPadded: true }), x)
  }

  #unit(
    name: string,
    x: Tensor,
    width: number,
    kernel: number | Pair,
    { stride = 1, isPadded = false }: { stride?: number; isPadded?: boolean } = {},
  ): Tensor {
    const [down, across] = typeof kernel === 'number' ? [kernel, kernel] : kernel
    const layer = this.scope.child(name)
    const weight = layer.parameter('weight', [width, x.shape[1] as number, down, across], { kind: 'zeros' })
    const bias = layer.parameter('bias', [width], { kind: 'zeros' })
    const [y, z] = isPadded ? [(down - 1) / 2, (across - 1) / 2] : [0, 0]
    return relu(conv2d(x, weight, { stride, padding: [y, z, y, z] }, bias))
  }
}

/** A convolution without bias and the batch normalization after it. */
export interface NormalizedConvolution {
  /** [O, I, kh, kw]. */
  readonly kernel: HostTensor
  readonly mean: Float32Array
  readonly variance: Float32Array
  /** Where there is none, 1. */
  readonly scale?: Float32Array | undefined
  readonly shift: Float32Array
}

/** The convolution with bias that computes the same: W · g and b − μ · g, g = scale / √(σ² + ε), in float64. */
export function foldNormalization(unit: NormalizedConvolution): { weight: HostTensor; bias: HostTensor } {
  const { kernel, mean, variance, scale, shift } = unit
  const outputs = kernel.shape[0] as number
  const factor = Float64Array.from({ length: outputs }, (_, o) => (scale?.[o] ?? 1) / Math.sqrt(variance[o]! + epsilon))
  const values = toFloat32(kernel)
  const inner = values.length / outputs
  const data = new Float32Array(values.length)
  for (let i = 0; i < data.length; i++) data[i] = values[i]! * factor[Math.floor(i / inner)]!
  const bias = Float32Array.from(factor, (g, o) => shift[o]! - mean[o]! * g)
  return {
    weight: { dtype: 'float32', shape: kernel.shape, data },
    bias: { dtype: 'float32', shape: [outputs], data: bias },
  }
}

/**
 * Weights of {@link Inception} by its names, from a reader of torchvision's or pytorch-fid's (`….conv.weight`, `….bn.…`).
 * Throws {@link CheckpointError} for a tensor of another shape, as the reader does for one that lacks.
 */
export async function readInception(
  { scope }: Inception,
  read: (name: string) => Promise<HostTensor>,
): Promise<Record<string, HostTensor>> {
  const weights: Record<string, HostTensor> = {}
  const vector = async (name: string) => toFloat32(await read(name))
  for (const { name, shape } of scope.parameters.values()) {
    if (!name.endsWith('.weight')) continue
    const unit = name.slice(0, -'.weight'.length)
    const kernel = await read(`${unit}.conv.weight`)
    if (kernel.shape.join() !== shape.join())
      throw new CheckpointError(`inception: ${unit} is [${kernel.shape}], wanted [${shape}]; is it InceptionV3?`, {
        unit,
      })
    const folded = foldNormalization({
      kernel,
      mean: await vector(`${unit}.bn.running_mean`),
      variance: await vector(`${unit}.bn.running_var`),
      scale: await vector(`${unit}.bn.weight`),
      shift: await vector(`${unit}.bn.bias`),
    })
    weights[name] = folded.weight
    weights[`${unit}.bias`] = folded.bias
  }
  return weights
}

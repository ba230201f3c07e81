import { type Convolution2dOptions, conv2d } from '../graph/operations/convolution.ts'
import { add, div, mul, sqrt } from '../graph/operations/elementwise.ts'
import { matmul } from '../graph/operations/matmul.ts'
import { sum } from '../graph/operations/reduce.ts'
import { reshape } from '../graph/operations/shape.ts'
import type { Dim, Tensor } from '../graph/tensor.ts'
import type { Scope } from './parameters.ts'

/** How a {@link Convolution} is made. */
export interface ConvolutionOptions {
  /** Side of the kernel; 3 by default. Padding keeps the size where the stride is 1. */
  readonly kernel?: number
  readonly stride?: number
  readonly groups?: number
  /** Deviation of the initial weights is gain / √(inputs · kernel² / groups); 1 by default, 0 begins with zeros. */
  readonly gain?: number
  /** A bias a channel, zeros at first; false by default. */
  readonly bias?: boolean
}

/** y = x ⋆ W + b over pictures, with W [out, in / groups, k, k]. */
export class Convolution {
  /** [out, in / groups, k, k]. */
  readonly weight: Tensor
  /** [out], where the layer has one. */
  readonly bias: Tensor | undefined
  readonly options: Convolution2dOptions

  constructor(scope: Scope, inputs: number, outputs: number, options: ConvolutionOptions = {}) {
    const { kernel = 3, stride = 1, groups = 1, gain = 1, bias = false } = options
    const shape = [outputs, inputs / groups, kernel, kernel]
    const deviation = gain / Math.sqrt((inputs / groups) * kernel ** 2)
    this.weight = scope.parameter('weight', shape, gain === 0 ? { kind: 'zeros' } : { kind: 'normal', deviation })
    this.bias = bias ? scope.parameter('bias', [outputs], { kind: 'zeros' }) : undefined
    this.options = { stride, groups, padding: Math.floor(kernel / 2) }
  }

  /** [B, in, H, W] → [B, out, H / stride, W / stride]. */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.options, this.bias)
  }
}

/**
 * A convolution whose kernel is scaled picture by picture (Karras et al. 2020, StyleGAN2, §2.2, equations 1 and 3):
 * w′ = style_i · w, then w″ = w′ / √(Σ w′² + ε) where `demodulate`. Scaling inputs and outputs instead of kernels
 * computes the same with one kernel for the whole batch.
 *
 * x [B, I, H, W], weight [O, I, k, k], style [B, I] → [B, O, H, W].
 */
export function modulatedConv2d(x: Tensor, weight: Tensor, style: Tensor, demodulate = true, epsilon = 1e-8): Tensor {
  const [batch] = x.shape as [Dim]
  const [outputs, inputs, kernel] = weight.shape as [number, number, number]
  const scaled = mul(x, reshape(style, [batch, inputs, 1, 1]))
  const y = conv2d(scaled, weight, { padding: Math.floor(kernel / 2) })
  if (!demodulate) return y
  const energy = sum(mul(weight, weight), { axes: [2, 3] })
  const norm = sqrt(add(matmul(mul(style, style), energy, { transposeB: true }), epsilon))
  return div(y, reshape(norm, [batch, outputs, 1, 1]))
}

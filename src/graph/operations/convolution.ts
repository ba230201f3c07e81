import { ShapeError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { floats, requireRank, requireSameDtype } from '../shape-rules.ts'
import { applyOne, type Dim, formatShape, staticShape, type Tensor, type TensorType } from '../tensor.ts'
import { lowerConvolution, lowerInputGradient, lowerWeightGradient } from './convolution-lowering.ts'
import { sum } from './reduce.ts'

/** Sizes along height and width. */
export type Pair = readonly [number, number]
/** Zeros around a picture: top, left, bottom, right. */
export type Padding = readonly [number, number, number, number]

/** How a kernel moves over a picture. */
export interface Convolution2dAttributes {
  readonly stride: Pair
  readonly padding: Padding
  readonly dilation: Pair
  /** Channels are cut into so many groups that do not see each other. */
  readonly groups: number
}

/** The gradients of a convolution must be told what cannot be seen from their inputs: a height and a width. */
export interface SizedAttributes extends Convolution2dAttributes {
  readonly size: Pair
}

/**
 * Three operations that are closed under differentiation, for each is linear in both of its inputs:
 * y = x ⋆ w, its gradient by x, and its gradient by w; the gradients of each are the other two.
 *
 * x [B, I, H, W], w [O, I / groups, kh, kw], y [B, O, H′, W′] with H′ = ⌊(H + top + bottom − dilation·(kh − 1) − 1) / stride⌋ + 1.
 */
const conv2dRow: Operation<Convolution2dAttributes> = {
  name: 'conv2d',
  infer: ([x, w, bias], attributes) => {
    const [batch, channels, ...from] = requireRank('conv2d', 'the picture', x!, 4)
    const [outputs, , ...kernel] = staticShape('conv2d', requireRank('conv2d', 'the kernel', w!, 4))
    checkChannels('conv2d', channels as Dim, w!, attributes.groups)
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
      throw new ShapeError(`conv2d: the bias must be [${outputs}], got ${formatShape(bias.shape)}`)
    const size = outputSize(staticShape('conv2d', from), kernel, attributes)
    const dtype = requireSameDtype('conv2d', [x!, w!, ...(bias ? [bias] : [])], floats)
    return [{ dtype, shape: [batch as Dim, outputs as Dim, ...size] }]
  },
  gradient: ({ inputs: [x, w, bias], attributes }, [g]) => [
    convolutionInputGradient(g!, w!, spatial(x!), attributes),
    convolutionWeightGradient(x!, g!, spatial(w!), attributes),
    ...(bias ? [sum(g!, { axes: [0, 2, 3] })] : []),
  ],
  lower: lowerConvolution,
}

/** Σ over outputs and places of g · w: g [B, O, H′, W′], w [O, I / groups, kh, kw] → [B, I, H, W] with [H, W] = `size`. */
const inputGradientRow: Operation<SizedAttributes> = {
  name: 'conv2dInputGradient',
  infer: ([g, w], attributes) => {
    const [batch, channels] = requireRank('conv2dInputGradient', 'the gradient', g!, 4)
    const shapeOfW = staticShape('conv2dInputGradient', requireRank('conv2dInputGradient', 'the kernel', w!, 4))
    const [outputs, perGroup, ...kernel] = shapeOfW
    if (channels !== outputs || outputs! % attributes.groups !== 0)
      throw new ShapeError(
        `conv2dInputGradient: got ${channels} channels and a kernel ${formatShape(shapeOfW)} in ${attributes.groups} ` +
          'groups, wanted [channels, I / groups, kh, kw] with channels a multiple of groups; check the kernel',
      )
    checkSize('conv2dInputGradient', g!, attributes.size, kernel, attributes)
    const shape = [batch as Dim, perGroup! * attributes.groups, ...attributes.size]
    return [{ dtype: requireSameDtype('conv2dInputGradient', [g!, w!], floats), shape }]
  },
  gradient: ({ inputs: [g, w], attributes }, [c]) => [
    applyOne(conv2dRow, [c!, w!], attributes),
    convolutionWeightGradient(c!, g!, spatial(w!), attributes),
  ],
  lower: lowerInputGradient,
}

/** Σ over pictures and places of x · g: x [B, I, H, W], g [B, O, H′, W′] → [O, I / groups, kh, kw] with [kh, kw] = `size`. */
const weightGradientRow: Operation<SizedAttributes> = {
  name: 'conv2dWeightGradient',
  infer: ([x, g], attributes) => {
    const known = (what: string, type: TensorType) =>
      staticShape('conv2dWeightGradient', requireRank('conv2dWeightGradient', what, type, 4))
    const [batch, channels, ...from] = known('the picture', x!)
    const [gradients, outputs] = known('the gradient', g!)
    if (batch !== gradients)
      throw new ShapeError(`conv2dWeightGradient: got ${batch} pictures and ${gradients} gradients; make them as many`)
    checkSize('conv2dWeightGradient', g!, from, attributes.size, attributes)
    const shape = [outputs!, channels! / attributes.groups, ...attributes.size]
    return [{ dtype: requireSameDtype('conv2dWeightGradient', [x!, g!], floats), shape }]
  },
  gradient: ({ inputs: [x, g], attributes }, [c]) => [
    convolutionInputGradient(g!, c!, spatial(x!), attributes),
    applyOne(conv2dRow, [x!, c!], attributes),
  ],
  lower: lowerWeightGradient,
}

function spatial(x: Tensor): Pair {
  return staticShape('conv2d', x.shape.slice(-2)) as unknown as Pair
}

function convolutionInputGradient(g: Tensor, w: Tensor, size: Pair, attributes: Convolution2dAttributes): Tensor {
  return applyOne(inputGradientRow, [g, w], { ...attributes, size })
}

function convolutionWeightGradient(x: Tensor, g: Tensor, size: Pair, attributes: Convolution2dAttributes): Tensor {
  return applyOne(weightGradientRow, [x, g], { ...attributes, size })
}

function checkChannels(operation: string, channels: Dim, w: TensorType, groups: number): void {
  const [outputs, perGroup] = w.shape as [number, number]
  if (channels === perGroup * groups && outputs % groups === 0) return
  throw new ShapeError(
    `${operation}: got ${channels} channels and a kernel ${formatShape(w.shape)} in ${groups} groups, wanted ` +
      '[O, channels / groups, kh, kw] with O a multiple of groups; check the kernel',
  )
}

function checkSize(
  operation: string,
  g: TensorType,
  from: readonly number[],
  kernel: readonly number[],
  attributes: Convolution2dAttributes,
): void {
  const wanted = outputSize(from, kernel, attributes)
  if (g.shape[2] === wanted[0] && g.shape[3] === wanted[1]) return
  throw new ShapeError(`${operation}: got a gradient ${formatShape(g.shape)}, wanted [B, O, ${wanted.join(', ')}]`)
}

/** [H′, W′]. Throws {@link ShapeError} where the kernel does not fit. */
export function outputSize(
  from: readonly number[],
  kernel: readonly number[],
  { stride, padding, dilation }: Convolution2dAttributes,
): [number, number] {
  const size = [0, 1].map((i) => {
    const room = from[i]! + padding[i]! + padding[i + 2]! - dilation[i]! * (kernel[i]! - 1) - 1
    return Math.floor(room / stride[i]!) + 1
  })
  if (size.every((n) => n >= 1)) return size as [number, number]
  throw new ShapeError(`conv2d: a kernel ${kernel.join(' × ')} does not fit into ${from.join(' × ')}; add padding`)
}

/** How a kernel moves, with one number for both directions: stride 1, padding 0, dilation 1, 1 group by default. */
export interface Convolution2dOptions {
  readonly stride?: number | Pair
  /** One number for all sides, [rows, columns], or [top, left, bottom, right]. */
  readonly padding?: number | Pair | Padding
  readonly dilation?: number | Pair
  readonly groups?: number
}

/**
 * Cross-correlation, what networks call a convolution: x [B, I, H, W] with kernel [O, I / groups, kh, kw] and bias [O]
 * → [B, O, H′, W′]. The batch may be a name. Throws {@link ShapeError}.
 */
export function conv2d(x: Tensor, kernel: Tensor, options: Convolution2dOptions = {}, bias?: Tensor): Tensor {
  return applyOne(conv2dRow, bias ? [x, kernel, bias] : [x, kernel], attributesOf(options))
}

/**
 * The transposed convolution: x [B, O, H′, W′] with kernel [O, I / groups, kh, kw] → [B, I, H, W], as the gradient of
 * {@link conv2d} by its input; `size` [H, W] says which of the sizes that {@link conv2d} takes to [H′, W′].
 */
export function conv2dTranspose(x: Tensor, kernel: Tensor, size: Pair, options: Convolution2dOptions = {}): Tensor {
  return convolutionInputGradient(x, kernel, size, attributesOf(options))
}

/** Options as attributes. Throws {@link ShapeError} for what is no whole number in range. */
export function attributesOf(options: Convolution2dOptions): Convolution2dAttributes {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options
  const both = (n: number | Pair): Pair => (typeof n === 'number' ? [n, n] : n)
  const sides = typeof padding === 'number' || padding.length === 2 ? [...both(padding), ...both(padding)] : padding
  const attributes = { stride: both(stride), padding: sides as unknown as Padding, dilation: both(dilation), groups }
  const positive = [...attributes.stride, ...attributes.dilation, groups]
  if (positive.every((n) => Number.isInteger(n) && n > 0) && sides.every((n) => Number.isInteger(n) && n >= 0))
    return attributes
  throw new ShapeError(
    `conv2d: got ${JSON.stringify(options)}; stride, dilation and groups are whole from 1, padding whole from 0`,
  )
}

/** Rows of this file. */
export const convolutionRows = [conv2dRow, inputGradientRow, weightGradientRow]

import type { Emitter, OnnxAttribute } from '../operation.ts'
import type { Node } from '../tensor.ts'
import {
  type Convolution2dAttributes,
  outputSize,
  type Padding,
  type Pair,
  type SizedAttributes,
} from './convolution.ts'

/*
 * How convolutions reach ONNX Runtime's kernels. Every threshold is from bench/convolution.ts; docs/log.md has what was tried.
 */

/** Sizes of a picture or a kernel. */
type Sizes = readonly [number, number, number, number]

/** Channels in a group below which ConvTranspose, whose work is by inputs, beats Conv, whose work is by outputs. */
const few = 16
/** As {@link few}, of a layer’s outputs: at 8 of 48 inputs both are level, at 12 Conv is ahead. */
const fewOutputs = 8

const sizesOf = (node: Node, input: number) => node.inputs[input]!.shape as unknown as Sizes
const all = (values: readonly number[], value: number) => values.every((n) => n === value)

function onnxAttributes({ stride, padding, dilation, groups }: Convolution2dAttributes): Record<string, OnnxAttribute> {
  return {
    strides: { ints: stride },
    pads: { ints: padding },
    dilations: { ints: dilation },
    group: { int: groups },
  }
}

/** The padding of the convolution that goes the other way, where the stride is 1. */
function paddingBack({ padding, dilation }: Convolution2dAttributes, kernel: readonly number[]): Padding {
  return padding.map((n, i) => dilation[i % 2]! * (kernel[i % 2]! - 1) - n) as unknown as Padding
}

/** Conv; for few outputs of many inputs the transposed convolution by the turned kernel. */
export function lowerConvolution(
  emit: Emitter,
  [x, w, ...bias]: readonly string[],
  attributes: Convolution2dAttributes,
  node: Node,
): string[] {
  const kernel = sizesOf(node, 1)
  const { groups, stride } = attributes
  const outputs = kernel[0] / groups
  const padding = paddingBack(attributes, kernel.slice(2))
  const back = all(stride, 1) && padding.every((n) => n >= 0) && !all(kernel.slice(2), 1)
  if (isSmall(emit, attributes, kernel, sizesOf(node, 0)))
    return sideBySide(emit, [x!, w!, ...bias], sizesOf(node, 0), kernel[0])
  if (emit.provider !== 'cpu' || !back || outputs > fewOutputs || outputs >= kernel[1])
    return emit.node('Conv', [x!, w!, ...bias], onnxAttributes(attributes))
  return emit.node(
    'ConvTranspose',
    [x!, turned(emit, w!, kernel, groups), ...bias],
    onnxAttributes({ ...attributes, padding }),
  )
}

/** A convolution with the turned kernel where the stride is 1 and outputs are not few, else ConvTranspose. */
export function lowerInputGradient(
  emit: Emitter,
  [g, w]: readonly string[],
  attributes: SizedAttributes,
  node: Node,
): string[] {
  const kernel = sizesOf(node, 1)
  const { stride, groups } = attributes
  const padding = paddingBack(attributes, kernel.slice(2))
  const [outputs, perGroup] = kernel
  const isWide = emit.provider !== 'cpu' || perGroup > few || perGroup >= outputs / groups || all(kernel.slice(2), 1)
  if (isSmall(emit, attributes, kernel, sizesOf(node, 0)))
    return sideBySide(emit, [g!, turned(emit, w!, kernel, groups)], sizesOf(node, 0), perGroup)
  if (all(stride, 1) && padding.every((n) => n >= 0) && isWide)
    return emit.node('Conv', [g!, turned(emit, w!, kernel, groups)], onnxAttributes({ ...attributes, padding }))
  return emit.node('ConvTranspose', [g!, w!], {
    ...onnxAttributes(attributes),
    output_padding: { ints: missing(kernel, attributes) },
  })
}

/** Whether pictures have so few pixels that {@link sideBySide} beats a product for each of them. */
function isSmall(
  emit: Emitter,
  { stride, dilation, padding, groups }: Convolution2dAttributes,
  [outputs, inputs, ...kernel]: Sizes,
  [batch, , height, width]: Sizes,
): boolean {
  const isPlain = all([...stride, ...dilation, ...padding, groups], 1) && all(kernel, 3)
  const places = height * width
  const channels = Math.min(inputs, outputs)
  const small = (places <= 16 && channels >= 64) || (places <= 64 && channels >= 96)
  return emit.provider === 'cpu' && isPlain && small && batch >= 8
}

/**
 * A 3 × 3 convolution with padding 1 of all pictures as one [1, C, H, B · (W + 1)], a column of zeros between neighbours:
 * one long product instead of B short ones.
 */
function sideBySide(
  emit: Emitter,
  [x, ...rest]: readonly [string, ...string[]],
  [batch, channels, height, width]: Sizes,
  outputs: number,
): string[] {
  const swapped = (name: string, sizes: readonly number[], to: readonly number[]) => {
    const [apart] = emit.node('Reshape', [name, emit.ints(sizes)])
    const [across] = emit.node('Transpose', [apart!], { perm: { ints: [1, 0, 2] } })
    return emit.node('Reshape', [across!, emit.ints(to)])[0]!
  }
  const column = width + 1
  const [apart] = emit.node('Pad', [x, emit.ints([0, 0, 0, 0, 0, 0, 0, 1])])
  const wide = swapped(apart!, [batch, channels * height, column], [1, channels, height, batch * column])
  const [y] = emit.node('Conv', [wide, ...rest], { pads: { ints: [1, 1, 1, 1] } })
  const pictures = swapped(y!, [outputs * height, batch, column], [batch, outputs, height, column])
  return emit.node('Slice', [pictures, emit.ints([0]), emit.ints([width]), emit.ints([3]), emit.ints([1])])
}

/** Rows and columns that a stride left over at the end, which the transposed convolution would not give. */
function missing(kernel: Sizes, attributes: SizedAttributes): number[] {
  const { size, stride, padding, dilation } = attributes
  const from = outputSize(size, kernel.slice(2), attributes)
  return [0, 1].map((i) => {
    const reach = dilation[i]! * (kernel[i + 2]! - 1) + 1
    return size[i]! - ((from[i]! - 1) * stride[i]! - padding[i]! - padding[i + 2]! + reach)
  })
}

/** [O, I / groups, kh, kw] → [I, O / groups, kh, kw], upside down and back to front. */
function turned(emit: Emitter, w: string, [outputs, perGroup, kh, kw]: Sizes, groups: number): string {
  const flipped = kh === 1 && kw === 1 ? w : flip(emit, w)
  if (groups === 1) return emit.node('Transpose', [flipped], { perm: { ints: [1, 0, 2, 3] } })[0]!
  const [apart] = emit.node('Reshape', [flipped, emit.ints([groups, outputs / groups, perGroup, kh, kw])])
  const [swapped] = emit.node('Transpose', [apart!], { perm: { ints: [0, 2, 1, 3, 4] } })
  return emit.node('Reshape', [swapped!, emit.ints([groups * perGroup, outputs / groups, kh, kw])])[0]!
}

function flip(emit: Emitter, w: string): string {
  const backwards = [emit.ints([-1, -1]), emit.ints([-(2 ** 31), -(2 ** 31)]), emit.ints([2, 3]), emit.ints([-1, -1])]
  return emit.node('Slice', [w, ...backwards])[0]!
}

/** Which way is fastest depends on how many channels there are on either side. */
export function lowerWeightGradient(
  emit: Emitter,
  [x, g]: readonly string[],
  attributes: SizedAttributes,
  node: Node,
): string[] {
  const { groups, stride, dilation, size } = attributes
  const [picture, gradient] = [sizesOf(node, 0), sizesOf(node, 1)]
  const [inputs, outputs] = [picture[1] / groups, gradient[1] / groups]
  const isPlain = all([...stride, ...dilation], 1) && !all(size, 1)
  const padding = paddingBack(attributes, size)
  if (isPlain && outputs < inputs && outputs < few && padding.every((n) => n >= 0)) {
    const kernel = byColumns(emit, [g!, x!], { ...attributes, padding }, gradient, picture)
    return [turned(emit, kernel, [picture[1], outputs, ...size], groups)]
  }
  if (isPlain && inputs >= few && emit.provider === 'cpu')
    return [byWideKernel(emit, [x!, g!], attributes, picture, gradient)]
  return [byColumns(emit, [x!, g!], attributes, picture, gradient)]
}

/**
 * One convolution of one picture [1, groups · B, H, W · I / groups], whose columns are those of x with the channels of
 * each pixel side by side, by the kernel g [O, B, H′, W′] dilated to step from pixel to pixel: no copy for each element
 * of the kernel, and one long product. Strides and dilations are 1.
 */
function byWideKernel(
  emit: Emitter,
  [x, g]: readonly [string, string],
  { groups, padding: [top, left, bottom, right], size }: SizedAttributes,
  [batch, channels, height, width]: Sizes,
  gradient: Sizes,
): string {
  const n = channels / groups
  const pixels = transposed(emit, x, [batch * groups, n, height * width])
  const ordered = groups === 1 ? pixels : groupsFirst(emit, pixels, [batch, groups, height * width * n])
  const [wide] = emit.node('Reshape', [ordered, emit.ints([1, groups * batch, height, width * n])])
  const [kernel] = emit.node('Transpose', [g], { perm: { ints: [1, 0, 2, 3] } })
  const [product] = emit.node('Conv', [wide!, kernel!], {
    pads: { ints: [top, left * n, bottom, right * n] },
    dilations: { ints: [1, n] },
    group: { int: groups },
  })
  const [, outputs] = gradient
  const taps = transposed(emit, product!, [outputs, size[0] * size[1], n])
  return emit.node('Reshape', [taps, emit.ints([outputs, n, ...size])])[0]!
}

/** [a, b, c] → [a, c, b]: three axes have a kernel several times as fast as four. */
function transposed(emit: Emitter, x: string, sizes: readonly [number, number, number]): string {
  const [apart] = emit.node('Reshape', [x, emit.ints(sizes)])
  return emit.node('Transpose', [apart!], { perm: { ints: [0, 2, 1] } })[0]!
}

/** [B, groups, n] → [groups, B, n]. */
function groupsFirst(emit: Emitter, x: string, sizes: readonly [number, number, number]): string {
  const [apart] = emit.node('Reshape', [x, emit.ints(sizes)])
  return emit.node('Transpose', [apart!], { perm: { ints: [1, 0, 2] } })[0]!
}

/**
 * One product over all places, Σ_b g · columnsᵀ, where the columns are the picture as each element of the kernel
 * sees it, shifted.
 */
function byColumns(
  emit: Emitter,
  [x, g]: readonly [string, string],
  attributes: SizedAttributes,
  [batch, channels]: Sizes,
  [, outputs, height, width]: Sizes,
): string {
  const { groups, size } = attributes
  const places = height * width
  const [perGroup, taps] = [channels / groups, size[0] * size[1]]
  const grouped = (name: string, n: number) => emit.node('Reshape', [name, emit.ints([batch, groups, n, places])])[0]!
  const shifted = shifts(emit, x, attributes, [height, width]).map((part) => grouped(part, perGroup))
  const columns = taps === 1 ? shifted[0]! : emit.node('Concat', shifted, { axis: { int: 2 } })[0]!
  const products = timesTransposed(emit, grouped(g, outputs / groups), columns)
  const [total] = emit.node('ReduceSum', [products, emit.ints([0])], { keepdims: { int: 0 } })
  if (taps === 1) return emit.node('Reshape', [total!, emit.ints([outputs, perGroup, 1, 1])])[0]!
  const ordered = transposed(emit, total!, [outputs, taps, perGroup])
  return emit.node('Reshape', [ordered, emit.ints([outputs, perGroup, ...size])])[0]!
}

/** For each element of the kernel in row-major order, what of the padded picture it meets: [B, I, H′, W′] each. */
function shifts(
  emit: Emitter,
  x: string,
  { padding, stride, dilation, size }: SizedAttributes,
  places: Pair,
): string[] {
  const [top, left, bottom, right] = padding
  const padded = all(padding, 0) ? x : emit.node('Pad', [x, emit.ints([0, 0, top, left, 0, 0, bottom, right])])[0]!
  return Array.from({ length: size[0] * size[1] }, (_, tap) => {
    const begin = [Math.floor(tap / size[1]) * dilation[0], (tap % size[1]) * dilation[1]]
    const end = begin.map((at, i) => at + (places[i]! - 1) * stride[i]! + 1)
    return emit.node('Slice', [padded, emit.ints(begin), emit.ints(end), emit.ints([2, 3]), emit.ints(stride)])[0]!
  })
}

/** a · bᵀ over the last two axes of four. */
function timesTransposed(emit: Emitter, a: string, b: string): string {
  if (emit.provider === 'cpu')
    return emit.node('FusedMatMul', [a, b], { transB: { int: 1 } }, { domain: 'com.microsoft' })[0]!
  const [transposed] = emit.node('Transpose', [b], { perm: { ints: [0, 1, 3, 2] } })
  return emit.node('MatMul', [a, transposed!])[0]!
}

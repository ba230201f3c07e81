import { ShapeError } from '../../errors.ts'
import { rederive } from '../gradient.ts'
import type { Operation } from '../operation.ts'
import { floats, requireDtype, requireRank } from '../shape-rules.ts'
import {
  applyOne,
  constant,
  type Dim,
  formatShape,
  type Shape,
  sameShape,
  staticShape,
  type Tensor,
} from '../tensor.ts'
import { attributesOf, type Convolution2dOptions, conv2d, type Padding, type Pair } from './convolution.ts'
import { mul } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { max } from './reduce.ts'
import { broadcastTo, concat, pad, reshape, slice, transpose } from './shape.ts'

interface PoolAttributes {
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Padding
}

interface AverageAttributes extends PoolAttributes {
  /** Whether the zeros of the padding count in the mean. */
  readonly countPadding: boolean
}

const isTiling = ({ kernel, stride, padding }: PoolAttributes) =>
  kernel.every((n, i) => n === stride[i]) && padding.every((n) => n === 0)

function pooledShape(name: string, shape: Shape, { kernel, stride, padding }: PoolAttributes): Shape {
  const from = staticShape(name, shape.slice(-2))
  const size = from.map((n, i) => Math.floor((n + padding[i]! + padding[i + 2]! - kernel[i]!) / stride[i]!) + 1)
  if (size.some((n) => n < 1))
    throw new ShapeError(`${name}: a window ${kernel.join(' × ')} does not fit into ${from.join(' × ')}`)
  return [...shape.slice(0, -2), ...size]
}

const poolOnnx = ({ kernel, stride, padding }: PoolAttributes) => ({
  kernel_shape: { ints: kernel },
  strides: { ints: stride },
  pads: { ints: padding },
})

/** y = the mean of each window: [B, C, H, W] → [B, C, H′, W′]. */
const averagePoolRow: Operation<AverageAttributes> = {
  name: 'averagePool2d',
  infer: ([x], attributes) => {
    requireRank('averagePool2d', 'the picture', x!, 4)
    return [
      {
        dtype: requireDtype('averagePool2d', x!.dtype, floats),
        shape: pooledShape('averagePool2d', x!.shape, attributes),
      },
    ]
  },
  decompose: ([x], attributes) => [windowMeans(x!, attributes)],
  gradient: (node, [g]) => {
    const { kernel } = node.attributes
    const [x] = node.inputs
    const even = node.outputs[0]!.shape.slice(-2).every((n, i) => Number(n) * kernel[i]! === x!.shape[i + 2])
    if (!isTiling(node.attributes) || !even) return rederive(averagePoolRow, node, [g])
    return [mul(repeat2d(g!, kernel), 1 / (kernel[0] * kernel[1]))]
  },
  lower: (emit, inputs, attributes) =>
    emit.node('AveragePool', inputs, {
      ...poolOnnx(attributes),
      count_include_pad: { int: attributes.countPadding ? 1 : 0 },
    }),
}

/** Means as a convolution of every channel by itself with a flat kernel. */
function windowMeans(x: Tensor, { kernel, stride, padding, countPadding }: AverageAttributes): Tensor {
  const [batch, channels, height, width] = x.shape as [Dim, number, number, number]
  const flat = new Float32Array(kernel[0] * kernel[1]).fill(1)
  const ones = constant({ dtype: 'float32', shape: [1, 1, ...kernel], data: flat })
  const apart = reshape(x, [-1, 1, height, width])
  const sums = conv2d(apart, ones, { stride, padding })
  const counts = counted(kernel, stride, padding, [height, width], sums.shape.slice(-2) as number[], countPadding)
  return reshape(mul(sums, counts), [batch, channels, ...sums.shape.slice(-2)])
}

/** One over how many elements each window holds: [H′, W′]. */
function counted(
  kernel: Pair,
  stride: Pair,
  padding: Padding,
  from: Pair,
  to: readonly number[],
  all: boolean,
): Tensor {
  const held = (axis: 0 | 1, at: number) => {
    const begin = at * stride[axis] - padding[axis]
    return all ? kernel[axis] : Math.min(begin + kernel[axis], from[axis]) - Math.max(begin, 0)
  }
  const [rows, columns] = to as [number, number]
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => 1 / (held(0, Math.floor(i / columns)) * held(1, i % columns)),
  )
  return constant({ dtype: 'float32', shape: [rows, columns], data })
}

/** y = the largest of each window; inference only, but for windows that tile, which are a `max` over reshaped axes. */
const maxPoolRow: Operation<PoolAttributes> = {
  name: 'maxPool2d',
  infer: ([x], attributes) => {
    requireRank('maxPool2d', 'the picture', x!, 4)
    return [
      { dtype: requireDtype('maxPool2d', x!.dtype, floats), shape: pooledShape('maxPool2d', x!.shape, attributes) },
    ]
  },
  lower: (emit, inputs, attributes) => emit.node('MaxPool', inputs, poolOnnx(attributes)),
}

/** Each pixel repeated `factor` times down and across: [B, C, H, W] → [B, C, H·f₀, W·f₁]. */
const repeatRow: Operation<{ readonly factor: Pair }> = {
  name: 'repeat2d',
  infer: ([x], { factor }) => {
    const [batch, channels, height, width] = requireRank('repeat2d', 'the picture', x!, 4)
    const size = staticShape('repeat2d', [height as Dim, width as Dim]).map((n, i) => n * factor[i]!)
    return [{ dtype: requireDtype('repeat2d', x!.dtype, floats), shape: [batch as Dim, channels as Dim, ...size] }]
  },
  decompose: ([x], { factor: [down, across] }) => {
    const [batch, channels, height, width] = x!.shape as [Dim, Dim, number, number]
    const apart = reshape(x!, [batch, channels, height, 1, width, 1])
    const wide = broadcastTo(apart, [batch, channels, height, down, width, across])
    return [reshape(wide, [batch, channels, height * down, width * across])]
  },
  gradient: ({ attributes: { factor } }, [g]) => [
    mul(averagePool2d(g!, { kernel: factor, stride: factor }), factor[0] * factor[1]),
  ],
  lower: (emit, inputs, { factor }) => {
    const scales = { dtype: 'float32', shape: [4], data: Float32Array.of(1, 1, ...factor) } as const
    return emit.node('Resize', [inputs[0]!, '', emit.constant(scales)], {
      mode: { string: 'nearest' },
      coordinate_transformation_mode: { string: 'asymmetric' },
      nearest_mode: { string: 'floor' },
    })
  },
}

/** The sizes of a picture [B, C, H, W]; only the batch may be a name. */
function pictureShape(operation: string, x: Tensor): readonly [Dim, number, number, number] {
  const [batch, ...sizes] = requireRank(operation, 'the picture', x, 4)
  return [batch as Dim, ...(staticShape(operation, sizes) as [number, number, number])]
}

/** Windows of a pooling: stride as large as the window and no padding by default. */
export interface PoolOptions {
  readonly kernel: number | Pair
  readonly stride?: number | Pair
  readonly padding?: Convolution2dOptions['padding']
}

function poolAttributes({ kernel, stride = kernel, padding = 0 }: PoolOptions): PoolAttributes {
  const attributes = attributesOf({ stride, padding })
  const { stride: window } = attributesOf({ stride: kernel })
  return { kernel: window, stride: attributes.stride, padding: attributes.padding }
}

/** The mean of each window: [B, C, H, W] → [B, C, H′, W′]; zeros of the padding count unless `countPadding` is false. */
export function averagePool2d(x: Tensor, options: PoolOptions & { readonly countPadding?: boolean }): Tensor {
  return applyOne(averagePoolRow, [x], { ...poolAttributes(options), countPadding: options.countPadding ?? true })
}

/** The largest of each window: [B, C, H, W] → [B, C, H′, W′]. Windows that overlap or have padding have no gradient. */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  const attributes = poolAttributes(options)
  const [batch, channels, height, width] = pictureShape('maxPool2d', x)
  const [down, across] = attributes.kernel
  if (!isTiling(attributes) || height % down !== 0 || width % across !== 0) return applyOne(maxPoolRow, [x], attributes)
  return max(reshape(x, [batch, channels, height / down, down, width / across, across]), { axes: [3, 5] })
}

/** Each pixel repeated down and across: [B, C, H, W] → [B, C, H·factor, W·factor], nearest-neighbour upsampling. */
export function repeat2d(x: Tensor, factor: number | Pair): Tensor {
  const { stride } = attributesOf({ stride: factor })
  return stride.every((n) => n === 1) ? x : applyOne(repeatRow, [x], { factor: stride })
}

/**
 * x [B, C, H, W] at another size, where pixels are squares and their corners align (half-pixel centres, PyTorch's
 * `align_corners=False` without antialiasing). Bilinear resizing is two matrix products; nearest by a whole factor repeats.
 */
export function resize2d(x: Tensor, size: Pair, mode: 'nearest' | 'bilinear'): Tensor {
  const [, , ...from] = pictureShape('resize2d', x)
  if (!size.every((n) => Number.isInteger(n) && n > 0))
    throw new ShapeError(`resize2d: got the size ${size.join(' × ')}, wanted whole numbers from 1`)
  if (sameShape(from, size)) return x
  if (mode === 'nearest' && size.every((n, i) => n % from[i]! === 0))
    return repeat2d(x, [size[0] / from[0], size[1] / from[1]])
  const [rows, columns] = [0, 1].map((i) => resamplingMatrix(from[i]!, size[i]!, mode)) as [Tensor, Tensor]
  return matmul(matmul(rows, x), columns, { transposeB: true })
}

/** [to, from]: each row holds the weights of the source pixels that a pixel of the result is made of. */
function resamplingMatrix(from: number, to: number, mode: 'nearest' | 'bilinear'): Tensor {
  const data = new Float32Array(to * from)
  for (let row = 0; row < to; row++) {
    const add = (at: number, weight: number) => {
      data[row * from + Math.max(0, Math.min(from - 1, at))]! += weight
    }
    const centre = Math.max(0, ((row + 0.5) * from) / to - 0.5)
    if (mode === 'nearest') add(Math.floor((row * from) / to), 1)
    else {
      const share = centre - Math.floor(centre)
      add(Math.floor(centre), 1 - share)
      add(Math.floor(centre) + 1, share)
    }
  }
  return constant({ dtype: 'float32', shape: [to, from], data })
}

/** [B, C·r², H, W] → [B, C, H·r, W·r]: channels become places (Shi et al. 2016), in PyTorch's order. */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  const [batch, channels, height, width] = pictureShape('pixelShuffle', x)
  if (channels % factor ** 2 !== 0)
    throw new ShapeError(`pixelShuffle: ${formatShape(x.shape)} has no multiple of ${factor ** 2} channels`)
  const kept = channels / factor ** 2
  const apart = reshape(x, [batch, kept, factor, factor, height, width])
  return reshape(transpose(apart, [0, 1, 4, 2, 5, 3]), [batch, kept, height * factor, width * factor])
}

/** The inverse of {@link pixelShuffle}: [B, C, H, W] → [B, C·r², H/r, W/r]. */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  const [batch, channels, height, width] = pictureShape('pixelUnshuffle', x)
  if (height % factor !== 0 || width % factor !== 0)
    throw new ShapeError(`pixelUnshuffle: ${formatShape(x.shape)} is not a multiple of ${factor} high and wide`)
  const [rows, columns] = [height / factor, width / factor]
  const apart = reshape(x, [batch, channels, rows, factor, columns, factor])
  return reshape(transpose(apart, [0, 1, 3, 5, 2, 4]), [batch, channels * factor ** 2, rows, columns])
}

/** x [B, C, H, W] with `padding` around it: zeros, or the picture mirrored at its outermost pixels. */
export function pad2d(x: Tensor, padding: Padding, mode: 'zeros' | 'reflect' = 'zeros'): Tensor {
  pictureShape('pad2d', x)
  if (!padding.every((n) => Number.isInteger(n) && n >= 0))
    throw new ShapeError(`pad2d: got padding ${padding.join(', ')}, wanted whole numbers from 0`)
  const along = (y: Tensor, axis: 2 | 3, before: number, after: number) =>
    mode === 'zeros' ? pad(y, axis, before, after) : mirror(y, axis, before, after)
  return along(along(x, 2, padding[0], padding[2]), 3, padding[1], padding[3])
}

function mirror(x: Tensor, axis: number, before: number, after: number): Tensor {
  const size = x.shape[axis] as number
  if (Math.max(before, after) >= size)
    throw new ShapeError(`pad2d: cannot mirror ${Math.max(before, after)} pixels of ${size}; pad less`)
  const line = (at: number) => slice(x, axis, at, at + 1)
  const front = Array.from({ length: before }, (_, i) => line(before - i))
  const back = Array.from({ length: after }, (_, i) => line(size - 2 - i))
  return concat([...front, x, ...back], axis)
}

/** Rows of this file. */
export const resamplingRows = [averagePoolRow, maxPoolRow, repeatRow]

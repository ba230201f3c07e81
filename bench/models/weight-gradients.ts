import type { Emitter, Operation } from '../../src/graph/operation.ts'
import type { SizedAttributes } from '../../src/graph/operations/convolution.ts'
import { operations } from '../../src/graph/operations/index.ts'

/** Ways to lower a weight gradient of stride 1 in one group, to compare with the one that the table has. */
type Way = (emit: Emitter, x: string, g: string, shapes: Shapes) => string

interface Shapes extends SizedAttributes {
  readonly x: readonly [number, number, number, number]
  readonly g: readonly [number, number, number, number]
}

const table = operations.get('conv2dWeightGradient') as unknown as Operation<SizedAttributes>

function row(way: Way): Operation<SizedAttributes> {
  return {
    ...table,
    lower: (emit, [x, g], attributes, { inputs }) => [
      way(emit, x!, g!, { ...attributes, x: inputs[0]!.shape as Shapes['x'], g: inputs[1]!.shape as Shapes['g'] }),
    ],
  }
}

const transpose = (emit: Emitter, x: string, ...perm: number[]) =>
  emit.node('Transpose', [x], { perm: { ints: perm } })[0]!
const reshape = (emit: Emitter, x: string, ...sizes: number[]) => emit.node('Reshape', [x, emit.ints(sizes)])[0]!

/** The picture as each element of the kernel sees it; height and width are axes `at` and `at + 1`. */
function shifts(emit: Emitter, x: string, { padding, size, g }: Shapes, at: number): string[] {
  const [top, left, bottom, right] = padding
  const around = at === 2 ? [0, 0, top, left, 0, 0, bottom, right] : [0, top, left, 0, 0, bottom, right, 0]
  const [padded] = emit.node('Pad', [x, emit.ints(around)])
  return Array.from({ length: size[0] * size[1] }, (_, tap) => {
    const [row, column] = [Math.floor(tap / size[1]), tap % size[1]]
    const [from, to] = [emit.ints([row, column]), emit.ints([row + g[2], column + g[3]])]
    return emit.node('Slice', [padded!, from, to, emit.ints([at, at + 1])])[0]!
  })
}

/** [O, taps · I] → [O, I, kh, kw]. */
const ordered = (emit: Emitter, product: string, { x, g, size }: Shapes) =>
  reshape(emit, transpose(emit, reshape(emit, product, g[1], size[0] * size[1], x[1]), 0, 2, 1), g[1], x[1], ...size)

/** Columns [B, taps · I, places], a product for each picture, their sum. */
const columns: Way = (emit, x, g, shapes) => {
  const [batch, channels] = shapes.x
  const places = shapes.g[2] * shapes.g[3]
  const parts = shifts(emit, x, shapes, 2).map((part) => reshape(emit, part, batch, channels, places))
  const [all] = emit.node('Concat', parts, { axis: { int: 1 } })
  const flat = reshape(emit, g, batch, shapes.g[1], places)
  const [products] = emit.node('FusedMatMul', [flat, all!], { transB: { int: 1 } }, { domain: 'com.microsoft' })
  const [sum] = emit.node('ReduceSum', [products!, emit.ints([0])], { keepdims: { int: 0 } })
  return ordered(emit, sum!, shapes)
}

/** Columns [taps · I, B · places]: one product over pictures and places. */
const batchInside: Way = (emit, x, g, shapes) => {
  const parts = shifts(emit, transpose(emit, x, 1, 0, 2, 3), shapes, 2)
  const [all] = emit.node('Concat', parts, { axis: { int: 0 } })
  const places = shapes.g[0] * shapes.g[2] * shapes.g[3]
  const flat = reshape(emit, transpose(emit, g, 1, 0, 2, 3), shapes.g[1], places)
  const [product] = emit.node('Gemm', [flat, reshape(emit, all!, -1, places)], { transB: { int: 1 } })
  return ordered(emit, product!, shapes)
}

/** The same with the channels of a pixel side by side: columns [B · places, taps · I]. */
const channelsLast: Way = (emit, x, g, shapes) => {
  const parts = shifts(emit, transpose(emit, x, 0, 2, 3, 1), shapes, 1)
  const [all] = emit.node('Concat', parts, { axis: { int: 3 } })
  const places = shapes.g[0] * shapes.g[2] * shapes.g[3]
  const flat = reshape(emit, transpose(emit, g, 1, 0, 2, 3), shapes.g[1], places)
  const [product] = emit.node('Gemm', [flat, reshape(emit, all!, places, -1)])
  return ordered(emit, product!, shapes)
}

/** A convolution of x by g, pictures and channels swapped in both. */
const swappedAxes: Way = (emit, x, g, { padding }) => {
  const inputs = [x, g].map((name) => transpose(emit, name, 1, 0, 2, 3))
  return transpose(emit, emit.node('Conv', inputs, { pads: { ints: padding } })[0]!, 1, 0, 2, 3)
}

/** The table's own and the others, by name. */
export const weightGradients: Readonly<Record<string, Operation<SizedAttributes>>> = {
  'as lowered': table,
  columns: row(columns),
  'columns, batch inside': row(batchInside),
  'columns, channels last': row(channelsLast),
  'swapped axes': row(swappedAxes),
}

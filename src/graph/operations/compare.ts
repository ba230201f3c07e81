import { ShapeError } from '../../errors.ts'
import type { DType } from '../dtype.ts'
import type { Operation } from '../operation.ts'
import { broadcastShapes, floats, integers, requireDtype, requireSameDtype } from '../shape-rules.ts'
import { applyOne, asTensor, formatShape, type Operand, type Tensor } from '../tensor.ts'
import { sumTo } from './reduce.ts'

type None = Record<never, never>

/** A comparison: broadcasts, gives bool, passes no gradient. */
function comparison(name: string, type: string, dtypes: readonly DType[]): Operation<None> {
  return {
    name,
    infer: ([x, y]) => {
      requireSameDtype(name, [x!, y!], dtypes)
      return [{ dtype: 'bool', shape: broadcastShapes(name, x!.shape, y!.shape) }]
    },
    gradient: () => [undefined, undefined],
    lower: (emit, inputs) => emit.node(type, inputs),
  }
}

/** An operation on the bits of uint32, or on bools where `dtypes` says so; passes no gradient. */
function bitwise(
  name: string,
  type: string,
  dtype: DType,
  attributes?: { direction: { string: string } },
): Operation<None> {
  return {
    name,
    infer: (inputs) => [
      {
        dtype: requireDtype(name, requireSameDtype(name, inputs), [dtype]),
        shape: inputs.map((x) => x.shape).reduce((a, b) => broadcastShapes(name, a, b)),
      },
    ],
    gradient: ({ inputs }) => inputs.map(() => undefined),
    lower: (emit, inputs) => emit.node(type, inputs, attributes),
  }
}

const ordered = [...floats, ...integers, 'uint8'] as const
const equalRow = comparison('equal', 'Equal', [...ordered, 'bool'])
const lessRow = comparison('less', 'Less', ordered)
const greaterRow = comparison('greater', 'Greater', ordered)
const logicalNotRow = bitwise('logicalNot', 'Not', 'bool')
const logicalAndRow = bitwise('logicalAnd', 'And', 'bool')
const logicalOrRow = bitwise('logicalOr', 'Or', 'bool')
const bitXorRow = bitwise('bitXor', 'BitwiseXor', 'uint32')
const bitOrRow = bitwise('bitOr', 'BitwiseOr', 'uint32')
const bitAndRow = bitwise('bitAnd', 'BitwiseAnd', 'uint32')
const shiftLeftRow = bitwise('shiftLeft', 'BitShift', 'uint32', { direction: { string: 'LEFT' } })
const shiftRightRow = bitwise('shiftRight', 'BitShift', 'uint32', { direction: { string: 'RIGHT' } })

/** z = condition ? x : y. */
const whereRow: Operation<None> = {
  name: 'where',
  infer: ([condition, x, y]) => {
    if (condition!.dtype !== 'bool')
      throw new ShapeError(
        `where: the condition is ${condition!.dtype} ${formatShape(condition!.shape)}, wanted bool; compare first`,
      )
    const shape = broadcastShapes('where', condition!.shape, broadcastShapes('where', x!.shape, y!.shape))
    return [{ dtype: requireSameDtype('where', [x!, y!], [...floats, 'int32', 'int64', 'uint8']), shape }]
  },
  gradient: ({ inputs: [condition, x, y] }, [g]) => [
    undefined,
    sumTo(where(condition!, g!, 0), x!.shape),
    sumTo(where(condition!, 0, g!), y!.shape),
  ],
  lower: (emit, inputs) => emit.node('Where', inputs),
}

/** x = y, as bool. */
export const equal = (x: Operand, y: Operand): Tensor => pair(equalRow, x, y)
/** x < y, as bool. */
export const less = (x: Operand, y: Operand): Tensor => pair(lessRow, x, y)
/** x > y, as bool. */
export const greater = (x: Operand, y: Operand): Tensor => pair(greaterRow, x, y)
/** ¬x of a bool tensor. */
export const logicalNot = (x: Tensor): Tensor => applyOne(logicalNotRow, [x], {})
/** x ∧ y of bool tensors. */
export const logicalAnd = (x: Tensor, y: Tensor): Tensor => applyOne(logicalAndRow, [x, y], {})
/** x ∨ y of bool tensors. */
export const logicalOr = (x: Tensor, y: Tensor): Tensor => applyOne(logicalOrRow, [x, y], {})
/** x ⊕ y, bit by bit, of uint32. */
export const bitXor = (x: Operand, y: Operand): Tensor => pair(bitXorRow, x, y)
/** x | y, bit by bit, of uint32. */
export const bitOr = (x: Operand, y: Operand): Tensor => pair(bitOrRow, x, y)
/** x & y, bit by bit, of uint32. */
export const bitAnd = (x: Operand, y: Operand): Tensor => pair(bitAndRow, x, y)
/** x · 2ⁿ mod 2³² of uint32; n below 32. */
export const shiftLeft = (x: Operand, n: Operand): Tensor => pair(shiftLeftRow, x, n)
/** ⌊x / 2ⁿ⌋ of uint32; n below 32. */
export const shiftRight = (x: Operand, n: Operand): Tensor => pair(shiftRightRow, x, n)

/** condition ? x : y, broadcasting all three. */
export function where(condition: Tensor, x: Operand, y: Operand): Tensor {
  const dtype = typeof x !== 'number' ? x.dtype : typeof y !== 'number' ? y.dtype : 'float32'
  return applyOne(whereRow, [condition, asTensor(x, dtype), asTensor(y, dtype)], {})
}

function pair(row: Operation<None>, x: Operand, y: Operand): Tensor {
  const dtype = typeof x !== 'number' ? x.dtype : typeof y !== 'number' ? y.dtype : 'float32'
  return applyOne(row, [asTensor(x, dtype), asTensor(y, dtype)], {})
}

/** Rows of this file. */
export const compareRows = [
  equalRow,
  lessRow,
  greaterRow,
  logicalNotRow,
  logicalAndRow,
  logicalOrRow,
  bitXorRow,
  bitOrRow,
  bitAndRow,
  shiftLeftRow,
  shiftRightRow,
  whereRow,
]

import { ShapeError } from '../errors.ts'
import type { DType, HostTensor } from './dtype.ts'
import type { Attributes, Operation } from './operation.ts'

/** A dimension: a size, or the name of one that is known only when the graph runs (`batch`). */
export type Dim = number | string

/** Dimensions from outermost to innermost; `[]` is a scalar. */
export type Shape = readonly Dim[]

/** What is known of a value before it exists. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
}

/** One application of an operation. Nodes are immutable, so a graph is whatever a tensor reaches. */
export interface Node {
  readonly operation: Operation
  readonly inputs: readonly Tensor[]
  readonly attributes: Attributes
  readonly outputs: readonly Tensor[]
}

/** A symbolic tensor: one output of a {@link Node}, with its shape and dtype. */
export class Tensor implements TensorType {
  readonly node: Node
  readonly index: number
  readonly dtype: DType
  readonly shape: Shape

  constructor(node: Node, index: number, type: TensorType) {
    this.node = node
    this.index = index
    this.dtype = type.dtype
    this.shape = type.shape
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length
  }
}

/** Applies `operation`, checking shapes and dtypes by its own rule. */
export function apply<A extends Attributes>(
  operation: Operation<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor[] {
  const types = operation.infer(inputs, attributes)
  const outputs: Tensor[] = []
  const node: Node = { operation: operation as unknown as Operation, inputs, attributes, outputs }
  for (const [index, type] of types.entries()) outputs.push(new Tensor(node, index, type))
  return outputs
}

/** {@link apply} for operations with one output. */
export function applyOne<A extends Attributes>(
  operation: Operation<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  return apply(operation, inputs, attributes)[0] as Tensor
}

/**
 * Nodes that `roots` reach through `inputsOf` (all their inputs by default), each after those it reaches. Without
 * recursion: a deep model's gradient is deeper than a call stack.
 */
export function inputsFirst(
  roots: readonly Node[],
  inputsOf: (node: Node) => readonly Node[] = (node) => node.inputs.map((x) => x.node),
): Set<Node> {
  const done = new Set<Node>()
  const pending = roots.toReversed()
  const opened = new Set<Node>()
  for (let node = pending.at(-1); node; node = pending.at(-1)) {
    const first = opened.has(node) ? [] : inputsOf(node).filter((other) => !done.has(other))
    opened.add(node)
    if (first.length > 0) pending.push(...first.reverse())
    else done.add(pending.pop() as Node)
  }
  return done
}

/** The sizes of a shape that must be fully known. Throws {@link ShapeError} that names `operation` otherwise. */
export function staticShape(operation: string, shape: Shape): number[] {
  return shape.map((dim) => {
    if (typeof dim === 'number') return dim
    throw new ShapeError(`${operation}: needs known sizes, got ${formatShape(shape)}; bind ${dim} to a number`)
  })
}

/** `[B, 4, 8]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** Whether two shapes are the same, names and numbers alike. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i])
}

/** Attributes of {@link placeholder}: the name that data is fed by. */
export interface PlaceholderAttributes extends Attributes {
  readonly name: string
  readonly type: TensorType
}

/** A value fed from outside: a parameter, a batch of ids, a learning rate. */
export const placeholder: Operation<PlaceholderAttributes> = {
  name: 'placeholder',
  infer: (_, { type }) => [type],
}

/** A tensor that is fed by `name` when the graph runs. */
export function input(name: string, dtype: DType, shape: Shape): Tensor {
  return applyOne(placeholder, [], { name, type: { dtype, shape } })
}

/** The name of a placeholder, or undefined for any other tensor. */
export function inputName(tensor: Tensor): string | undefined {
  return tensor.node.operation.name === placeholder.name
    ? (tensor.node.attributes as PlaceholderAttributes).name
    : undefined
}

/** Attributes of {@link literal}. */
export interface LiteralAttributes extends Attributes {
  readonly value: HostTensor
}

/** A value written into the graph. */
export const literal: Operation<LiteralAttributes> = {
  name: 'constant',
  infer: (_, { value }) => [value],
  lower: (emit, _, { value }) => [emit.constant(value)],
}

/** A tensor whose value is known now. */
export function constant(value: HostTensor): Tensor {
  return applyOne(literal, [], { value })
}

/** A scalar constant. Throws {@link ShapeError} for a fraction where whole numbers go, and for float16. */
export function scalar(value: number, dtype: DType = 'float32'): Tensor {
  if (!dtype.startsWith('float') && !Number.isInteger(value))
    throw new ShapeError(
      `scalar: ${value} is not a whole number, wanted one for ${dtype}; cast the other operand first`,
    )
  const data =
    dtype === 'int64'
      ? BigInt64Array.of(BigInt(value))
      : dtype === 'int32'
        ? Int32Array.of(value)
        : dtype === 'uint32'
          ? Uint32Array.of(value)
          : dtype === 'bool' || dtype === 'uint8'
            ? Uint8Array.of(value)
            : Float32Array.of(value)
  if (dtype === 'float16') throw new ShapeError('scalar: float16 constants are made by casting a float32 one')
  return constant({ dtype, shape: [], data })
}

/** A tensor, or a number that stands for a scalar of the other operand's dtype. */
export type Operand = Tensor | number

/** `operand` as a tensor of `dtype` if it is a number. */
export function asTensor(operand: Operand, dtype: DType): Tensor {
  return typeof operand === 'number' ? scalar(operand, dtype) : operand
}

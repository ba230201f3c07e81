import type { DType, HostTensor } from './dtype.ts'
import type { Node, Tensor, TensorType } from './tensor.ts'

/** Settings of one application of an operation, fixed when the graph is built. */
export type Attributes = object

/** An ONNX attribute: integers and floats are told apart by the wrapper. */
export type OnnxAttribute = { int: number } | { ints: readonly number[] } | { float: number } | { string: string }

/** ONNX's numbers for element types (`TensorProto.DataType`). */
export const onnxType: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
}

/** How a matrix is kept in few bits: rows cut into blocks, whole numbers of `bits` and one scale a block. */
export interface BlockFormat {
  readonly bits: 4 | 8
  /** Numbers that share a scale. */
  readonly blockSize: number
}

/** The initializers that a quantized matrix consists of, by its name. */
export const quantizedParts = (name: string) => ({ packed: `${name}.packed`, scales: `${name}.scales` })

/** Where a graph is lowered to; an operation's `lower` calls it to write ONNX nodes. */
export interface Emitter {
  /** The execution provider that will run the result; some have fused operators. */
  readonly provider: 'cpu' | 'cuda' | 'webgpu'
  /** The form of an input that is kept in few bits, as its {@link quantizedParts}; undefined for others. */
  quantized(name: string): BlockFormat | undefined
  /** Writes one node and gives the names of its outputs. */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    options?: { readonly domain?: string; readonly outputs?: number },
  ): string[]
  /** Writes a constant; equal ones are written once. */
  constant(value: HostTensor): string
  /** {@link constant} of a list of int64, as ONNX takes axes and shapes. */
  ints(values: readonly number[]): string
}

/**
 * A row of the table of operations: everything that the system knows of it, side by side.
 *
 * `gradient` maps the cotangents of the outputs (undefined where nothing flows) to those of the
 * inputs (undefined where nothing flows or nothing can). Rules are written in operations, so
 * gradients of gradients need nothing more. A fused operation says what it means in simpler ones by
 * `decompose`: that is what is differentiated where it has no rule of its own, and lowered where a
 * provider has no operator for it.
 */
export interface Operation<A extends Attributes = Attributes> {
  readonly name: string
  /** Types of the outputs. Throws ShapeError with operation, got, wanted and remedy. */
  infer(inputs: readonly TensorType[], attributes: A): TensorType[]
  gradient?(
    node: Node & { readonly attributes: A },
    cotangents: readonly (Tensor | undefined)[],
  ): (Tensor | undefined)[]
  decompose?(inputs: readonly Tensor[], attributes: A): Tensor[]
  /** Whether the input of that index may be a matrix in few bits: what `lower` then asks `Emitter.quantized` of. */
  takesFewBits?(index: number, attributes: A): boolean
  /** Names of the outputs, or undefined where this provider should get the decomposition. */
  lower?(emit: Emitter, inputs: readonly string[], attributes: A, node: Node): string[] | undefined
}

import type { onnx } from 'onnx-proto'
import proto from 'onnx-proto'
import type { DType, HostTensor } from '../../graph/dtype.ts'

/** Element types of test models: all dtypes, and one that no buffer has. */
type ElementType = DType | 'float64'

/** `TensorProto.DataType` of each element type. */
const dataTypes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
}

/** A named tensor of a model; a size that is a string is symbolic. */
export type Declaration = readonly [name: string, dtype: ElementType, shape: readonly (number | string)[]]

/** An operation: type, names of inputs and outputs, whole-number attributes. */
export type Node = readonly [
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes?: Readonly<Record<string, number>>,
]

/** A model for tests, written as data. */
export interface ModelDescription {
  readonly inputs: readonly Declaration[]
  readonly outputs: readonly Declaration[]
  readonly nodes: readonly Node[]
  /** Weights that the session receives beside the bytes. */
  readonly initializers?: Readonly<Record<string, Omit<HostTensor, 'data'>>>
}

/** ONNX bytes of a described model, operator set 17. */
export function encodeModel({ inputs, outputs, nodes, initializers = {} }: ModelDescription): Uint8Array {
  return proto.onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 17 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'test',
      input: inputs.map(encodeDeclaration),
      output: outputs.map(encodeDeclaration),
      node: nodes.map(encodeNode),
      initializer: Object.entries(initializers).map(([name, tensor]) => encodeInitializer(name, tensor)),
    },
  }).finish()
}

function encodeDeclaration([name, dtype, shape]: Declaration): onnx.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }))
  return { name, type: { tensorType: { elemType: dataTypes[dtype], shape: { dim } } } }
}

function encodeNode([opType, input, output, attributes = {}]: Node): onnx.INodeProto {
  const attribute = Object.entries(attributes).map(([name, i]) => ({ name, type: 2, i }))
  return { opType, input: [...input], output: [...output], attribute }
}

function encodeInitializer(name: string, { dtype, shape }: Omit<HostTensor, 'data'>): onnx.ITensorProto {
  const externalData = [{ key: 'location', value: name }]
  return { name, dataType: dataTypes[dtype], dims: [...shape], dataLocation: 1, externalData }
}

/** y [n, 2] = x [n, 3] · w + b, both initializers. */
export function affineModel(): Uint8Array {
  return encodeModel({
    inputs: [['x', 'float32', ['n', 3]]],
    outputs: [['y', 'float32', ['n', 2]]],
    nodes: [
      ['MatMul', ['x', 'w'], ['h']],
      ['Add', ['h', 'b'], ['y']],
    ],
    initializers: { w: { dtype: 'float32', shape: [3, 2] }, b: { dtype: 'float32', shape: [2] } },
  })
}

/** y = x · w · w …, `depth` products of [size, size]. */
export function chainModel(depth: number, size: number): Uint8Array {
  const name = (index: number) => (index === depth ? 'y' : index === 0 ? 'x' : `h${index}`)
  return encodeModel({
    inputs: [
      ['x', 'float32', [size, size]],
      ['w', 'float32', [size, size]],
    ],
    outputs: [['y', 'float32', [size, size]]],
    nodes: Array.from({ length: depth }, (_, index) => ['MatMul', [name(index), 'w'], [name(index + 1)]] as const),
  })
}

/** y = type(x). */
export function unaryModel(type: string, dtype: DType, shape: readonly (number | string)[]): Uint8Array {
  return encodeModel({ inputs: [['x', dtype, shape]], outputs: [['y', dtype, shape]], nodes: [[type, ['x'], ['y']]] })
}

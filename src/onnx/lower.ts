import { ConfigError } from '../errors.ts'
import type { FilePlace } from '../files/safetensors-file.ts'
import { type BlockFormat, type Emitter, onnxType, quantizedParts } from '../graph/operation.ts'
import { inputName, inputsFirst, type Node, type Tensor, type TensorType } from '../graph/tensor.ts'
import { GraphEmitter } from './emitter.ts'
import { unsafeInPlace } from './in-place.ts'
import { type Onnx, onnx } from './schema.ts'
import { type Stacks, stackProducts } from './stack-products.ts'

/** How a program is lowered. */
export interface LowerOptions {
  /** The execution provider that will run it. */
  readonly provider: Emitter['provider']
  /**
   * Inputs that become initializers, their values handed over when the session is made: ONNX Runtime
   * packs them once. Parameters are inputs for training, initializers for inference.
   */
  readonly initializers?: readonly string[]
  /**
   * Of those, matrices [N, K] that are kept in few bits: their values are handed over as their `quantizedParts`, packed
   * [N, K / blockSize, blockSize · bits / 8] and scales [N, K / blockSize].
   */
  readonly quantized?: Readonly<Record<string, BlockFormat>>
  /** Of those, the ones that stay in files, by name in the session's `dataFolder`: the engine maps them itself. */
  readonly stored?: Readonly<Record<string, FilePlace>>
  /** Whether products of one x with several of these become one, see {@link LoweredProgram.stacks}; faster. */
  readonly stack?: boolean
  /** Outputs that are to overwrite an input, by their names; see {@link LoweredProgram.inPlace}. */
  readonly overwrite?: Readonly<Record<string, string>>
}

/** A lowered program: ONNX bytes and what it is fed and gives, by name. */
export interface LoweredProgram {
  readonly bytes: Uint8Array
  readonly inputs: Readonly<Record<string, TensorType>>
  readonly outputs: Readonly<Record<string, TensorType>>
  /** Whether each output of `overwrite` may share its input's buffer: proven from the order of the nodes. */
  readonly inPlace: boolean
  /**
   * Quantized matrices that are handed over on top of each other, under one name: the parts of `a`, then those of `b`
   * are the parts of `a+b`. Empty unless asked for.
   */
  readonly stacks: Stacks
}

/** Standard operators by ONNX opset 21, fused ones by ONNX Runtime's own domain. */
const opsets = [
  { domain: '', version: 21 },
  { domain: 'com.microsoft', version: 1 },
]

/**
 * Writes the graph that `outputs` reach as one ONNX model; its inputs are the placeholders met on
 * the way. Throws {@link ConfigError} where two placeholders, or an input and an output, share a name, or where an
 * operation cannot be lowered.
 */
export function lower(outputs: Readonly<Record<string, Tensor>>, options: LowerOptions): LoweredProgram {
  const lowering = new Lowering(options)
  const names = Object.entries(outputs).map(([name, tensor]) => [name, lowering.valueOf(tensor)] as const)
  for (const name of Object.keys(outputs))
    if (lowering.placeholders.has(name))
      throw new ConfigError(`lower: ${name} names both an input and an output; rename the output`, { name })
  nameOutputs(lowering.emitter, names)
  const { quantized = {}, stored = {} } = options
  const rowsOf = (name: string) => Number(lowering.placeholders.get(name)!.shape[0])
  const stacks = options.stack ? stackProducts(lowering.emitter, quantized, rowsOf, new Set(Object.keys(outputs))) : {}
  const fixed = new Set(options.initializers)
  const fed = [...lowering.placeholders].filter(([name]) => !fixed.has(name))
  const graph = onnx.GraphProto.create({
    name: 'atelier',
    node: lowering.emitter.nodes,
    initializer: [
      ...lowering.emitter.constants,
      ...[...lowering.placeholders]
        .filter(([name]) => fixed.has(name))
        .filter(([name]) => !Object.values(stacks).some((names) => names.includes(name)))
        .flatMap(([name, type]) => initializersOf(name, type, quantized[name], stored[name])),
      ...Object.entries(stacks).flatMap(([name, [first = '', ...others]]) => {
        const { dtype, shape } = lowering.placeholders.get(first)!
        const rows = others.reduce((sum, other) => sum + rowsOf(other), rowsOf(first))
        return initializersOf(name, { dtype, shape: [rows, shape[1]!] }, quantized[first])
      }),
    ],
    input: fed.map(([name, type]) => valueInfo(name, type)),
    output: Object.entries(outputs).map(([name, tensor]) => valueInfo(name, tensor)),
  })
  const model = onnx.ModelProto.create({ irVersion: 10, producerName: 'atelier', opsetImport: opsets, graph })
  return {
    bytes: onnx.ModelProto.encode(model).finish(),
    inputs: Object.fromEntries(fed),
    outputs,
    stacks,
    inPlace: unsafeInPlace(lowering.emitter.nodes, options.overwrite ?? {}).length === 0,
  }
}

/** One walk over a graph, inputs before users. */
class Lowering {
  readonly emitter: GraphEmitter
  readonly placeholders = new Map<string, Tensor>()
  readonly #values = new Map<Node, readonly string[]>()

  constructor({ provider, quantized }: LowerOptions) {
    this.emitter = new GraphEmitter(provider, quantized)
  }

  /** The name of the ONNX value that holds `tensor`. */
  valueOf(tensor: Tensor): string {
    if (!this.#values.has(tensor.node))
      for (const node of inputsFirst([tensor.node], (other) => this.#unwritten(other)))
        if (!this.#values.has(node)) this.#values.set(node, this.#write(node))
    return this.#values.get(tensor.node)![tensor.index] as string
  }

  #unwritten(node: Node): Node[] {
    return node.inputs.map((x) => x.node).filter((other) => !this.#values.has(other))
  }

  #write(node: Node): readonly string[] {
    const [output] = node.outputs as [Tensor]
    return inputName(output) === undefined ? this.#lowerNode(node) : [this.#placeholder(output)]
  }

  #placeholder(tensor: Tensor): string {
    const name = inputName(tensor) as string
    const other = this.placeholders.get(name)
    if (other && other !== tensor)
      throw new ConfigError(`lower: two inputs are named ${name}; make it once and share it`, { name })
    this.placeholders.set(name, tensor)
    return name
  }

  #lowerNode(node: Node): readonly string[] {
    const { operation, inputs, attributes } = node
    const lowered = operation.lower?.(
      this.emitter,
      inputs.map((x) => this.valueOf(x)),
      attributes,
      node,
    )
    if (lowered) return lowered
    if (!operation.decompose)
      throw new ConfigError(`lower: ${operation.name} has no lowering for ${this.emitter.provider}`, {
        operation: operation.name,
      })
    return operation.decompose(inputs, attributes).map((part) => this.valueOf(part))
  }
}

/**
 * Renames the values that outputs come from to the outputs' names. An Identity node, which copies, is
 * spent only on a value that is an input, a constant, or already another output.
 */
function nameOutputs(emitter: GraphEmitter, outputs: readonly (readonly [string, string])[]): void {
  const made = new Set(emitter.nodes.flatMap((node) => node.output))
  const renamed = new Map<string, string>()
  for (const [name, value] of outputs) {
    if (made.has(value) && !renamed.has(value)) renamed.set(value, name)
    else emitter.alias(value, name)
  }
  const rename = (value: string) => renamed.get(value) ?? value
  for (const node of emitter.nodes) {
    node.input = node.input.map(rename)
    node.output = node.output.map((value) => (node.opType === 'Identity' ? value : rename(value)))
  }
}

function valueInfo(name: string, { dtype, shape }: TensorType): Onnx.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }))
  return { name, type: { tensorType: { elemType: onnxType[dtype], shape: { dim } } } }
}

/** A placeholder's initializers: itself, or its parts where it is kept in few bits. */
function initializersOf(
  name: string,
  type: TensorType,
  format: BlockFormat | undefined,
  place?: FilePlace,
): Onnx.ITensorProto[] {
  if (!format) return [external(name, type, place)]
  const [rows, columns] = type.shape as readonly [number, number]
  const blocks = columns / format.blockSize
  const { packed, scales } = quantizedParts(name)
  return [
    external(packed, { dtype: 'uint8', shape: [rows, blocks, (format.blockSize * format.bits) / 8] }),
    external(scales, { dtype: 'float32', shape: [rows, blocks] }),
  ]
}

/** An initializer without its bytes, which lie in a file or are handed over when the session is made. */
function external(name: string, { dtype, shape }: TensorType, place?: FilePlace): Onnx.ITensorProto {
  const { file = name, byteOffset, byteLength } = place ?? {}
  const entries = { location: file, offset: byteOffset, length: byteLength }
  return {
    name,
    dataType: onnxType[dtype],
    dims: shape.map(Number),
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries(entries).flatMap(([key, value]) =>
      value === undefined ? [] : [{ key, value: String(value) }],
    ),
  }
}

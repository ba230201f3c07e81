import type { HostTensor } from '../graph/dtype.ts'
import { type BlockFormat, type Emitter, type OnnxAttribute, onnxType } from '../graph/operation.ts'
import { type Onnx, onnx } from './schema.ts'

const { AttributeType } = onnx.AttributeProto

/** Collects ONNX nodes and constants, writing equal ones once. */
export class GraphEmitter implements Emitter {
  readonly provider: Emitter['provider']
  readonly nodes: Onnx.NodeProto[] = []
  readonly constants: Onnx.TensorProto[] = []
  readonly #written = new Map<string, string[]>()
  readonly #constants = new Map<string, readonly { readonly name: string; readonly bytes: Uint8Array }[]>()
  #count = 0

  readonly #quantized: Readonly<Record<string, BlockFormat>>

  constructor(provider: Emitter['provider'], quantized: Readonly<Record<string, BlockFormat>> = {}) {
    this.provider = provider
    this.#quantized = quantized
  }

  quantized(name: string): BlockFormat | undefined {
    return Object.hasOwn(this.#quantized, name) ? this.#quantized[name] : undefined
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    { domain = '', outputs = 1 }: { readonly domain?: string; readonly outputs?: number } = {},
  ): string[] {
    const key = JSON.stringify([domain, type, inputs, attributes])
    const known = this.#written.get(key)
    if (known) return known
    const names = Array.from({ length: outputs }, (_, i) => `${type}_${this.#count}${i > 0 ? `_${i}` : ''}`)
    this.nodes.push(
      onnx.NodeProto.create({
        opType: type,
        domain,
        name: `${type}_${this.#count++}`,
        input: [...inputs],
        output: names,
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
      }),
    )
    this.#written.set(key, names)
    return names
  }

  constant(value: HostTensor): string {
    const bytes = new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength)
    const key = `${value.dtype} ${value.shape} ${checksum(bytes)}`
    const alike = this.#constants.get(key) ?? []
    const known = alike.find((other) => sameBytes(other.bytes, bytes))
    if (known) return known.name
    const name = `constant_${this.#count++}`
    this.constants.push(
      onnx.TensorProto.create({
        name,
        dataType: onnxType[value.dtype],
        dims: [...value.shape],
        rawData: bytes,
      }),
    )
    this.#constants.set(key, [...alike, { name, bytes }])
    return name
  }

  ints(values: readonly number[]): string {
    return this.constant({ dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) })
  }

  /** Puts others in the place of the first of some nodes, and of all of them. */
  replace(nodes: readonly Onnx.NodeProto[], others: readonly Onnx.NodeProto[]): void {
    this.nodes.splice(this.nodes.indexOf(nodes[0]!), 1, ...others)
    for (const node of nodes.slice(1)) this.nodes.splice(this.nodes.indexOf(node), 1)
  }

  /** Gives the value `from` a second name, `to`, by an Identity node. */
  alias(from: string, to: string): void {
    this.nodes.push(onnx.NodeProto.create({ opType: 'Identity', name: `Identity_${to}`, input: [from], output: [to] }))
  }
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo 1991): tells most different constants apart. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function attributeProto(name: string, value: OnnxAttribute): Onnx.IAttributeProto {
  if ('int' in value) return { name, type: AttributeType.INT, i: value.int }
  if ('ints' in value) return { name, type: AttributeType.INTS, ints: [...value.ints] }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.string) }
}

import { type BlockFormat, quantizedParts } from '../graph/operation.ts'
import type { GraphEmitter } from './emitter.ts'
import { type Onnx, onnx } from './schema.ts'

/** A product of x with a matrix in few bits. */
interface Product {
  readonly node: Onnx.NodeProto
  readonly name: string
  readonly rows: number
}

/** Matrices that one product takes on top of each other, by the name that stands for them. */
export type Stacks = Readonly<Record<string, readonly string[]>>

/**
 * Makes products x · Wᵀ of one x with several matrices in few bits one product with all their rows, and cuts what comes
 * of it: x is rounded once, and threads meet once. The numbers stay the same. Leaves matrices that anything else reads.
 */
export function stackProducts(
  emitter: GraphEmitter,
  formats: Readonly<Record<string, BlockFormat>>,
  rowsOf: (name: string) => number,
): Stacks {
  const uses = new Map<string, number>()
  for (const { input } of emitter.nodes) for (const name of input ?? []) uses.set(name, (uses.get(name) ?? 0) + 1)
  const names = new Map(Object.keys(formats).map((name) => [quantizedParts(name).packed, name]))
  const alike = new Map<string, Product[]>()
  for (const node of emitter.nodes) {
    const [x = '', packed = ''] = node.input ?? []
    const name = names.get(packed)
    if (node.opType !== 'MatMulNBits' || name === undefined || uses.get(packed) !== 1) continue
    const { bits, blockSize } = formats[name]!
    const key = `${x} ${bits} ${blockSize}`
    alike.set(key, [...(alike.get(key) ?? []), { node, name, rows: rowsOf(name) }])
  }
  const stacks: Record<string, readonly string[]> = {}
  for (const products of alike.values()) {
    if (products.length < 2) continue
    const stack = products.map(({ name }) => name).join('+')
    stacks[stack] = products.map(({ name }) => name)
    emitter.replace(
      products.map(({ node }) => node),
      stackOf(emitter, stack, products),
    )
  }
  return stacks
}

/** One product, and the node that cuts it: [..., ΣN] → [..., N] each. */
function stackOf(emitter: GraphEmitter, stack: string, products: readonly Product[]): Onnx.NodeProto[] {
  const [first] = products as [Product]
  const { packed, scales } = quantizedParts(stack)
  const total = products.reduce((sum, { rows }) => sum + rows, 0)
  const attribute = first.node.attribute!.map((one) => (one.name === 'N' ? { ...one, i: total } : one))
  const whole = `${first.node.name}_stack`
  const { INT } = onnx.AttributeProto.AttributeType
  return [
    onnx.NodeProto.create({
      ...{ opType: 'MatMulNBits', domain: 'com.microsoft', name: whole, attribute },
      input: [first.node.input![0]!, packed, scales],
      output: [whole],
    }),
    onnx.NodeProto.create({
      ...{ opType: 'Split', name: `${whole}_cut`, attribute: [{ name: 'axis', type: INT, i: -1 }] },
      input: [whole, emitter.ints(products.map(({ rows }) => rows))],
      output: products.map(({ node }) => node.output![0]!),
    }),
  ]
}

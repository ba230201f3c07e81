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
 * of it: x is rounded once, and threads meet once. Attention that reads queries, keys and values takes them uncut. The
 * numbers stay the same. Leaves matrices that anything else reads; `outputs` names what the graph gives.
 */
export function stackProducts(
  emitter: GraphEmitter,
  formats: Readonly<Record<string, BlockFormat>>,
  rowsOf: (name: string) => number,
  outputs: ReadonlySet<string>,
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
    const made = products.map(({ node }) => node.output![0]!)
    const whole = productOf(stack, products)
    const isPrivate = made.every((name) => uses.get(name) === 1 && !outputs.has(name))
    const isTakenWhole = isPrivate && feedAttention(emitter, made, whole.output![0]!)
    emitter.replace(
      products.map(({ node }) => node),
      isTakenWhole ? [whole] : [whole, cutOf(emitter, whole.output![0]!, products)],
    )
  }
  return stacks
}

/** One product with all rows: [..., ΣN]. */
function productOf(stack: string, products: readonly Product[]): Onnx.NodeProto {
  const [first] = products as [Product]
  const { packed, scales } = quantizedParts(stack)
  const total = products.reduce((sum, { rows }) => sum + rows, 0)
  const attribute = first.node.attribute!.map((one) => (one.name === 'N' ? { ...one, i: total } : one))
  const name = `${first.node.name}_stack`
  return onnx.NodeProto.create({
    ...{ opType: 'MatMulNBits', domain: 'com.microsoft', name, attribute },
    input: [first.node.input![0]!, packed, scales],
    output: [name],
  })
}

/** The node that cuts it: [..., ΣN] → [..., N] each. */
function cutOf(emitter: GraphEmitter, whole: string, products: readonly Product[]): Onnx.NodeProto {
  const { INT } = onnx.AttributeProto.AttributeType
  return onnx.NodeProto.create({
    ...{ opType: 'Split', name: `${whole}_cut`, attribute: [{ name: 'axis', type: INT, i: -1 }] },
    input: [whole, emitter.ints(products.map(({ rows }) => rows))],
    output: products.map(({ node }) => node.output![0]!),
  })
}

/** Lets the attention that reads `made` as queries, keys and values read `whole`; says whether there is one. */
function feedAttention(emitter: GraphEmitter, made: readonly string[], whole: string): boolean {
  if (made.length !== 3) return false
  const reader = emitter.nodes.find(
    ({ opType, input }) => opType === 'GroupQueryAttention' && made.every((name, i) => input[i] === name),
  )
  if (reader) reader.input = [whole, '', '', ...reader.input.slice(3)]
  return reader !== undefined
}

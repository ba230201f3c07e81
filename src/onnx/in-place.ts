import type { Onnx } from './schema.ts'

/** Operators whose output is their input's memory. */
const aliases = new Set(['Reshape', 'Identity', 'Squeeze', 'Unsqueeze', 'Flatten'])

/** Operators that read an element before they write the one in its place, and no other element of that tensor. */
const elementwise = new Set(['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Sqrt', 'Min', 'Max', 'Where'])

/** Fused operators that are made to extend their input in place. */
const inPlaceByDesign = new Set(['GroupQueryAttention'])

/**
 * Whether each output may be written into the memory of its input: proven where every node that
 * reads the input's memory must run before the node that makes the output, or is that node and goes element by element.
 *
 * ONNX Runtime reorders nodes freely within their dependencies, so anything less corrupts silently.
 * Gives the names of outputs for which it is not proven; `pairs` maps outputs to inputs.
 */
export function unsafeInPlace(nodes: readonly Onnx.NodeProto[], pairs: Readonly<Record<string, string>>): string[] {
  const producer = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node] as const)))
  const readers = new Map<string, Onnx.NodeProto[]>()
  for (const node of nodes) for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node])
  return Object.entries(pairs)
    .filter(([output, input]) => {
      const maker = producer.get(output)
      const before = ancestors(maker, producer)
      return !memoryReaders(input, readers).every(
        (node) => before.has(node) && (node !== maker || overwritesSafely(node)),
      )
    })
    .map(([output]) => output)
}

function overwritesSafely({ opType }: Onnx.NodeProto): boolean {
  return elementwise.has(opType) || inPlaceByDesign.has(opType)
}

/** Nodes that must run before `node`, itself included. */
function ancestors(
  node: Onnx.NodeProto | undefined,
  producer: ReadonlyMap<string, Onnx.NodeProto>,
): Set<Onnx.NodeProto> {
  const found = new Set<Onnx.NodeProto>()
  const pending = node ? [node] : []
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next)) continue
    found.add(next)
    for (const name of next.input) {
      const maker = producer.get(name)
      if (maker) pending.push(maker)
    }
  }
  return found
}

/** Nodes that read the memory of the value `name`, through aliases too. */
function memoryReaders(name: string, readers: ReadonlyMap<string, readonly Onnx.NodeProto[]>): Onnx.NodeProto[] {
  return (readers.get(name) ?? []).flatMap((node) => {
    if (!aliases.has(node.opType)) return [node]
    return [node, ...node.output.flatMap((output) => memoryReaders(output, readers))]
  })
}

import type { Attributes, Operation } from '../operation.ts'
import { apply, type Node, type Tensor } from '../tensor.ts'

/** The same graph with every application of `name` replaced by its decomposition. */
export function expand(outputs: readonly Tensor[], name: string): Tensor[] {
  const known = new Map<Node, readonly Tensor[]>()
  const visit = (tensor: Tensor): Tensor => {
    const { node } = tensor
    if (!known.has(node)) known.set(node, rebuild(node, node.inputs.map(visit), name))
    return known.get(node)![tensor.index]!
  }
  return outputs.map(visit)
}

function rebuild(node: Node, inputs: readonly Tensor[], name: string): readonly Tensor[] {
  const operation = node.operation as Operation<Attributes>
  if (operation.name === name) return operation.decompose!(inputs, node.attributes)
  return inputs.length === 0 ? node.outputs : apply(operation, inputs, node.attributes)
}

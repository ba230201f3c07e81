import { ShapeError } from '../errors.ts'
import { allocate, sizeOf } from './dtype.ts'
import type { Attributes, Operation } from './operation.ts'
import { add } from './operations/elementwise.ts'
import { constant, formatShape, inputsFirst, type Node, sameShape, staticShape, type Tensor } from './tensor.ts'

/**
 * ∂(Σ outputs · cotangents)/∂wrt by reverse mode, as more graph: every rule is written in
 * operations, so the result can be differentiated again.
 *
 * `loss` must be a float32 scalar. A tensor that the loss does not depend on gets zeros.
 * Throws {@link ShapeError} for a loss that is none. Follows Griewank & Walther (2008), §3.2.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.rank !== 0)
    throw new ShapeError(`gradients: the loss must be a scalar, got ${formatShape(loss.shape)}; sum or average it`)
  if (loss.dtype !== 'float32') throw new ShapeError(`gradients: the loss is ${loss.dtype}, wanted float32; cast it`)
  const one = constant({ dtype: 'float32', shape: [], data: Float32Array.of(1) })
  return pullBack([loss], [one], wrt).map((g, i) => g ?? zerosLike(wrt[i]!))
}

/**
 * Cotangents of `wrt` given those of `outputs`; undefined where nothing flows. With `independent`,
 * members of `wrt` count as free variables even where one is computed from another.
 */
function pullBack(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
  independent = false,
): (Tensor | undefined)[] {
  const order = nodesBetween(wrt, outputs, independent)
  const reached = new Map<Tensor, Tensor>()
  const receive = (tensor: Tensor, g: Tensor | undefined) => {
    if (!g) return
    const sum = reached.get(tensor)
    reached.set(tensor, sum ? add(sum, g) : g)
  }
  for (const [i, output] of outputs.entries()) receive(output, cotangents[i])
  for (const node of order.reverse()) {
    const flowing = node.outputs.map((output) => reached.get(output))
    if (flowing.every((g) => g === undefined)) continue
    for (const [i, g] of gradientOf(node, flowing).entries()) checkedReceive(node, i, g, receive)
  }
  return wrt.map((tensor) => reached.get(tensor))
}

function checkedReceive(node: Node, i: number, g: Tensor | undefined, receive: (x: Tensor, g?: Tensor) => void): void {
  const x = node.inputs[i] as Tensor
  if (g && !sameShape(g.shape, x.shape))
    throw new ShapeError(
      `${node.operation.name}: its gradient rule gave ${formatShape(g.shape)} for an input ${formatShape(x.shape)}`,
    )
  receive(x, g)
}

/** A node's own rule, or that of its decomposition. */
function gradientOf(node: Node, cotangents: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  if (node.operation.gradient) return node.operation.gradient(node, cotangents)
  return rederive(node.operation, node, cotangents)
}

/** The gradient of an operation's decomposition, for rules that cover the common case only. */
export function rederive<A extends Attributes>(
  operation: Operation<A>,
  node: Node & { readonly attributes: A },
  cotangents: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  if (!operation.decompose) throw new ShapeError(`${operation.name}: has no gradient; stop it with stopGradient`)
  const { inputs } = node
  const whole = pullBack(operation.decompose(inputs, node.attributes), cotangents, inputs, true)
  // A tensor that stands twice among the inputs has its whole gradient in each place: give it once.
  return whole.map((g, i) => (inputs.indexOf(inputs[i]!) === i ? g : undefined))
}

/** Nodes that lie on a path from `sources` to `targets`, inputs before users. */
function nodesBetween(sources: readonly Tensor[], targets: readonly Tensor[], independent: boolean): Node[] {
  const isSource = new Set(sources)
  const onPath = new Set<Node>()
  const free = (x: Tensor) => independent && isSource.has(x)
  const inputsOf = (node: Node) => node.inputs.filter((x) => !free(x)).map((x) => x.node)
  for (const node of inputsFirst(
    targets.filter((x) => !free(x)).map((x) => x.node),
    inputsOf,
  ))
    if (node.inputs.some((x) => isSource.has(x) || onPath.has(x.node))) onPath.add(node)
  return [...onPath]
}

function zerosLike(x: Tensor): Tensor {
  const shape = staticShape('gradients', x.shape)
  return constant({ dtype: x.dtype, shape, data: allocate(x.dtype, sizeOf(shape)) })
}

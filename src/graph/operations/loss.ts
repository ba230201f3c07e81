import { ShapeError } from '../../errors.ts'
import { rederive } from '../gradient.ts'
import type { Operation } from '../operation.ts'
import { requireDtype, requireRank } from '../shape-rules.ts'
import { apply, applyOne, formatShape, type Tensor } from '../tensor.ts'
import { add, exp, mul, neg, sub } from './elementwise.ts'
import { oneHot, pick } from './indexing.ts'
import { logSoftmax } from './normalization.ts'
import { mean } from './reduce.ts'
import { reshape } from './shape.ts'

interface CrossEntropyAttributes {
  /** ε of label smoothing (Szegedy et al. 2016): the target is (1 − ε) one-hot + ε uniform. */
  readonly smoothing: number
}

/**
 * −Σ_v q_v log p_v of each row, q = (1 − ε) one-hot(target) + ε/V. logits [N, V], targets int [N].
 * Outputs: losses [N] and log-probabilities [N, V], which the gradient uses.
 */
const crossEntropyRow: Operation<CrossEntropyAttributes> = {
  name: 'crossEntropy',
  infer: ([logits, targets]) => {
    const [n] = requireRank('crossEntropy', 'logits', logits!, 2)
    const [m] = requireRank('crossEntropy', 'targets', targets!, 1)
    if (m !== n)
      throw new ShapeError(
        `crossEntropy: logits ${formatShape(logits!.shape)} and targets ${formatShape(targets!.shape)} differ in their first size`,
      )
    requireDtype('crossEntropy', targets!.dtype, ['int32', 'int64'])
    return [{ dtype: logits!.dtype, shape: [n!] }, logits!]
  },
  decompose: ([logits, targets], { smoothing }) => {
    const logP = logSoftmax(logits!)
    const hard = neg(pick(logP, targets!))
    if (smoothing === 0) return [hard, logP]
    return [sub(mul(hard, 1 - smoothing), mul(mean(logP, { axes: [-1] }), smoothing)), logP]
  },
  gradient: (node, [g, gLogP]) => {
    if (gLogP || !g) return rederive(crossEntropyRow, node, [g, gLogP])
    const [logits, targets] = node.inputs
    const [n, vocabulary] = logits!.shape as [number, number]
    const p = exp(node.outputs[1]!)
    const spread = reshape(g, [n, 1])
    const { smoothing } = node.attributes
    const soft = mul(smoothing === 0 ? p : sub(p, smoothing / vocabulary), spread)
    return [applyOne(addToPickedRow, [soft, targets!, mul(g, smoothing - 1)], {}), undefined]
  },
}

/** y = x but y[n, ids[n]] = x[n, ids[n]] + values[n]. */
const addToPickedRow: Operation<Record<never, never>> = {
  name: 'addToPicked',
  infer: ([x, ids, values]) => {
    const [n] = requireRank('addToPicked', 'x', x!, 2)
    for (const { shape } of [ids!, values!])
      if (shape.length !== 1 || shape[0] !== n)
        throw new ShapeError(`addToPicked: ids and values must be [${n}], one a row of x, got ${formatShape(shape)}`)
    return [x!]
  },
  decompose: ([x, ids, values]) => {
    const [n, width] = x!.shape as [number, number]
    return [add(x!, mul(oneHot(ids!, width, x!.dtype), reshape(values!, [n, 1])))]
  },
  lower: (emit, [x, ids, values], _, node) => {
    const [n] = node.inputs[0]!.shape as [number, number]
    const column = (name: string) => emit.node('Reshape', [name, emit.ints([n, 1])])[0]!
    const attributes = { axis: { int: 1 }, reduction: { string: 'add' } }
    return emit.node('ScatterElements', [x!, column(ids!), column(values!)], attributes)
  },
}

/** Cross-entropy in nats of each row of logits [N, V] against targets [N] → [N], with label smoothing ε. */
export function crossEntropy(logits: Tensor, targets: Tensor, smoothing = 0): Tensor {
  return apply(crossEntropyRow, [logits, targets], { smoothing })[0]!
}

/** Rows of this file. */
export const lossRows = [crossEntropyRow, addToPickedRow]

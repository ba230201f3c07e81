import { ShapeError } from '../../errors.ts'
import { rederive } from '../gradient.ts'
import type { Operation } from '../operation.ts'
import { floats, requireDtype } from '../shape-rules.ts'
import { apply, applyOne, type Dim, formatShape, type Tensor, type TensorType } from '../tensor.ts'
import { add, div, exp, log, mul, reciprocal, sqrt, sub } from './elementwise.ts'
import { max, mean, sum, sumTo } from './reduce.ts'
import { reshape } from './shape.ts'

type None = Record<never, never>
interface NormAttributes {
  readonly epsilon: number
}

const lastAxis = { axes: [-1], keepDims: true } as const

/** pᵢ = e^{xᵢ} / Σ e^{xⱼ} over the last axis. */
const softmaxRow: Operation<None> = {
  name: 'softmax',
  infer: ([x]) => [{ dtype: requireDtype('softmax', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x]) => {
    const e = exp(sub(x!, max(x!, lastAxis)))
    return [div(e, sum(e, lastAxis))]
  },
  gradient: ({ outputs: [p] }, [g]) => [mul(p!, sub(g!, sum(mul(g!, p!), lastAxis)))],
  lower: (emit, inputs) => emit.node('Softmax', inputs, { axis: { int: -1 } }),
}

/** xᵢ − log Σ e^{xⱼ} over the last axis. */
const logSoftmaxRow: Operation<None> = {
  name: 'logSoftmax',
  infer: ([x]) => [{ dtype: requireDtype('logSoftmax', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x]) => {
    const centred = sub(x!, max(x!, lastAxis))
    return [sub(centred, log(sum(exp(centred), lastAxis)))]
  },
  gradient: ({ outputs: [y] }, [g]) => [sub(g!, mul(exp(y!), sum(g!, lastAxis)))],
  lower: (emit, inputs) => emit.node('LogSoftmax', inputs, { axis: { int: -1 } }),
}

/** Outputs: the normalized tensor and the statistics [..., 1] that its gradient needs. */
function normTypes(name: string, inputs: readonly TensorType[], statistics: number): TensorType[] {
  const [x, ...scales] = inputs as [TensorType, ...TensorType[]]
  const dtype = requireDtype(name, x.dtype, floats)
  const width = x.shape.at(-1)
  if (width === undefined) throw new ShapeError(`${name}: needs at least 1 dimension, got a scalar; reshape it`)
  for (const { shape } of scales)
    if (shape.length !== 1 || shape[0] !== width)
      throw new ShapeError(
        `${name}: scale and shift must be [${width}] for ${formatShape(x.shape)}, got ${formatShape(shape)}`,
      )
  const column = { dtype, shape: x.shape.with(-1, 1) }
  return [{ dtype, shape: x.shape }, ...Array.from({ length: statistics }, () => column)]
}

/** ∂/∂x of n = (x − μ) · r through the statistics: r · (d − mean(d) − n · mean(d · n)), d = ∂/∂n. */
function throughStatistics(d: Tensor, n: Tensor, r: Tensor, centred: boolean): Tensor {
  const along = sub(d, mul(n, mean(mul(d, n), lastAxis)))
  return mul(r, centred ? sub(along, mean(d, lastAxis)) : along)
}

/** y = x · r · weight, r = 1/√(mean(x²) + ε) (Zhang & Sennrich 2019, equation 4). Outputs y and r. */
const rmsNormRow: Operation<NormAttributes> = {
  name: 'rmsNorm',
  infer: (inputs) => normTypes('rmsNorm', inputs, 1),
  decompose: ([x, weight], { epsilon }) => {
    const r = reciprocal(sqrt(add(mean(mul(x!, x!), lastAxis), epsilon)))
    const n = mul(x!, r)
    return [weight ? mul(n, weight) : n, r]
  },
  gradient: (node, [g, gr]) => {
    if (gr || !g) return rederive(rmsNormRow, node, [g, gr])
    const [x, weight] = node.inputs
    const [y, r] = node.outputs
    const n = weight ? mul(x!, r!) : y!
    const dx = throughStatistics(weight ? mul(g, weight) : g, n, r!, false)
    return weight ? [dx, sumTo(mul(g, n), weight.shape)] : [dx]
  },
  lower: (emit, [x, weight], { epsilon }, node) => {
    if (emit.provider !== 'cpu') return undefined
    const width = node.inputs[0]!.shape.at(-1) as number
    const ones = () => emit.constant({ dtype: 'float32', shape: [width], data: new Float32Array(width).fill(1) })
    const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } }
    return emit.node('SimplifiedLayerNormalization', [x!, weight ?? ones()], attributes, { outputs: 2 })
  },
}

/** y = (x − μ) · r · weight + bias, r = 1/√(var(x) + ε) (Ba et al. 2016). Outputs y, μ and r. */
const layerNormRow: Operation<NormAttributes> = {
  name: 'layerNorm',
  infer: (inputs) => normTypes('layerNorm', inputs, 2),
  decompose: ([x, weight, bias], { epsilon }) => {
    const mu = mean(x!, lastAxis)
    const centred = sub(x!, mu)
    const r = reciprocal(sqrt(add(mean(mul(centred, centred), lastAxis), epsilon)))
    return [add(mul(mul(centred, r), weight!), bias!), mu, r]
  },
  gradient: (node, [g, gmu, gr]) => {
    if (gmu || gr || !g) return rederive(layerNormRow, node, [g, gmu, gr])
    const [x, weight, bias] = node.inputs
    const [, mu, r] = node.outputs
    const n = mul(sub(x!, mu!), r!)
    const dx = throughStatistics(mul(g, weight!), n, r!, true)
    return [dx, sumTo(mul(g, n), weight!.shape), sumTo(g, bias!.shape)]
  },
  lower: (emit, inputs, { epsilon }) =>
    emit.node('LayerNormalization', inputs, { axis: { int: -1 }, epsilon: { float: epsilon } }, { outputs: 3 }),
}

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => applyOne(softmaxRow, [x], {})
/** log of softmax over the last axis, without overflow. */
export const logSoftmax = (x: Tensor): Tensor => applyOne(logSoftmaxRow, [x], {})

/** x / √(mean(x²) + ε) over the last axis, times `weight` where given (Zhang & Sennrich 2019). */
export function rmsNorm(x: Tensor, weight?: Tensor, epsilon = 1e-5): Tensor {
  return apply(rmsNormRow, weight ? [x, weight] : [x], { epsilon })[0]!
}

/** (x − μ) / √(σ² + ε) over the last axis, times `weight` plus `bias` (Ba et al. 2016). */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  return apply(layerNormRow, [x, weight, bias], { epsilon })[0]!
}

/**
 * Group normalization (Wu & He 2018): x [B, C, ...] less its mean, over its deviation, in `groups` groups of channels
 * of each picture, times `scale` [C] plus `shift` [C].
 */
export function groupNorm(x: Tensor, groups: number, scale?: Tensor, shift?: Tensor, epsilon = 1e-5): Tensor {
  const [batch, channels, ...rest] = x.shape as [Dim, number, ...Dim[]]
  if (!Number.isInteger(channels / groups))
    throw new ShapeError(`groupNorm: ${channels} channels do not make ${groups} equal groups; choose a divisor`)
  const apart = reshape(x, [batch, groups, -1])
  const centred = sub(apart, mean(apart, lastAxis))
  const deviation = sqrt(add(mean(mul(centred, centred), lastAxis), epsilon))
  const normal = reshape(div(centred, deviation), x.shape)
  const perChannel = (v: Tensor) => reshape(v, [channels, ...rest.map(() => 1)])
  const scaled = scale ? mul(normal, perChannel(scale)) : normal
  return shift ? add(scaled, perChannel(shift)) : scaled
}

/** Rows of this file. */
export const normalizationRows = [softmaxRow, logSoftmaxRow, rmsNormRow, layerNormRow]

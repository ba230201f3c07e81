import { gradients } from '../graph/gradient.ts'
import { add, mul, sub } from '../graph/operations/elementwise.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import type { Parameter } from '../nn/parameters.ts'
import { clipScale, globalNorm } from '../optim/clip.ts'
import type { Optimizer } from '../optim/optimizer.ts'

/** What a training step is built from. */
export interface StepOptions {
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly optimizer: Optimizer
  /** Limit of the gradients' global norm; Infinity leaves them as they are. */
  readonly gradientClip: number
  /** Decay of the moving average of the weights, 0 up to 1, or a scalar that is fed; undefined keeps none. */
  readonly emaDecay?: number | Tensor
}

/** Outputs of a graph by name, and which input each is to overwrite. */
export interface StepGraph {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** Output name → input name. */
  readonly overwrite: Readonly<Record<string, string>>
}

/** The name under which a step gives the next value of the state `name`. */
export const nextName = (name: string): string => `next.${name}`

/** Names of state tensors that stand beside a parameter. */
export const stateName = {
  optimizer: (slot: string, parameter: string) => `optimizer.${slot}.${parameter}`,
  ema: (parameter: string) => `ema.${parameter}`,
  gradient: (parameter: string) => `gradient.${parameter}`,
}

/** Forward, backward, clipping, update and moving average as one graph: outputs `loss`, `gradientNorm` and the next state. */
export function fusedStep(loss: Tensor, options: StepOptions): StepGraph {
  const parameters = [...options.parameters.values()]
  const wrt = gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  )
  return withLoss(loss, updates(parameters, wrt, options))
}

/** Forward and backward alone, added to gradients from before: what accumulation runs before {@link applyStep}. */
export function gradientStep(loss: Tensor, options: StepOptions): StepGraph {
  const parameters = [...options.parameters.values()]
  // `keep` is 0 for the first part of a batch, 1 for the others; `share` is one over the number of parts.
  const keep = input('keep', 'float32', [])
  const share = input('share', 'float32', [])
  const wrt = gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  )
  const state = parameters.map(({ name, shape }, i) => {
    const sum = input(stateName.gradient(name), 'float32', shape)
    return [stateName.gradient(name), add(mul(sum, keep), mul(wrt[i]!, share))] as const
  })
  return withLoss(loss, overwriting(state))
}

/** The update alone, from accumulated gradients. */
export function applyStep(options: StepOptions): StepGraph {
  const parameters = [...options.parameters.values()]
  const sums = parameters.map(({ name, shape }) => input(stateName.gradient(name), 'float32', shape))
  return updates(parameters, sums, options)
}

function updates(parameters: readonly Parameter[], wrt: readonly Tensor[], options: StepOptions): StepGraph {
  const { optimizer, emaDecay } = options
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1, 0)).map((name) => [name, input(name, 'float32', [])]),
  )
  const norm = globalNorm(wrt)
  // Even where nothing is clipped, the scale depends on every gradient: it is the barrier that lets
  // updates overwrite what the backward pass reads.
  const gradientScale = clipScale(norm, Number.isFinite(options.gradientClip) ? options.gradientClip : 3e38)
  const state = parameters.flatMap((parameter, i) => {
    const { name, shape } = parameter
    const slots = optimizer.slots(parameter)
    const before = Object.fromEntries(
      slots.map((slot) => [slot, input(stateName.optimizer(slot, name), 'float32', shape)]),
    )
    const after = optimizer.update({ parameter, gradient: wrt[i]!, gradientScale, state: before, scalars })
    return [
      [name, after.parameter] as const,
      ...slots.map((slot) => [stateName.optimizer(slot, name), after.state[slot]!] as const),
      ...(emaDecay === undefined
        ? []
        : [[stateName.ema(name), average(parameter, after.parameter, emaDecay)] as const]),
    ]
  })
  const graph = overwriting(state)
  return { ...graph, outputs: { gradientNorm: norm, ...graph.outputs } }
}

/** e ← e + (1 − decay) · (p − e). */
function average({ name, shape }: Parameter, next: Tensor, decay: number | Tensor): Tensor {
  const ema = input(stateName.ema(name), 'float32', shape)
  return add(ema, mul(sub(next, ema), typeof decay === 'number' ? 1 - decay : sub(1, decay)))
}

function overwriting(state: readonly (readonly [string, Tensor])[]): StepGraph {
  return {
    outputs: Object.fromEntries(state.map(([name, tensor]) => [nextName(name), tensor])),
    overwrite: Object.fromEntries(state.map(([name]) => [nextName(name), name])),
  }
}

function withLoss(loss: Tensor, graph: StepGraph): StepGraph {
  return { ...graph, outputs: { loss, ...graph.outputs } }
}

import type { Tensor } from '../graph/tensor.ts'
import type { Parameter } from '../nn/parameters.ts'

/** A parameter's state in an optimizer, by name: float32 tensors of the parameter's shape, zeros at first. */
export type OptimizerState = Readonly<Record<string, Tensor>>

/** What one update is given. */
export interface UpdateInput {
  readonly parameter: Parameter
  /** The gradient, not yet clipped: multiply it by `gradientScale`. */
  readonly gradient: Tensor
  /** Scalar float32: what clipping by the global norm leaves of each gradient. */
  readonly gradientScale: Tensor
  readonly state: OptimizerState
  /** Scalars of this step by the names that {@link Optimizer.scalars} gives. */
  readonly scalars: Readonly<Record<string, Tensor>>
}

/** What one update gives. */
export interface UpdateOutput {
  readonly parameter: Tensor
  readonly state: OptimizerState
}

/** A rule that moves parameters: graph in, graph out. */
export interface Optimizer {
  readonly name: string
  /** Names of the state tensors that it keeps for `parameter`. */
  slots(parameter: Parameter): readonly string[]
  /** Numbers that change from step to step: `step` counts from 1, `learningRate` is the schedule's. */
  scalars(step: number, learningRate: number): Readonly<Record<string, number>>
  update(input: UpdateInput): UpdateOutput
}

/** What a training loop tells, in order; `metrics.jsonl` holds them a line each. */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | EvaluationEvent
  | SampleEvent
  | { readonly type: 'checkpoint'; readonly step: number }
  | EndEvent

/** The loop begins, or goes on from a checkpoint. */
export interface StartEvent {
  readonly type: 'start'
  /** Updates done before. */
  readonly step: number
  readonly parameters: number
  /** Those of them that are trained, where others stand still. */
  readonly trained?: number
}

/** One update was made. */
export interface StepEvent {
  readonly type: 'step'
  /** Updates done, this one included. */
  readonly step: number
  /** Steps in all as far as is known; null while a run bounded by time does not know yet. */
  readonly total: number | null
  /** Share of the run that is done, 0 to 1. */
  readonly progress: number
  /** Nats a token, of this step's batch, before the update. */
  readonly loss: number
  readonly learningRate: number
  /** Before clipping. */
  readonly gradientNorm: number
  /** Of this step; padding is left out. */
  readonly tokensPerSecond: number
  /** Tokens seen since the run began, padding left out. */
  readonly tokens: number
  /** Training time since the run began, resumed sessions added up. */
  readonly elapsedMs: number
}

/** The model was measured on held-out data. */
export interface EvaluationEvent {
  readonly type: 'evaluation'
  readonly step: number
  /** Nats a token. */
  readonly validationLoss: number
  /** Where the predictions are of all of the text. */
  readonly bitsPerByte?: number
  /** Share of the predictions in which the target was the likeliest, where it is measured. */
  readonly accuracy?: number
  /** Whether it is the lowest loss so far. */
  readonly best: boolean
}

/** The model made something. */
export interface SampleEvent {
  readonly type: 'sample'
  readonly step: number
  readonly prompt: string
  readonly text: string
}

/** The loop is over: all steps done, or asked to stop. */
export interface EndEvent {
  readonly type: 'end'
  readonly reason: 'finished' | 'stopped'
  readonly step: number
  readonly tokens: number
  readonly elapsedMs: number
}

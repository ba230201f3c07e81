import type { LookReport, WarningKind } from './duel.ts'
import type { EndEvent } from './events.ts'
import type { RoundResult } from './gan-trainer.ts'

/** What the training of two networks tells, in order; `metrics.jsonl` holds them a line each. */
export type GanEvent =
  | GanStartEvent
  | RoundEvent
  | MeasureEvent
  | WarningEvent
  | PictureSampleEvent
  | { readonly type: 'checkpoint'; readonly step: number }
  | GanEndEvent

/** The loop begins, or goes on from a checkpoint. */
export interface GanStartEvent {
  readonly type: 'start'
  /** Rounds done before. */
  readonly step: number
  readonly parameters: { readonly generator: number; readonly discriminator: number }
}

/** Both players moved. */
export interface RoundEvent extends RoundResult {
  readonly type: 'round'
  /** Rounds done, this one included. */
  readonly step: number
  /** Rounds in all as far as is known; null while a run bounded by time does not know yet. */
  readonly total: number | null
  /** Share of the run that is done, 0 to 1. */
  readonly progress: number
  /** Of the generator. */
  readonly learningRate: number
  /** Strength of augmentation, 0 to 1. */
  readonly augmentation: number
  /** Of the generator's samples, smoothed, as a share of that of real pictures; absent before the first look. */
  readonly diversity?: number
  /** Real pictures shown, repeated ones counted again, a second. */
  readonly picturesPerSecond: number
  /** The same since the run began. */
  readonly pictures: number
  /** Training time since the run began, resumed sessions added up. */
  readonly elapsedMs: number
}

/** Samples were looked at. */
export interface MeasureEvent extends LookReport {
  readonly type: 'evaluation'
  readonly step: number
}

/** The duel goes wrong. */
export interface WarningEvent {
  readonly type: 'warning'
  readonly step: number
  readonly kind: WarningKind
  /** In plain words: what is seen, and what to change. */
  readonly text: string
}

/** Pictures from the same latents as ever, as one PNG. */
export interface PictureSampleEvent {
  readonly type: 'sample'
  readonly step: number
  /** Relative to the run, such as `samples/step-200.png`. */
  readonly path: string
}

/** The loop is over: all rounds done, or asked to stop. */
export interface GanEndEvent extends Omit<EndEvent, 'tokens'> {
  readonly pictures: number
}

import { ConfigError } from '../errors.ts'

/** How the learning rate moves over a run. */
export interface Schedule {
  /** `cosine`: down along half a cosine; `wsd`: flat, then down in a straight line over the last part; `constant`. */
  readonly kind: 'constant' | 'cosine' | 'wsd'
  /** The rate at the end of the warm-up, but for what has decayed by then: never more. */
  readonly peak: number
  /** What is left at the end, as a share of the peak, 0 to 1. */
  readonly floor: number
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number
  /** Share of the run that `wsd` decays over, 0 to 1. */
  readonly decayShare: number
}

/**
 * The learning rate of a step that lies at `progress` (0 to 1) of its run; `step` counts from 0.
 *
 * Warm-up is counted in steps, the rest in progress, so that a run bounded by time has a schedule too.
 * Cosine: Loshchilov & Hutter (2017), equation 5; warm-up–stable–decay: Hu et al. (2024), section 4.
 * Throws {@link ConfigError} for a share out of range.
 */
export function learningRateAt(schedule: Schedule, step: number, progress: number): number {
  const { kind, peak, floor, warmupSteps, decayShare } = schedule
  for (const [name, share] of Object.entries({ progress, floor, decayShare }))
    if (!(share >= 0 && share <= 1)) throw new ConfigError(`schedule: ${name} is ${share}, wanted 0 to 1`)
  const warm = warmupSteps > 0 ? Math.min(1, (step + 1) / warmupSteps) : 1
  const left = kind === 'constant' ? 1 : kind === 'cosine' ? cosine(progress) : straight(progress, decayShare)
  return peak * Math.min(warm, floor + (1 - floor) * left)
}

function straight(progress: number, share: number): number {
  return share === 0 ? 1 : Math.min(1, (1 - progress) / share)
}

function cosine(progress: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * progress))
}

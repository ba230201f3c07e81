import { ConfigError } from '../errors.ts'

/** From a step on, the run is expected to end after `total` steps in all. */
export interface Plan {
  readonly step: number
  readonly total: number
}

/** How far a run goes: a number of steps, as many as fit into some minutes, or what an earlier run planned. */
export type Budget = { readonly steps: number } | { readonly minutes: number } | { readonly plans: readonly Plan[] }

/** Share of the run between two estimates of how many steps still fit. */
const replanEvery = 0.05
/** Steps before the first estimate: the first run of a graph is slower than the others. */
const stepsToMeasure = 5

/**
 * How far along a run each step is, from 0 to 1: what the learning rate follows.
 *
 * A run bounded by time cannot know its steps beforehand: it estimates them from its own speed, again
 * and again, and keeps the estimates. They make the schedule that it realised a function of the step
 * alone, so that the run can be resumed and repeated bit for bit.
 */
export class Pace {
  readonly plans: Plan[]
  readonly #budget: Budget
  #marks: { step: number; elapsedMs: number } = { step: 0, elapsedMs: 0 }

  /** Continues from `plans` of a checkpoint. Throws {@link ConfigError} for a budget that is not positive. */
  constructor(budget: Budget, plans: readonly Plan[] = []) {
    const fixed = 'plans' in budget ? budget.plans : 'steps' in budget ? [{ step: 0, total: budget.steps }] : plans
    const limit = 'minutes' in budget ? budget.minutes : fixed.at(-1)?.total
    if (!(limit! > 0) || (!('minutes' in budget) && !Number.isInteger(limit)))
      throw new ConfigError(`train: got a budget of ${JSON.stringify(budget)}, wanted whole steps or minutes above 0`)
    this.#budget = budget
    this.plans = [...fixed]
  }

  /** Share of the run that lies before `step`, 0 to 1. */
  progress(step: number): number {
    let share = 0
    for (const [i, plan] of this.plans.entries()) {
      const end = Math.min(step, this.plans[i + 1]?.step ?? step)
      if (end > plan.step) share += (1 - share) * Math.min(1, (end - plan.step) / Math.max(1, plan.total - plan.step))
    }
    return Math.min(1, share)
  }

  /** Whether `step` updates are all that this run has. */
  done(step: number): boolean {
    return step >= this.total
  }

  /** Steps in all, as far as is known now. */
  get total(): number {
    return this.plans.at(-1)?.total ?? Number.POSITIVE_INFINITY
  }

  /** Tells that `step` updates took `elapsedMs`, all sessions of the run together; plans anew where it is time. */
  measure(step: number, elapsedMs: number): void {
    if (!('minutes' in this.#budget) || this.done(step)) return
    const last = this.plans.at(-1)
    const since = step - this.#marks.step
    const spent = elapsedMs >= this.#budget.minutes * 60_000
    if (since < 1 || (since < stepsToMeasure && !spent)) return
    if (!spent && last && this.progress(step) - this.progress(last.step) < replanEvery * (1 - this.progress(last.step)))
      return
    const msPerStep = (elapsedMs - this.#marks.elapsedMs) / since
    const left = Math.max(0, this.#budget.minutes * 60_000 - elapsedMs)
    this.plans.push({ step, total: step + Math.round(left / msPerStep) })
    this.#marks = { step, elapsedMs }
  }

  /** Begins measuring from here: after resuming, or after the first steps. */
  mark(step: number, elapsedMs: number): void {
    this.#marks = { step, elapsedMs }
  }
}

/**
 * The plans that a run goes on with where a checkpoint left off: its own; but a run that was finished and is given
 * more minutes plans anew from the start, by its speed so far, as one that is given more steps does.
 */
export function plansToGoOnWith(budget: Budget, from: { step: number; elapsedMs: number; plans: Plan[] }): Plan[] {
  const finished = from.plans.length > 0 && from.step >= from.plans.at(-1)!.total
  if (!finished || !('minutes' in budget)) return from.plans
  const total = Math.round((from.step * budget.minutes * 60_000) / Math.max(1, from.elapsedMs))
  return total > from.step ? [{ step: 0, total }] : from.plans
}

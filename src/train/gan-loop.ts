import { z } from 'zod'
import { learningRateAt, type Schedule } from '../optim/schedule.ts'
import { adaptStrength } from './augment/adaptive.ts'
import { progressFields } from './checkpoint.ts'
import { type DuelWarning, DuelWatch, duelStateSchema, type LookReport } from './duel.ts'
import type { GanEvent, GanStartEvent, RoundEvent, WarningEvent } from './gan-events.ts'
import type { GanTrainer, PlayerName, RoundFeeds, RoundRates } from './gan-trainer.ts'
import { type Budget, Pace, plansToGoOnWith } from './pace.ts'

const count = z.number().int().nonnegative()

/** The form of `last/progress.json` of two networks in training. */
export const ganProgressSchema = z.object({
  ...progressFields,
  /** Real pictures shown. */
  pictures: count,
  /** Strength of augmentation that the next round takes. */
  augmentation: z.number().min(0).max(1),
  duel: duelStateSchema,
})

/** Where a training of two networks stands. */
export type GanProgress = z.infer<typeof ganProgressSchema>

/** What is trained, and what is done with it on the way. */
export interface GanTask {
  readonly trainer: Pick<GanTrainer, 'step' | 'round'>
  readonly parameters: GanStartEvent['parameters']
  /** Feeds of a round as a pure function of its number, counted from 0, and of the augmentation's strength. */
  feeds(round: number, augmentation: number): RoundFeeds
  /** Real pictures that the discriminator sees in a round. */
  readonly picturesPerRound: number
  /** Looks at samples from fixed latents. */
  look(): Promise<LookReport>
  /** Paints samples from fixed latents and says where, relative to the run. */
  sample(): Promise<string>
  /** Keeps the weights, and all state to resume from. */
  save(progress: GanProgress): Promise<void>
}

/** How long, how fast, and how often to look. */
export interface GanLoopOptions {
  readonly budget: Budget
  readonly schedule: Readonly<Record<PlayerName, Schedule>>
  /** Share of the gradient penalty that is left at the end, 0 to 1; it falls along half a cosine. */
  readonly penaltyFloor: number
  /** Samples over the whole run, the last at its end; each comes with a checkpoint. */
  readonly samples: number
  /** Rounds between looks at diversity. */
  readonly lookEvery: number
  /** `adaptive` begins at 0 and follows the duel; a number stays. */
  readonly augmentation: 'adaptive' | number
  /** Whether the game means the discriminator to be far ahead. */
  readonly discriminatorLeads?: boolean
  /** Where a checkpoint left off. */
  readonly from?: GanProgress
  /** Stops after the round that is running, with a checkpoint. */
  readonly signal?: AbortSignal
}

/** Saves this often at least, so that a crash costs little. */
const checkpointEveryMs = 120_000

/**
 * Trains a generator against a discriminator until the budget is spent or `signal` says stop, telling what happens.
 *
 * Every round is a function of its number, so a run that was interrupted at any instant and resumed from its checkpoint
 * ends with the same weights, bit for bit, as one that was not. Throws DivergenceError at the first number that is
 * not finite or beyond all measure; the last checkpoint stands.
 */
export async function* trainGan(task: GanTask, options: GanLoopOptions): AsyncGenerator<GanEvent> {
  const loop = new GanLoop(task, options)
  yield { type: 'start', step: loop.step, parameters: task.parameters }
  while (!loop.pace.done(loop.step) && !options.signal?.aborted) {
    yield* loop.next()
    if (loop.isSampleDue()) yield* loop.sample()
    else if (loop.isCheckpointDue() && !options.signal?.aborted) yield await loop.checkpoint()
  }
  const finished = loop.pace.done(loop.step)
  if (!finished) yield await loop.checkpoint()
  const { step, pictures, elapsedMs } = loop.progress
  yield { type: 'end', reason: finished ? 'finished' : 'stopped', step, pictures, elapsedMs }
}

/** The moving parts of {@link trainGan}. */
class GanLoop {
  readonly pace: Pace
  readonly #task: GanTask
  readonly #options: GanLoopOptions
  readonly #watch: DuelWatch
  readonly #begun: number
  #augmentation: number
  #pictures: number
  #elapsedMs: number
  #last = performance.now()
  #savedAtMs: number

  constructor(task: GanTask, options: GanLoopOptions) {
    const { from, budget, discriminatorLeads = false } = options
    this.#task = task
    this.#options = options
    this.#watch = new DuelWatch({ state: from?.duel, discriminatorLeads })
    this.#begun = from?.step ?? 0
    this.#elapsedMs = from?.elapsedMs ?? 0
    this.#savedAtMs = this.#elapsedMs
    this.#pictures = from?.pictures ?? 0
    this.#augmentation = from?.augmentation ?? (options.augmentation === 'adaptive' ? 0 : options.augmentation)
    this.pace = new Pace(budget, from ? plansToGoOnWith(budget, from) : [])
    this.pace.mark(this.#begun, this.#elapsedMs)
  }

  get step(): number {
    return this.#task.trainer.step
  }

  get progress(): GanProgress {
    return {
      step: this.step,
      elapsedMs: this.#elapsedMs,
      plans: this.pace.plans,
      pictures: this.#pictures,
      augmentation: this.#augmentation,
      duel: this.#watch.state,
    }
  }

  /** Plays one round, and looks at samples where it is time. */
  async *next(): AsyncGenerator<GanEvent> {
    const { trainer, picturesPerRound, feeds } = this.#task
    const round = trainer.step
    const augmentation = this.#augmentation
    const rates = this.#rates(round)
    const begin = performance.now()
    const result = await trainer.round(feeds(round, augmentation), rates)
    const took = performance.now() - begin
    const warnings = this.#watch.round(this.step, result)
    this.#pictures += picturesPerRound
    if (this.#options.augmentation === 'adaptive')
      this.#augmentation = adaptStrength(augmentation, result.realAhead, picturesPerRound)
    this.#tick()
    if (round === this.#begun) this.pace.mark(this.step, this.#elapsedMs)
    else this.pace.measure(this.step, this.#elapsedMs)
    const { diversity } = this.#watch
    yield {
      type: 'round',
      step: this.step,
      total: Number.isFinite(this.pace.total) ? this.pace.total : null,
      progress: this.pace.progress(this.step),
      ...result,
      learningRate: rates.generator,
      augmentation,
      ...(diversity === undefined ? {} : { diversity }),
      picturesPerSecond: (picturesPerRound / took) * 1000,
      pictures: this.#pictures,
      elapsedMs: this.#elapsedMs,
    } satisfies RoundEvent
    yield* this.#warned(warnings)
    if (this.step % this.#options.lookEvery === 0) yield* this.#look()
  }

  /** Whether the round just played crossed one of the run's sample points. */
  isSampleDue(): boolean {
    const point = (step: number) => Math.floor(this.pace.progress(step) * this.#options.samples + 1e-9)
    return this.pace.done(this.step) || point(this.step) > point(this.step - 1)
  }

  isCheckpointDue(): boolean {
    return this.#elapsedMs - this.#savedAtMs >= checkpointEveryMs
  }

  /** Paints samples, and saves. */
  async *sample(): AsyncGenerator<GanEvent> {
    yield { type: 'sample', step: this.step, path: await this.#task.sample() }
    yield await this.checkpoint()
  }

  async checkpoint(): Promise<GanEvent> {
    this.#tick()
    await this.#task.save(this.progress)
    this.#savedAtMs = this.#elapsedMs
    return { type: 'checkpoint', step: this.step }
  }

  async *#look(): AsyncGenerator<GanEvent> {
    const report = await this.#task.look()
    yield { type: 'evaluation', step: this.step, ...report }
    yield* this.#warned(this.#watch.look(this.step, report))
    this.#tick()
  }

  *#warned(warnings: readonly DuelWarning[]): Generator<WarningEvent> {
    for (const warning of warnings) yield { type: 'warning', step: this.step, ...warning }
  }

  #rates(round: number): Required<RoundRates> {
    const { schedule, penaltyFloor: floor } = this.#options
    const progress = this.pace.progress(round)
    const penalty = { kind: 'cosine', peak: 1, floor, warmupSteps: 0, decayShare: 1 } as const
    return {
      generator: learningRateAt(schedule.generator, round, progress),
      discriminator: learningRateAt(schedule.discriminator, round, progress),
      penalty: learningRateAt(penalty, round, progress),
    }
  }

  #tick(): void {
    const now = performance.now()
    this.#elapsedMs += now - this.#last
    this.#last = now
  }
}

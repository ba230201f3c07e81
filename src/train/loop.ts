import { DivergenceError } from '../errors.ts'
import { sizeOf } from '../graph/dtype.ts'
import { learningRateAt, type Schedule } from '../optim/schedule.ts'
import type { DeviceBuffer } from '../runtime/engine.ts'
import type { Progress } from './checkpoint.ts'
import type { EvaluationEvent, SampleEvent, TrainEvent } from './events.ts'
import { type Budget, Pace, plansToGoOnWith } from './pace.ts'
import type { Feeds, Trainer } from './trainer.ts'

/** What an evaluation on held-out data finds: see {@link EvaluationEvent}. */
export type HeldOutFigures = Pick<EvaluationEvent, 'validationLoss' | 'bitsPerByte' | 'accuracy'>

/** What a model learns from at once. */
export interface TrainBatch {
  readonly feeds: Feeds
  /** How many tokens it holds, padding left out. */
  readonly tokens: number
}

/** What is trained, and what is done with it on the way. */
export interface TrainTask {
  readonly trainer: Trainer
  /** Batches of an update as a pure function of its step, counted from 0. */
  batches(step: number): readonly TrainBatch[]
  /** Measures the model on held-out data. */
  evaluate(): Promise<HeldOutFigures>
  /** Lets the model make something. */
  sample?(): Promise<{ readonly prompt: string; readonly text: string }>
  /** Keeps the best weights so far. */
  saveBest(evaluation: EvaluationEvent): Promise<void>
  /** Keeps all state, to resume from. */
  saveLast(progress: Progress): Promise<void>
}

/** How long, how fast, and how often to look. */
export interface LoopOptions {
  readonly budget: Budget
  readonly schedule: Schedule
  /** Evaluations over the whole run, the last at its end; each comes with a sample and a checkpoint. */
  readonly evaluations: number
  /** Where a checkpoint left off. */
  readonly from?: Progress
  /** Stops after the step that is running, with a checkpoint. */
  readonly signal?: AbortSignal
}

/** Saves this often at least, so that a crash costs little. */
const checkpointEveryMs = 120_000

/**
 * Trains until the budget is spent or `signal` says stop, telling what happens as it happens.
 *
 * Every step is a function of its number, so a run that was interrupted at any instant and resumed
 * from its checkpoint ends with the same weights, bit for bit, as one that was not.
 * Throws {@link DivergenceError} at the first loss, held-out loss or gradient that is not finite; the last checkpoint stands.
 */
export async function* train(task: TrainTask, options: LoopOptions): AsyncGenerator<TrainEvent> {
  const loop = new Loop(task, options)
  yield { type: 'start', step: loop.step, ...parameterCounts(task.trainer) }
  while (!loop.pace.done(loop.step) && !options.signal?.aborted) {
    yield await loop.next()
    if (loop.isEvaluationDue()) yield* loop.look()
    else if (loop.isCheckpointDue() && !options.signal?.aborted) yield await loop.checkpoint()
  }
  const finished = loop.pace.done(loop.step)
  if (!finished) yield await loop.checkpoint()
  const { step, tokensSeen: tokens, elapsedMs } = loop.progress
  yield { type: 'end', reason: finished ? 'finished' : 'stopped', step, tokens, elapsedMs }
}

/** The moving parts of {@link train}. */
class Loop {
  readonly pace: Pace
  readonly from: Progress
  best: Progress['best']
  readonly #task: TrainTask
  readonly #options: LoopOptions
  #tokensSeen: number
  #elapsedMs: number
  #last = performance.now()
  #savedAtMs: number

  constructor(task: TrainTask, options: LoopOptions) {
    const none: Progress = { step: 0, tokensSeen: 0, elapsedMs: 0, plans: [] }
    this.#task = task
    this.#options = options
    this.from = options.from ?? none
    this.best = this.from.best
    this.pace = new Pace(options.budget, plansToGoOnWith(options.budget, this.from))
    this.pace.mark(this.from.step, this.from.elapsedMs)
    this.#tokensSeen = this.from.tokensSeen
    this.#elapsedMs = this.from.elapsedMs
    this.#savedAtMs = this.from.elapsedMs
  }

  get step(): number {
    return this.#task.trainer.step
  }

  get progress(): Progress {
    const { best, pace } = this
    const base = { step: this.step, tokensSeen: this.#tokensSeen, elapsedMs: this.#elapsedMs, plans: pace.plans }
    return best ? { ...base, best } : base
  }

  /** Makes one update. */
  async next(): Promise<TrainEvent> {
    const { trainer } = this.#task
    const step = trainer.step
    const learningRate = learningRateAt(this.#options.schedule, step, this.pace.progress(step))
    const begin = performance.now()
    const batches = this.#task.batches(step)
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0)
    const feeds = batches.map((batch) => batch.feeds)
    const { loss, gradientNorm } = await trainer.train(feeds, learningRate)
    const took = performance.now() - begin
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) throw diverged(step, loss, gradientNorm)
    this.#tokensSeen += tokens
    this.#tick()
    if (step === this.from.step) this.pace.mark(this.step, this.#elapsedMs)
    else this.pace.measure(this.step, this.#elapsedMs)
    return {
      type: 'step',
      step: this.step,
      total: Number.isFinite(this.pace.total) ? this.pace.total : null,
      progress: this.pace.progress(this.step),
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond: (tokens / took) * 1000,
      tokens: this.#tokensSeen,
      elapsedMs: this.#elapsedMs,
    }
  }

  /** Whether the step just made crossed one of the run's evaluation points. */
  isEvaluationDue(): boolean {
    const { evaluations } = this.#options
    const point = (step: number) => Math.floor(this.pace.progress(step) * evaluations + 1e-9)
    return this.pace.done(this.step) || point(this.step) > point(this.step - 1)
  }

  isCheckpointDue(): boolean {
    return this.#elapsedMs - this.#savedAtMs >= checkpointEveryMs
  }

  /** Evaluates, keeps the weights if they are the best, lets the model write, and saves. */
  async *look(): AsyncGenerator<TrainEvent> {
    const figures = await this.#task.evaluate()
    const { validationLoss } = figures
    if (!Number.isFinite(validationLoss)) throw failedHeldOut(this.step, validationLoss)
    const best = this.best === undefined || validationLoss < this.best.validationLoss
    const evaluation: EvaluationEvent = { type: 'evaluation', step: this.step, ...figures, best }
    yield evaluation
    if (best) {
      this.best = { step: this.step, validationLoss }
      await this.#task.saveBest(evaluation)
    }
    const made = await this.#task.sample?.()
    if (made) yield { type: 'sample', step: this.step, ...made } satisfies SampleEvent
    yield await this.checkpoint()
  }

  async checkpoint(): Promise<TrainEvent> {
    this.#tick()
    await this.#task.saveLast(this.progress)
    this.#savedAtMs = this.#elapsedMs
    return { type: 'checkpoint', step: this.step }
  }

  #tick(): void {
    const now = performance.now()
    this.#elapsedMs += now - this.#last
    this.#last = now
  }
}

function parameterCounts(trainer: Trainer): { parameters: number; trained?: number } {
  const count = (buffers: Readonly<Record<string, DeviceBuffer>>) =>
    Object.values(buffers).reduce((total, { shape }) => total + sizeOf(shape), 0)
  const [trained, frozen] = [count(trainer.weights()), count(trainer.frozen)]
  return frozen > 0 ? { parameters: trained + frozen, trained } : { parameters: trained }
}

const divergenceRemedy = 'lower learningRate or gradientClip in another run; the last checkpoint stands'

function diverged(step: number, loss: number, gradientNorm: number): DivergenceError {
  return new DivergenceError(
    `train: step ${step + 1} gave loss ${loss} and gradient norm ${gradientNorm}; ${divergenceRemedy}`,
    { step, loss, gradientNorm },
  )
}

function failedHeldOut(step: number, validationLoss: number): DivergenceError {
  return new DivergenceError(`train: after step ${step} the held-out loss is ${validationLoss}; ${divergenceRemedy}`, {
    step,
    validationLoss,
  })
}

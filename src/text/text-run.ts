import { loadAdapterWeights, saveAdapter } from '../models/adapter.ts'
import { isInLayer } from '../models/architecture.ts'
import { loadWeights, saveModel } from '../models/checkpoint.ts'
import { asAdapted } from '../models/lora.ts'
import { familyNamed } from '../models/registry.ts'
import { adamW } from '../optim/adamw.ts'
import { muon } from '../optim/muon.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { hasCheckpoint, loadCheckpoint, type Progress, saveCheckpoint } from '../train/checkpoint.ts'
import type { TrainEvent } from '../train/events.ts'
import { countParameters, HeldOutSums } from '../train/held-out.ts'
import { type HeldOutFigures, type LoopOptions, type TrainTask, train } from '../train/loop.ts'
import type { Budget } from '../train/pace.ts'
import { openMetrics } from '../train/run-record.ts'
import { Trainer } from '../train/trainer.ts'
import { weightsToTune } from './checkpoint-to-tune.ts'
import type { Corpus } from './data/open-corpus.ts'
import { type RunRecord, writeReport } from './run.ts'
import type { TextSettings } from './settings.ts'
import type { Objective } from './tasks/task.ts'
import { taskFor } from './tasks/tasks.ts'

/** A run's record with its corpus open. */
export interface Prepared {
  readonly record: RunRecord
  readonly settings: TextSettings
  readonly corpus: Corpus
}

/** What a run came to. */
export interface TextRunResult {
  readonly run: string
  readonly report: string
  readonly steps: number
  /** Tokens that training saw. */
  readonly tokens: number
  /** Training time, resumed sessions added up. */
  readonly seconds: number
  readonly tokensPerSecond: number
  readonly parameters: number
  /** Those of them that were trained, where others stood still. */
  readonly trainedParameters?: number
  /** Mean over all of the held-out text, nats a prediction, of the weights that were kept. */
  readonly validationLoss: number
  /** Where all of the text is predicted. */
  readonly bitsPerByte?: number
  /** Share of the predictions in which the target was the likeliest, where it is measured. */
  readonly accuracy?: number
  /** The step whose weights are in `model.safetensors`. */
  readonly bestStep: number
  readonly stopped: boolean
}

/** A model in training on an engine, with its folder. */
export class TextRun {
  readonly #out: string
  readonly #prepared: Prepared
  readonly #objective: Objective
  readonly #engine: Engine
  readonly #trainer: Trainer
  readonly #heldOut: HeldOutSums
  readonly #from: Progress | undefined

  private constructor(parts: {
    out: string
    prepared: Prepared
    objective: Objective
    engine: Engine
    trainer: Trainer
    heldOut: HeldOutSums
    from: Progress | undefined
  }) {
    this.#out = parts.out
    this.#prepared = parts.prepared
    this.#objective = parts.objective
    this.#engine = parts.engine
    this.#trainer = parts.trainer
    this.#heldOut = parts.heldOut
    this.#from = parts.from
  }

  static async create(engine: Engine, out: string, prepared: Prepared, resume: boolean): Promise<TextRun> {
    const { record, settings } = prepared
    const objective = objectiveOf(prepared)
    const { scope } = objective.architecture
    const goesOn = resume && hasCheckpoint(out)
    const trainer = await Trainer.create(engine, {
      ...(await trainedPart(prepared, objective, goesOn)),
      loss: objective.loss,
      otherLosses: objective.narrowerLosses ?? [],
      optimizer: optimizerOf(settings),
      gradientClip: settings.gradientClip === 0 ? Number.POSITIVE_INFINITY : settings.gradientClip,
      accumulation: settings.accumulation,
      seed: record.seed,
      ...(settings.emaDecay > 0 ? { emaDecay: settings.emaDecay } : {}),
    })
    const heldOut = await HeldOutSums.create(engine, scope, objective.heldOut.sums)
    const from = goesOn ? await loadCheckpoint(out, trainer) : undefined
    return new TextRun({ out, prepared, objective, engine, trainer, heldOut, from })
  }

  /** Positions that the model sees at once. */
  get contextLength(): number {
    return this.#objective.architecture.dimensions.contextLength
  }

  /** What users should know about how the corpus is used. */
  get notes(): readonly string[] {
    return this.#objective.notes
  }

  async *train(signal?: AbortSignal): AsyncGenerator<TrainEvent, TextRunResult> {
    const start = this.#from?.step ?? 0
    const metrics = await openMetrics(this.#out, start)
    let progress: Progress = this.#from ?? { step: 0, tokensSeen: 0, elapsedMs: 0, plans: [] }
    let stopped = false
    const task = this.#task((saved) => (progress = saved))
    try {
      for await (const event of train(task, this.#loopOptions(signal))) {
        if (event.type !== 'start') await metrics.append(event)
        if (event.type === 'checkpoint') await this.#report(progress, 'running')
        if (event.type === 'end') stopped = event.reason === 'stopped'
        yield event
      }
    } finally {
      await metrics.close()
    }
    return this.#result(progress, stopped)
  }

  async release(): Promise<void> {
    await this.#trainer.release()
    await this.#heldOut.release()
  }

  #task(onSaved: (progress: Progress) => void): TrainTask {
    const { accumulation, evaluationBatches } = this.#prepared.settings
    const objective = this.#objective
    return {
      trainer: this.#trainer,
      batches: (step) => Array.from({ length: accumulation }, (_, i) => objective.batch(step * accumulation + i)),
      evaluate: () => this.#evaluate(evaluationBatches),
      sample: () => objective.sample(this.#engine, this.#weights(), this.#trainer.step),
      saveBest: ({ step, validationLoss }) => this.#save(step, validationLoss),
      saveLast: async (progress) => {
        await saveCheckpoint(this.#out, this.#trainer, progress)
        if (!progress.best) await this.#save(progress.step, Number.NaN)
        onSaved(progress)
      },
    }
  }

  #loopOptions(signal?: AbortSignal): LoopOptions {
    const {
      learningRate: peak,
      learningRateFloor: floor,
      schedule: kind,
      warmupSteps,
      decayShare,
      evaluations,
    } = this.#prepared.settings
    return {
      budget: this.#budget(),
      schedule: { kind, peak, floor, warmupSteps, decayShare },
      evaluations,
      ...(this.#from ? { from: this.#from } : {}),
      ...(signal ? { signal } : {}),
    }
  }

  #budget(): Budget {
    const { record, settings } = this.#prepared
    const { budget } = record
    if (!('epochs' in budget)) return budget
    return { steps: Math.ceil((budget.epochs * this.#objective.batchesPerEpoch) / settings.accumulation) }
  }

  /** All weights of the model as it is now, those included that nothing moves. */
  #weights(): Record<string, DeviceBuffer> {
    return { ...this.#trainer.frozen, ...this.#trainer.weights() }
  }

  /** What the model is worth on held-out text: on `limit` batches of it, or on all where `limit` is 0. */
  async #evaluate(limit: number, weights = this.#weights()): Promise<HeldOutFigures> {
    const { heldOut } = this.#objective
    const all = heldOut.batches()
    return heldOut.figures(await this.#heldOut.means(weights, limit > 0 ? take(all, limit) : all))
  }

  /** All held-out text by the weights that were kept, which need not be the last. */
  async #evaluateKept(): Promise<HeldOutFigures> {
    const { architecture } = this.#objective
    const adapted = asAdapted(architecture)
    const weights = await (adapted
      ? loadAdapterWeights(this.#out, adapted.adapters)
      : loadWeights(this.#out, architecture.scope))
    const buffers: Record<string, DeviceBuffer> = {}
    try {
      for (const [name, tensor] of Object.entries(weights)) {
        buffers[name] = this.#engine.createBuffer(tensor)
        await new Promise(setImmediate) // copying them all at once would hold the event loop
      }
      return await this.#evaluate(0, { ...this.#trainer.frozen, ...buffers })
    } finally {
      for (const buffer of Object.values(buffers)) buffer.release()
    }
  }

  async #save(step: number, validationLoss: number): Promise<void> {
    const { record } = this.#prepared
    const tensors = Object.entries(this.#trainer.weights()).map(([name, buffer]) => {
      const read = async () => buffer.host ?? (await buffer.read())
      return [name, { dtype: buffer.dtype, shape: buffer.shape, read }] as const
    })
    const metadata = { step: String(step), validationLoss: String(validationLoss), dataDigest: record.dataDigest }
    const { architecture } = this.#objective
    const adapted = asAdapted(architecture)
    if (!adapted || !record.from) return saveModel(this.#out, architecture, Object.fromEntries(tensors), { metadata })
    const { path: base, digest: baseDigest } = record.from
    await saveAdapter(this.#out, adapted, Object.fromEntries(tensors), { base, metadata: { ...metadata, baseDigest } })
  }

  #report(progress: Progress, status: 'running' | 'finished' | 'stopped'): Promise<string> {
    const { record, corpus } = this.#prepared
    const { title, architecture } = this.#objective
    const parameters = countParameters(architecture)
    return writeReport(this.#out, { record, title, parameters, corpus, progress, status })
  }

  async #result(progress: Progress, stopped: boolean): Promise<TextRunResult> {
    const report = await this.#report(progress, stopped ? 'stopped' : 'finished')
    const seconds = progress.elapsedMs / 1000
    const { architecture } = this.#objective
    const adapted = asAdapted(architecture)
    return {
      run: this.#out,
      report,
      steps: progress.step,
      tokens: progress.tokensSeen,
      seconds,
      tokensPerSecond: seconds > 0 ? progress.tokensSeen / seconds : 0,
      parameters: countParameters(architecture),
      ...(adapted ? { trainedParameters: countParameters({ scope: adapted.adapters }) } : {}),
      ...(await this.#evaluateKept()),
      bestStep: progress.best?.step ?? progress.step,
      stopped,
    }
  }
}

/** The parameters that move and where they begin, and what stands still beside them. */
async function trainedPart({ record }: Prepared, { architecture, initial }: Objective, goesOn: boolean) {
  const { from } = record
  const adapted = asAdapted(architecture)
  const { parameters } = adapted?.adapters ?? architecture.scope
  if (goesOn && !adapted) return { parameters }
  if (!from) return { parameters, ...(initial ? { initial: initial() } : {}) }
  const weights = await weightsToTune(from, familyNamed(record.architecture))
  return { parameters, ...(adapted ? { frozen: weights } : { initial: weights }) }
}

/** What a run learns, on its corpus. Throws what {@link taskFor} and the task throw. */
export function objectiveOf({ record, settings, corpus }: Prepared): Objective {
  return taskFor(record.architecture, record.task).open({ ...record, settings, corpus })
}

/** The optimizer that settings name. */
export function optimizerOf(settings: TextSettings): Optimizer {
  if (settings.optimizer === 'adamw') return adamW(settings)
  const isHiddenMatrix = ({ name, shape }: { name: string; shape: readonly number[] }) =>
    shape.length === 2 && isInLayer(name)
  return muon({ ...settings, isHiddenMatrix })
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count
  for (const item of items) {
    if (left-- <= 0) return
    yield item
  }
}

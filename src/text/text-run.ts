import { epochWindows, randomWindows, sequentialWindows, type WindowShape } from '../data/windows.ts'
import { bitsPerByte } from '../evaluate/likelihood.ts'
import { input } from '../graph/tensor.ts'
import { nextTokenLoss } from '../losses/next-token.ts'
import { type CausalArchitecture, isInLayer } from '../models/architecture.ts'
import { loadModel, saveModel } from '../models/checkpoint.ts'
import { type ArchitectureRow, architectureNamed } from '../models/registry.ts'
import { RandomKey } from '../nn/random-bits.ts'
import { adamW } from '../optim/adamw.ts'
import { muon } from '../optim/muon.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { hasCheckpoint, loadCheckpoint, type Progress, saveCheckpoint } from '../train/checkpoint.ts'
import type { TrainEvent } from '../train/events.ts'
import { countParameters, HeldOutLoss } from '../train/held-out.ts'
import { type LoopOptions, type TrainTask, train } from '../train/loop.ts'
import type { Budget } from '../train/pace.ts'
import { openMetrics } from '../train/run-record.ts'
import { Trainer } from '../train/trainer.ts'
import type { Corpus } from './data/open-corpus.ts'
import { openingOf } from './prompt.ts'
import { type RunRecord, writeReport } from './run.ts'
import { modelConfig, type TextSettings } from './settings.ts'
import { writeSample } from './write-sample.ts'

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
  /** Mean over all non-overlapping windows of the held-out text, nats a token, of the weights that were kept. */
  readonly validationLoss: number
  readonly bitsPerByte: number
  /** The step whose weights are in `model.safetensors`. */
  readonly bestStep: number
  readonly stopped: boolean
}

/** A model in training on an engine, with its folder. */
export class TextRun {
  readonly #out: string
  readonly #prepared: Prepared
  readonly #row: ArchitectureRow
  readonly #architecture: CausalArchitecture
  readonly #engine: Engine
  readonly #trainer: Trainer
  readonly #heldOut: HeldOutLoss
  readonly #shape: WindowShape
  readonly #from: Progress | undefined

  private constructor(parts: {
    out: string
    prepared: Prepared
    row: ArchitectureRow
    architecture: CausalArchitecture
    engine: Engine
    trainer: Trainer
    heldOut: HeldOutLoss
    shape: WindowShape
    from: Progress | undefined
  }) {
    this.#out = parts.out
    this.#prepared = parts.prepared
    this.#row = parts.row
    this.#architecture = parts.architecture
    this.#engine = parts.engine
    this.#trainer = parts.trainer
    this.#heldOut = parts.heldOut
    this.#shape = parts.shape
    this.#from = parts.from
  }

  static async create(engine: Engine, out: string, prepared: Prepared, resume: boolean): Promise<TextRun> {
    const { record, settings, corpus } = prepared
    const row = architectureNamed(record.architecture)
    const architecture = row.build(modelConfig(settings, corpus.tokenizer))
    const shape = { batchSize: settings.batchSize, contextLength: settings.contextLength }
    randomWindows(corpus.train, shape, record.seed) // refuses a corpus that is shorter than a window
    const trainer = await Trainer.create(engine, {
      parameters: architecture.scope.parameters,
      loss: lossOf(architecture, settings),
      optimizer: optimizerOf(settings),
      gradientClip: settings.gradientClip === 0 ? Number.POSITIVE_INFINITY : settings.gradientClip,
      accumulation: settings.accumulation,
      seed: record.seed,
      ...(settings.emaDecay > 0 ? { emaDecay: settings.emaDecay } : {}),
    })
    const heldOut = await HeldOutLoss.create(engine, architecture, shape)
    const from = resume && (await hasCheckpoint(out)) ? await loadCheckpoint(out, trainer) : undefined
    return new TextRun({ out, prepared, row, architecture, engine, trainer, heldOut, shape, from })
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
    const { settings, corpus, record } = this.#prepared
    const { accumulation, batchSize, contextLength } = settings
    const draw = settings.sampling === 'epochs' || 'epochs' in record.budget ? epochWindows : randomWindows
    const windows = draw(corpus.train, this.#shape, record.seed)
    return {
      trainer: this.#trainer,
      tokensPerStep: accumulation * batchSize * contextLength,
      batches: (step) =>
        Array.from({ length: accumulation }, (_, i) => ({ tokens: windows.batch(step * accumulation + i) })),
      evaluate: () => this.#evaluate(this.#prepared.settings.evaluationBatches),
      sample: () =>
        writeSample(
          this.#engine,
          this.#architecture,
          this.#trainer.weights(),
          corpus.tokenizer,
          { prompt: record.prompt || openingOf(corpus.tokenizer, corpus.statistics.documents), seed: record.seed },
          this.#trainer.step,
        ),
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
    const { record, settings, corpus } = this.#prepared
    const { budget } = record
    if (!('epochs' in budget)) return budget
    const { windowsPerEpoch } = epochWindows(corpus.train, this.#shape, record.seed)
    return { steps: Math.ceil((budget.epochs * windowsPerEpoch) / (settings.batchSize * settings.accumulation)) }
  }

  /** Nats a token and bits a byte on held-out text: on `limit` batches of it, or on all where `limit` is 0. */
  async #evaluate(limit: number, weights = this.#trainer.weights()) {
    const { validation } = this.#prepared.corpus
    const all = sequentialWindows(validation, this.#shape)
    const batches = limit > 0 ? take(all, limit) : all
    const validationLoss = await this.#heldOut.mean(weights, batches)
    return { validationLoss, bitsPerByte: bitsPerByte(validationLoss, validation.tokens, validation.bytes) }
  }

  /** All held-out text by the weights in `model.safetensors`, which need not be the last. */
  async #evaluateKept(): Promise<{ validationLoss: number; bitsPerByte: number }> {
    const { weights } = await loadModel(this.#out)
    const buffers: Record<string, DeviceBuffer> = {}
    try {
      for (const [name, tensor] of Object.entries(weights)) {
        buffers[name] = this.#engine.createBuffer(tensor)
        await new Promise(setImmediate) // copying them all at once would hold the event loop
      }
      return await this.#evaluate(0, buffers)
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
    await saveModel(this.#out, this.#architecture, Object.fromEntries(tensors), { metadata })
  }

  #report(progress: Progress, status: 'running' | 'finished' | 'stopped'): Promise<string> {
    const { record, corpus } = this.#prepared
    const parameters = countParameters(this.#architecture)
    return writeReport(this.#out, { record, title: this.#row.title, parameters, corpus, progress, status })
  }

  async #result(progress: Progress, stopped: boolean): Promise<TextRunResult> {
    const report = await this.#report(progress, stopped ? 'stopped' : 'finished')
    const seconds = progress.elapsedMs / 1000
    return {
      run: this.#out,
      report,
      steps: progress.step,
      tokens: progress.tokensSeen,
      seconds,
      tokensPerSecond: seconds > 0 ? progress.tokensSeen / seconds : 0,
      parameters: countParameters(this.#architecture),
      ...(await this.#evaluateKept()),
      bestStep: progress.best?.step ?? progress.step,
      stopped,
    }
  }
}

function lossOf(architecture: CausalArchitecture, { batchSize, contextLength, labelSmoothing, dropout }: TextSettings) {
  const tokens = input('tokens', 'int32', [batchSize, contextLength + 1])
  const key = dropout > 0 ? RandomKey.from(input('key', 'uint32', [2])) : undefined
  return nextTokenLoss(tokens, (ids) => architecture.logits(ids, key), { smoothing: labelSmoothing })
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

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { sizeOf } from '../graph/dtype.ts'
import type { Conditioning, Gan } from '../models/gan.ts'
import { saveGan } from '../models/gan-checkpoint.ts'
import { type GanRow, ganNamed } from '../models/gan-registry.ts'
import { adamW } from '../optim/adamw.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { hasCheckpoint, loadCheckpoint, saveCheckpoint } from '../train/checkpoint.ts'
import type { LookReport } from '../train/duel.ts'
import type { GanEvent } from '../train/gan-events.ts'
import { GanLook, meanPairDistance } from '../train/gan-look.ts'
import { type GanLoopOptions, type GanProgress, type GanTask, ganProgressSchema, trainGan } from '../train/gan-loop.ts'
import { GanTrainer } from '../train/gan-trainer.ts'
import type { Budget } from '../train/pace.ts'
import { openMetrics } from '../train/run-record.ts'
import { type Conditions, conditionsFor } from './conditioning.ts'
import type { ImageCorpus } from './data/image-corpus.ts'
import { type FixedPictures, fixedPictures } from './fixed-pictures.ts'
import { ImageBatches } from './image-batches.ts'
import { encodeGrid } from './render/encode.ts'
import { type ImageRunRecord, sheetPath, writeImageReport } from './run.ts'
import { ganConfig, type ImageSettings } from './settings.ts'

/** A run's record with its corpus open. */
export interface PreparedImages {
  readonly record: ImageRunRecord
  readonly settings: ImageSettings
  readonly corpus: ImageCorpus
  /** Of captions, where pictures are asked for by words. */
  readonly tokenizer: Tokenizer | undefined
}

/** What an image run came to. */
export interface ImageRunResult {
  readonly run: string
  readonly report: string
  /** Rounds. */
  readonly steps: number
  /** Real pictures shown, repeated ones counted again. */
  readonly pictures: number
  /** Training time, resumed sessions added up. */
  readonly seconds: number
  readonly picturesPerSecond: number
  readonly parameters: { readonly generator: number; readonly discriminator: number }
  /** Of samples, smoothed, as a share of that of real pictures; absent before the first look. */
  readonly diversity?: number
  /** The last sheet of samples; absent where none was painted. */
  readonly sheet?: string
  /** What went wrong in this session, in plain words. */
  readonly warnings: readonly string[]
  readonly stopped: boolean
}

/** What pictures of a prepared run are asked for by, as its networks take it. */
export function conditioningOf({ record, settings, corpus, tokenizer }: PreparedImages): Conditioning {
  if (record.condition === 'class') return { kind: 'class', nClasses: corpus.classes.length }
  if (record.condition === 'none' || !tokenizer) return { kind: 'none' }
  return { kind: 'text', vocabSize: tokenizer.vocabSize, maxTokens: settings.maxTokens }
}

/** A generator and a discriminator in training on an engine, with their folder. */
export class ImageRun {
  readonly #out: string
  readonly #prepared: PreparedImages
  readonly #row: GanRow
  readonly #gan: Gan
  readonly #trainer: GanTrainer
  readonly #look: GanLook
  readonly #conditions: Conditions | undefined
  readonly #fixed: FixedPictures
  /** Mean distance between real pictures. */
  readonly #realDistance: number
  readonly #from: GanProgress | undefined

  private constructor(
    out: string,
    prepared: PreparedImages,
    parts: { row: GanRow; gan: Gan; trainer: GanTrainer; look: GanLook; from: GanProgress | undefined },
    fixed: FixedPictures,
    conditions: Conditions | undefined,
  ) {
    this.#out = out
    this.#prepared = prepared
    this.#row = parts.row
    this.#gan = parts.gan
    this.#trainer = parts.trainer
    this.#look = parts.look
    this.#from = parts.from
    this.#conditions = conditions
    this.#fixed = fixed
    this.#realDistance = meanPairDistance(fixed.train.pictures, fixed.count, fixed.pairs)
  }

  static async create(engine: Engine, out: string, prepared: PreparedImages, resume: boolean): Promise<ImageRun> {
    const { record, settings, corpus, tokenizer } = prepared
    const conditioning = conditioningOf(prepared)
    const row = ganNamed(record.architecture)
    const gan = row.build(ganConfig(settings, corpus, conditioning))
    const conditions = conditionsFor(conditioning, tokenizer)
    const { latentSize } = settings
    const [byClass, count, seed] = [conditioning.kind === 'class', sheetCount(prepared), record.seed]
    const fixed = fixedPictures({ corpus, conditions, count, latentSize, seed, byClass })
    const trainer = await GanTrainer.create(engine, trainerOptions(gan, row, prepared))
    let look: GanLook | undefined
    try {
      look = await GanLook.create(engine, gan, count)
      const from = resume && hasCheckpoint(out) ? await loadCheckpoint(out, trainer, ganProgressSchema) : undefined
      return new ImageRun(out, prepared, { row, gan, trainer, look, from }, fixed, conditions)
    } catch (error) {
      await look?.release()
      await trainer.release()
      throw error
    }
  }

  async *train(signal?: AbortSignal): AsyncGenerator<GanEvent, ImageRunResult> {
    const metrics = await openMetrics(this.#out, this.#from?.step ?? 0)
    let progress = this.#from
    let stopped = false
    const warnings: string[] = []
    const task = this.#task((saved) => (progress = saved))
    try {
      for await (const event of trainGan(task, this.#loopOptions(signal))) {
        if (event.type !== 'start') await metrics.append(event)
        if (event.type === 'warning') warnings.push(event.text)
        if (event.type === 'checkpoint') await this.#report(progress!, 'running')
        if (event.type === 'end') stopped = event.reason === 'stopped'
        yield event
      }
    } finally {
      await metrics.close()
    }
    return this.#result(progress!, warnings, stopped)
  }

  async release(): Promise<void> {
    await this.#trainer.release()
    await this.#look.release()
  }

  #task(onSaved: (progress: GanProgress) => void): GanTask {
    const { settings, corpus, record } = this.#prepared
    const { discriminatorSteps } = this.#row.objective
    const { train, channels, imageSize } = corpus
    const [conditions, seed] = [this.#conditions, record.seed]
    const batches = new ImageBatches({ train, channels, imageSize, conditions, settings, seed, discriminatorSteps })
    return {
      trainer: this.#trainer,
      parameters: this.#parameters(),
      feeds: (round, strength) => batches.feeds(round, strength),
      picturesPerRound: settings.batchSize * discriminatorSteps,
      look: () => this.#lookAtSamples(),
      sample: () => this.#paint(),
      save: async (progress) => {
        await this.#save(progress.step)
        await saveCheckpoint(this.#out, this.#trainer, progress)
        onSaved(progress)
      },
    }
  }

  #loopOptions(signal?: AbortSignal): GanLoopOptions {
    const { settings } = this.#prepared
    const { learningRate: peak, learningRateFloor: floor, schedule: kind, warmupSteps, decayShare } = settings
    const generator = { kind, peak, floor, warmupSteps, decayShare }
    const strengths = { none: 0, diffaugment: 1, ada: 'adaptive' } as const
    return {
      budget: this.#budget(),
      schedule: { generator, discriminator: { ...generator, peak: peak * settings.discriminatorRate } },
      penaltyFloor: settings.penaltyFloor,
      samples: settings.samples,
      lookEvery: settings.lookEvery,
      augmentation: strengths[settings.augmentation],
      discriminatorLeads: this.#row.objective.discriminatorSteps > 1,
      ...(this.#from ? { from: this.#from } : {}),
      ...(signal ? { signal } : {}),
    }
  }

  #budget(): Budget {
    const { record, settings, corpus } = this.#prepared
    const { budget } = record
    if (!('epochs' in budget)) return budget
    const perRound = settings.batchSize * this.#row.objective.discriminatorSteps
    return { steps: Math.ceil((budget.epochs * corpus.train.length) / perRound) }
  }

  /** The generator as it is, not its average: what the discriminator meets. */
  async #lookAtSamples(): Promise<LookReport> {
    const { latents, train, heldOut, count, pairs } = this.#fixed
    const judge = this.#trainer.weights()
    const painter = Object.fromEntries(Object.keys(judge).map((name) => [name, this.#trainer.buffer(name)]))
    const samples = await this.#look.pictures(painter, latents, train.condition)
    const [onTrain, onHeldOut, onSamples] = [
      await this.#look.meanLogit(judge, train.pictures, train.condition),
      await this.#look.meanLogit(judge, heldOut.pictures, heldOut.condition),
      await this.#look.meanLogit(judge, samples, train.condition),
    ]
    const diversity = meanPairDistance(samples, count, pairs) / this.#realDistance
    // Where generated pictures look as real as real ones, nothing says how fake held-out ones look.
    if (!(onTrain - onSamples > 0.1)) return { diversity }
    return { diversity, memorising: (onTrain - onHeldOut) / (onTrain - onSamples) }
  }

  /** A sheet by the moving average: what is kept. */
  async #paint(): Promise<string> {
    const { channels, imageSize } = this.#prepared.corpus
    const { latents, train, columns } = this.#fixed
    const pictures = await this.#look.pictures(this.#trainer.weights(), latents, train.condition)
    const pixels = Uint8Array.from(pictures, (value) => Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5))))
    const path = sheetPath(this.#trainer.step)
    await mkdir(join(this.#out, 'samples'), { recursive: true })
    const png = await encodeGrid({ pixels, channels, imageSize }, { columns, scale: imageSize < 64 ? 2 : 1 })
    await writeFileAtomic(join(this.#out, path), png, CheckpointError)
    return path
  }

  async #save(step: number): Promise<void> {
    const { record, corpus } = this.#prepared
    await saveGan(this.#out, {
      modelType: this.#row.name,
      config: this.#gan.config,
      classes: record.condition === 'class' ? corpus.classes : [],
      weights: Object.fromEntries(
        Object.entries(this.#trainer.weights()).map(([name, buffer]) => [name, lazily(buffer)]),
      ),
      metadata: { step: String(step), dataDigest: record.dataDigest },
    })
  }

  #parameters() {
    const count = (player: 'generator' | 'discriminator') =>
      [...this.#gan[player].parameters.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    return { generator: count('generator'), discriminator: count('discriminator') }
  }

  #report(progress: GanProgress, status: 'running' | 'finished' | 'stopped'): Promise<string> {
    const { record, corpus } = this.#prepared
    const parameters = this.#parameters()
    return writeImageReport(this.#out, { record, title: this.#row.title, parameters, corpus, progress, status })
  }

  async #result(progress: GanProgress, warnings: readonly string[], stopped: boolean): Promise<ImageRunResult> {
    const report = await this.#report(progress, stopped ? 'stopped' : 'finished')
    const seconds = progress.elapsedMs / 1000
    const { diversity, looks } = progress.duel
    return {
      run: this.#out,
      report,
      steps: progress.step,
      pictures: progress.pictures,
      seconds,
      picturesPerSecond: seconds > 0 ? progress.pictures / seconds : 0,
      parameters: this.#parameters(),
      ...(looks > 0 ? { diversity: diversity.value / diversity.weight } : {}),
      ...(stopped ? {} : { sheet: join(this.#out, sheetPath(progress.step)) }),
      warnings,
      stopped,
    }
  }
}

function trainerOptions(gan: Gan, row: GanRow, { settings, record }: PreparedImages) {
  const { beta1, beta2, epsilon, weightDecay, gradientClip, penalty, penaltyShare, matching } = settings
  const adam = adamW({ beta1, beta2, epsilon, weightDecay })
  return {
    gan,
    objective: row.objective,
    weights: { penalty, penaltyShare, matching },
    reconstruction: settings.reconstruction,
    batchSize: settings.batchSize,
    optimizer: { generator: adam, discriminator: adam },
    gradientClip: gradientClip === 0 ? Number.POSITIVE_INFINITY : gradientClip,
    emaDecay: settings.emaDecay,
    augmented: settings.augmentation !== 'none',
    seed: record.seed,
  }
}

/** Pictures on a sheet: whole rows, where classes stand in columns. */
function sheetCount({ record, settings, corpus }: PreparedImages): number {
  const { length } = corpus.classes
  if (record.condition !== 'class' || length > 16) return settings.sampleCount
  return Math.max(1, Math.floor(settings.sampleCount / length)) * length
}

function lazily(buffer: DeviceBuffer) {
  return { dtype: buffer.dtype, shape: buffer.shape, read: async () => buffer.host ?? (await buffer.read()) }
}

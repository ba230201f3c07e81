import { join, relative } from 'node:path'
import { readTokenizer, writeTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { ganNamed } from '../models/gan-registry.ts'
import type { Engine, EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { GanEvent } from '../train/gan-events.ts'
import { RunLock } from '../train/run-lock.ts'
import { checkBudget, refuseRun, runExists, writeRunRecord } from '../train/run-record.ts'
import { told } from '../train/told.ts'
import { version } from '../version.ts'
import type { Fit } from './codec/picture.ts'
import { type AskedCondition, resolveCondition, trainCaptionTokenizer } from './conditioning.ts'
import { type ImageCorpus, openImages } from './data/image-corpus.ts'
import { type ImageProgress, prepareImages } from './data/prepare-images.ts'
import { conditioningOf, ImageRun, type ImageRunResult, type PreparedImages } from './image-run.ts'
import { type ImageRunRecord, readImageRun } from './run.ts'
import { ganConfig, imageSizes, resolveImageSettings } from './settings.ts'

/** What `atelier train image` takes. */
export interface TrainImageOptions {
  /** Files, folders, or glob patterns; not needed to resume. */
  readonly data?: readonly string[]
  /** What the record calls the data, where its name says more than its paths; `data` by default. */
  readonly sources?: readonly string[]
  /** Licence of the data, for the record. */
  readonly licence?: string
  /** Folder of the run; made if missing. */
  readonly out: string
  /** Pixels a side, 32 by default. */
  readonly size?: number
  /** How pictures become squares; `cover` by default. */
  readonly fit?: Fit
  /** What transparent pictures stand on: a colour as `#rrggbb`; white by default. */
  readonly background?: string
  /** Colour planes: 1, 3, 4 with opacity; by default 1 where all pictures are grey, else 3. */
  readonly channels?: 1 | 3 | 4
  /** `nano` by default. */
  readonly preset?: string
  /** `r3gan` by default. */
  readonly architecture?: string
  /** What pictures are to be asked for by; words where there are captions, else classes where there are some. */
  readonly condition?: AskedCondition
  /**
   * How long, in all, sessions before included: `steps` (rounds), `minutes` or `epochs`, one of them; by default some
   * minutes that suit the preset. When resuming it replaces the run's own for good.
   */
  readonly budget?: ImageRunRecord['budget']
  /** 0 by default. */
  readonly seed?: number
  /** Changes to the preset's settings; text is parsed. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Goes on from the run's last checkpoint. */
  readonly resume?: boolean
  /** `cpu` by default. */
  readonly engine?: EngineName
  readonly threads?: number
  /** Stops after the round that is running, with a checkpoint. */
  readonly signal?: AbortSignal
}

/** The pictures are being prepared, then are ready. */
export type ImageTrainEvent =
  | GanEvent
  | ({ readonly type: 'prepare' } & ImageProgress)
  | {
      readonly type: 'corpus'
      readonly pictures: number
      readonly heldOut: number
      readonly duplicates: number
      /** Those that could not be read: how many, and the first with their reasons. */
      readonly skippedCount: number
      readonly skipped: readonly { readonly source: string; readonly reason: string }[]
      readonly channels: 1 | 3 | 4
      readonly size: number
      readonly classes: readonly string[]
      readonly condition: ImageRunRecord['condition']
      /** Tokens that captions are spelled with, where pictures are asked for by words. */
      readonly vocabulary?: number
    }

const presetMinutes: Readonly<Record<string, number>> = { nano: 5, small: 30, base: 180 }

/**
 * Trains a generator of pictures against a discriminator and leaves a run folder: `config.json`, `model.safetensors` (the
 * generator's moving average, and the discriminator), `tokenizer.json` where pictures are asked for by words, `last/` (to
 * resume from), `run.json`, `metrics.jsonl`, `samples/`, `report.html`, `corpus/`. Tells what happens as it happens and
 * returns what the run came to.
 *
 * Throws ConfigError for settings, DataError for pictures, CheckpointError for the folder, DivergenceError where training
 * blows up, EngineError where the engine cannot.
 */
export async function* trainImage(options: TrainImageOptions): AsyncGenerator<ImageTrainEvent, ImageRunResult> {
  const engine = await createEngine(options.engine ?? 'cpu', options.threads ? { threads: options.threads } : {})
  const lock = new RunLock(options.out)
  try {
    const prepared = options.resume ? await reopen(options, lock) : yield* begin(options, engine, lock)
    try {
      return yield* trainPrepared(engine, prepared, options)
    } finally {
      prepared.corpus.close()
    }
  } finally {
    await lock.release()
    await engine.close()
  }
}

async function* trainPrepared(
  engine: Engine,
  prepared: PreparedImages,
  { out, resume = false, budget, signal }: TrainImageOptions,
): AsyncGenerator<ImageTrainEvent, ImageRunResult> {
  const session = await ImageRun.create(engine, out, prepared, resume)
  try {
    if (resume && budget) await writeRunRecord(out, prepared.record) // whoever resumes after us goes as far
    yield corpusEvent(prepared)
    return yield* session.train(signal)
  } finally {
    await session.release()
  }
}

/** Prepares the pictures of a new run, telling how far it is, and writes `run.json`. */
async function* begin(
  options: TrainImageOptions,
  engine: Engine,
  lock: RunLock,
): AsyncGenerator<ImageTrainEvent, PreparedImages> {
  const { out, data = [], size = 32, fit, background, channels, seed = 0, signal } = options
  await refuseRun(out)
  const asked = resolveAsked(options)
  const folder = join(out, 'corpus')
  await lock.take()
  await refuseRun(out) // begun and ended meanwhile
  const corpus = yield* told(
    (onProgress: (progress: ImageProgress) => void, signal) =>
      prepareImages({ paths: data, size, fit, background, channels, folder, seed, signal, onProgress }),
    (progress): ImageTrainEvent => ({ type: 'prepare', ...progress }),
    { signal, discard: (corpus) => corpus.close() },
  )
  try {
    return await register(options, asked, corpus, engine)
  } catch (error) {
    corpus.close()
    throw error
  }
}

/** What was asked for, checked as far as it can be before a picture is read. */
function resolveAsked({ preset = 'nano', architecture = 'r3gan', size = 32, set, budget }: TrainImageOptions) {
  if (!imageSizes.some((known) => known === size))
    throw new ConfigError(`size: got ${size}, wanted one of ${imageSizes.join(', ')}`, { size })
  const row = ganNamed(architecture)
  const settings = resolveImageSettings({ preset, architecture, size, set })
  const usual = resolveImageSettings({ preset, architecture, size })
  const idle = row.without.find((name) => settings[name] !== usual[name])
  if (idle) throw new ConfigError(`set: ${idle} has no part in ${architecture}; leave it out`, { name: idle })
  row.build(ganConfig(settings, { imageSize: size, channels: 3 }, { kind: 'none' })) // refuses sizes that do not fit
  const length = checkBudget<ImageRunRecord['budget']>(budget ?? { minutes: presetMinutes[preset] ?? 5 })
  return { preset, architecture, size, settings, budget: length }
}

/** Writes what a run is, if its pictures suit what was asked. */
async function register(
  options: TrainImageOptions,
  asked: ReturnType<typeof resolveAsked>,
  corpus: ImageCorpus,
  engine: Engine,
): Promise<PreparedImages> {
  const { out, data = [], sources = data, fit = 'cover', seed = 0, licence, condition = 'auto' } = options
  const { settings, ...rest } = asked
  const record: ImageRunRecord = {
    format: 'atelier-run-1',
    craft: 'image',
    version,
    created: new Date().toISOString(),
    ...rest,
    settings: { ...settings },
    seed,
    fit,
    condition: resolveCondition(condition, corpus),
    sources: [...sources],
    ...(licence === undefined ? {} : { licence }),
    corpus: relative(out, corpus.folder),
    dataDigest: corpus.digest,
    engine: engine.describe(),
  }
  const tokenizer = record.condition === 'text' ? trainCaptionTokenizer(corpus, settings.vocabSize) : undefined
  const prepared = { record, settings, corpus, tokenizer }
  ganNamed(rest.architecture).build(ganConfig(settings, corpus, conditioningOf(prepared))) // refuses what does not fit
  if (tokenizer) await writeTokenizer(out, tokenizer, settings.maxTokens)
  await writeRunRecord(out, record)
  return prepared
}

/** Opens a run to go on with; a new budget replaces its own, other settings are its own. */
async function reopen(options: TrainImageOptions, lock: RunLock): Promise<PreparedImages> {
  const { out } = options
  if (!(await runExists(out)))
    throw new CheckpointError(`resume: ${out} holds no run; leave --resume out to begin one`, { out })
  if (options.set && Object.keys(options.set).length > 0)
    throw new ConfigError('resume: a run keeps its settings; leave --set out, or begin another run')
  await lock.take()
  const record = await readImageRun(out)
  const { preset, architecture, size } = record
  const settings = resolveImageSettings({ preset, architecture, size, set: record.settings })
  const budget = checkBudget<ImageRunRecord['budget']>(options.budget ?? record.budget)
  const tokenizer: Tokenizer | undefined = record.condition === 'text' ? await readTokenizer(out) : undefined
  const corpus = await openImages(join(out, record.corpus))
  return { record: { ...record, budget }, settings, tokenizer, corpus }
}

function corpusEvent({ corpus, record, tokenizer }: PreparedImages): ImageTrainEvent {
  const { statistics, train, heldOut, channels, classes, imageSize } = corpus
  return {
    type: 'corpus',
    pictures: train.length,
    heldOut: heldOut.length,
    duplicates: statistics.duplicates,
    skippedCount: statistics.skippedCount,
    skipped: statistics.skipped,
    channels,
    size: imageSize,
    classes,
    condition: record.condition,
    ...(tokenizer ? { vocabulary: tokenizer.vocabSize } : {}),
  }
}

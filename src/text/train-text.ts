import { join, relative } from 'node:path'
import { writeTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import type { Engine, EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import type { TrainEvent } from '../train/events.ts'
import { RunLock } from '../train/run-lock.ts'
import { checkBudget, hardware, refuseRun, runExists, writeRunRecord } from '../train/run-record.ts'
import { told } from '../train/told.ts'
import { version } from '../version.ts'
import { chatTokenizer } from './chat/chat.ts'
import { adaptersToTune, type LoraAsked, readCheckpointToTune, settingsToTune } from './checkpoint-to-tune.ts'
import { type Corpus, openCorpus } from './data/open-corpus.ts'
import { type PrepareProgress, prepareCorpus } from './data/prepare-corpus.ts'
import { type NewTokenizer, resolveTokenizer } from './data/train-tokenizer.ts'
import { promptIds } from './prompt.ts'
import { type From, type LoraRecord, type RunRecord, readRun } from './run.ts'
import { fineTuning, resolveTextSettings, type TextSettings } from './settings.ts'
import { goesInEpochs } from './tasks/task.ts'
import { taskFor } from './tasks/tasks.ts'
import { objectiveOf, type Prepared, TextRun, type TextRunResult } from './text-run.ts'

/** What `atelier train text` takes. */
export interface TrainTextOptions {
  /** Files, folders, glob patterns, or `-` for standard input; not needed to resume. */
  readonly data?: readonly string[]
  /** What the record calls the data, where its name says more than its paths; `data` by default. */
  readonly sources?: readonly string[]
  /** Field of JSON, CSV and Parquet that holds the text; `text` by default. */
  readonly field?: string
  /** Licence of the data, for the record. */
  readonly licence?: string
  /** Folder of the run; made if missing. */
  readonly out: string
  /**
   * A run or a Hugging Face folder whose model is trained further, by its own tokenizer: architecture and sizes come
   * with it, so that `preset`, `tokenizer` and another `architecture` are refused.
   */
  readonly from?: string
  /** Trains low-rank adapters of that model alone, which the run keeps in PEFT's form; needs `from`. */
  readonly lora?: LoraAsked
  /** `nano` by default. */
  readonly preset?: string
  /** `decoder` by default. */
  readonly architecture?: string
  /** What to learn, by the name of one of `textTasks`; the architecture's usual one by default. */
  readonly task?: string
  /** By default what suits the task: BPE, WordPiece or Unigram, of 4,096 tokens. */
  readonly tokenizer?: NewTokenizer
  /**
   * How long, in all, sessions before included: `steps`, `minutes` or `epochs`, one of them; by default some minutes
   * that suit the preset. When resuming it replaces the run's own for good.
   */
  readonly budget?: RunRecord['budget']
  /** 0 by default. */
  readonly seed?: number
  /** Changes to the preset's settings; text is parsed. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Goes on from the run's last checkpoint. */
  readonly resume?: boolean
  /** What samples on the way begin with; the beginning of a document by default. */
  readonly prompt?: string
  /** `cpu` by default. */
  readonly engine?: EngineName
  readonly threads?: number
  /** Stops after the step that is running, with a checkpoint. */
  readonly signal?: AbortSignal
}

/** The corpus is being prepared, then is ready. */
export type TextTrainEvent =
  | TrainEvent
  | ({ readonly type: 'prepare' } & PrepareProgress)
  | {
      readonly type: 'corpus'
      readonly documents: number
      readonly duplicates: number
      readonly trainTokens: number
      readonly heldOutTokens: number
      readonly vocabulary: number
      /** What users should know about how the corpus is used. */
      readonly notes: readonly string[]
    }

const presetMinutes: Readonly<Record<string, number>> = { nano: 2, small: 20, base: 120, [fineTuning]: 10 }

/**
 * Trains a model on text and leaves a run folder: `config.json`, `model.safetensors` (the best weights),
 * `tokenizer.json`, `last/` (to resume from), `run.json`, `metrics.jsonl`, `report.html`, `corpus/`.
 * Tells what happens as it happens and returns what the run came to.
 *
 * Throws ConfigError for settings, DataError for text, CheckpointError for the folder, DivergenceError
 * where training blows up, EngineError where the engine cannot.
 */
export async function* trainText(options: TrainTextOptions): AsyncGenerator<TextTrainEvent, TextRunResult> {
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
  prepared: Prepared,
  { out, resume = false, budget, signal }: TrainTextOptions,
): AsyncGenerator<TextTrainEvent, TextRunResult> {
  const session = await TextRun.create(engine, out, prepared, resume)
  try {
    if (!resume) await writeTokenizer(out, prepared.corpus.tokenizer, session.contextLength)
    if (!resume || budget) await writeRunRecord(out, prepared.record) // whoever resumes after us goes as far
    yield corpusEvent(prepared.corpus, session.notes)
    return yield* session.train(signal)
  } finally {
    await session.release()
  }
}

/** Prepares the corpus of a new run, telling how far it is. */
async function* begin(
  options: TrainTextOptions,
  engine: Engine,
  lock: RunLock,
): AsyncGenerator<TextTrainEvent, Prepared> {
  const { out, data = [], field, signal, seed = 0 } = options
  await refuseRun(out)
  const { preset, architecture, settings, from, lora, tokenizer: ready } = await modelAsked(options)
  const task = taskFor(architecture, options.task)
  task.checkSizes({ architecture, settings, ...(from ? { from } : {}) })
  const budget = checkBudget<RunRecord['budget']>(options.budget ?? { minutes: presetMinutes[preset] ?? 2 })
  const asked = ready ? {} : { tokenizer: resolveTokenizer(options.tokenizer ?? task.tokenizer) }
  const { pairs, chats } = task
  if (chats && !ready)
    throw new ConfigError(`${task.name}: a model learns to answer when it can write already; name one by --from`)
  const tokenizer = ready ? (chats ? chatTokenizer(ready) : ready) : asked.tokenizer!
  const folder = join(out, 'corpus')
  await lock.take()
  await refuseRun(out) // begun and ended meanwhile
  const corpus = yield* told(
    (onProgress: (progress: PrepareProgress) => void, signal) =>
      prepareCorpus({ paths: data, pairs, chats, field, tokenizer, folder, seed, signal, onProgress }),
    (progress): TextTrainEvent => ({ type: 'prepare', ...progress }),
    { signal, discard: (corpus) => corpus.close() },
  )
  try {
    const model = {
      architecture,
      task: task.name,
      preset,
      settings: { ...settings },
      ...asked,
      ...(from ? { from } : {}),
      ...(lora ? { lora } : {}),
    }
    return { record: recordOf(options, { ...model, seed, budget }, corpus, engine), settings, corpus }
  } catch (error) {
    corpus.close()
    throw error
  }
}

interface ModelAsked {
  readonly preset: string
  readonly architecture: string
  readonly settings: TextSettings
  readonly from?: From
  readonly lora?: LoraRecord
  readonly tokenizer?: Tokenizer
}

/** The model that is trained: of a preset's sizes, or one that learned before, with its tokenizer. */
async function modelAsked(options: TrainTextOptions): Promise<ModelAsked> {
  const { preset = 'nano', architecture = 'decoder', set } = options
  if (options.lora && options.from === undefined)
    throw new ConfigError('lora: there is no model to adapt; name one by --from')
  if (options.from === undefined) return { preset, architecture, settings: resolveTextSettings(preset, set) }
  const checkpoint = await readCheckpointToTune(options.from)
  const settings = settingsToTune(checkpoint, options)
  const lora = options.lora && adaptersToTune(checkpoint, options.lora)
  return { ...checkpoint, preset: fineTuning, settings, ...(lora ? { lora } : {}) }
}

type Asked = Pick<
  RunRecord,
  'architecture' | 'task' | 'preset' | 'settings' | 'seed' | 'budget' | 'tokenizer' | 'from' | 'lora'
>

/** What a run is, if its corpus suits what was asked. */
function recordOf(options: TrainTextOptions, asked: Asked, corpus: Corpus, engine: Engine): RunRecord {
  const { out, data = [], sources = data, prompt = '', field, licence } = options
  const settings = resolveTextSettings(asked.preset, asked.settings)
  if (prompt) promptIds(corpus.tokenizer, prompt) // refuses what cannot be spelled
  const record: RunRecord = {
    format: 'atelier-run-1',
    craft: 'text',
    version,
    created: new Date().toISOString(),
    ...asked,
    prompt,
    sources: [...sources],
    ...(field === undefined ? {} : { field }),
    ...(licence === undefined ? {} : { licence }),
    corpus: relative(out, corpus.folder),
    dataDigest: corpus.digest,
    tokenizerDigest: corpus.tokenizerDigest,
    engine: engine.describe(),
    hardware: hardware(),
  }
  objectiveOf({ record, settings, corpus }) // refuses a corpus that does not suit the task
  return record
}

/** Opens a run to go on with; a new budget replaces its own, other settings are its own. */
async function reopen(options: TrainTextOptions, lock: RunLock): Promise<Prepared> {
  const { out } = options
  if (!(await runExists(out)))
    throw new CheckpointError(`resume: ${out} holds no run; leave --resume out to begin one`, { out })
  if (options.set && Object.keys(options.set).length > 0)
    throw new ConfigError('resume: a run keeps its settings; leave --set out, or begin another run')
  await lock.take()
  const record = await readRun(out)
  const settings = resolveTextSettings(record.preset, record.settings)
  const budget = checkBudget(options.budget ?? record.budget)
  checkOrder(settings, record.budget, budget)
  return { record: { ...record, budget }, settings, corpus: await openCorpus(join(out, record.corpus)) }
}

/** Throws {@link ConfigError} for a budget by which batches would come in another order than the run began with. */
function checkOrder(settings: TextSettings, before: RunRecord['budget'], budget: RunRecord['budget']): void {
  const inEpochs = goesInEpochs({ settings, budget: before })
  if (inEpochs === goesInEpochs({ settings, budget })) return
  throw new ConfigError(
    inEpochs
      ? 'resume: the run goes through its data in epochs; say how many in all by --epochs'
      : 'resume: the run draws from its data at random; say how long in all by --minutes or --steps',
  )
}

function corpusEvent(
  { statistics, train: part, validation, tokenizer }: Corpus,
  notes: readonly string[],
): TextTrainEvent {
  return {
    type: 'corpus',
    documents: statistics.documents,
    duplicates: statistics.duplicates,
    trainTokens: part.tokens,
    heldOutTokens: validation.tokens,
    vocabulary: tokenizer.vocabSize,
    notes,
  }
}

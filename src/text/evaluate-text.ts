import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { portableModelFolder } from '../files/gallery-folder.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import type { EngineName } from '../runtime/engine.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { version } from '../version.ts'
import type { TextArtifact } from './artifact.ts'
import { corpusOf } from './measured-text.ts'
import type { TextFigures, TextMeasure } from './measures/measure.ts'
import { measureFor } from './measures/measures.ts'
import { readRun } from './run.ts'
import { TextModel } from './text-model.ts'
import { measureSamples, type WritingFigures } from './written-texts.ts'

/** How far an evaluation is; `total` in batches or predictions, texts, tokens, texts. */
export interface EvaluateProgress {
  readonly stage: 'loss' | 'samples' | 'index' | 'measures'
  readonly done: number
  readonly total: number
}

/** How to evaluate. */
export interface EvaluateTextOptions {
  /** Text to measure on instead of the run's held-out text: files, folders, globs, `-`; needed where there is no run. */
  readonly data?: readonly string[]
  /** What the evaluation calls the data, where its name says more than its paths; `data` by default. */
  readonly sources?: readonly string[]
  /** Field of JSON, CSV and Parquet that holds the text, `text` by default; of pairs two, as training takes them. */
  readonly field?: string
  /** What to measure, by the name of a task; by default what the run or the card says it learned, or what the model's family usually does. */
  readonly task?: string
  /** Of pairs, or of tokens and of words to hide: measures as many at most, spread over the text. */
  readonly limit?: number
  /** Stands between the texts of a pair where the model continues texts; a new line by default. */
  readonly between?: string
  /** How many texts to let the model write, 64 by default; 0 writes none. Not for tasks in which spans or gaps are filled. */
  readonly samples?: number
  /** How they are chosen; 256 tokens and otherwise the usual settings by default. `n` and `seed` are not for you. */
  readonly settings?: Partial<Omit<SamplerSettings, 'n' | 'seed' | 'beams'>>
  readonly engine?: EngineName
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EvaluateProgress) => void
}

/** What {@link evaluateText} finds; a run's `evaluation.json`. */
export type TextEvaluation = TextFigures &
  WritingFigures & {
    readonly format: 'atelier-evaluation-1'
    readonly model: TextArtifact['model']
    readonly created: string
    readonly engine: TextArtifact['engine']
    readonly atelier: string
  }

/**
 * Measures a model on text that it did not learn from, and the texts that it writes itself. A run's is measured on its
 * held-out text and saved as `RUN/evaluation.json`; other folders need `data`.
 *
 * Throws CheckpointError for the folder, DataError for the text, ConfigError for settings; an abort throws its reason.
 */
export async function evaluateText(folder: string, options: EvaluateTextOptions = {}): Promise<TextEvaluation> {
  const { samples = 64, signal, data, engine, threads } = options
  checkCount('samples', samples, 0)
  if (options.limit !== undefined) checkCount('limit', options.limit, 1)
  const model = await TextModel.load(folder, { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) })
  const corpus = await corpusOf(model.folder).catch(async (error: unknown) => {
    await model.release()
    throw error
  })
  try {
    const run = corpus && { corpus, record: await readRun(model.folder) }
    const measure = measureFor(model.family, options.task, run?.record.task ?? (await taskOnCard(model.folder)))
    refuseForeign(measure, options)
    const { figures, writing } = await measure.measure({ model, options, ...(run ? { run } : {}) })
    signal?.throwIfAborted()
    const written = samples > 0 && writing ? await measureSamples(model, writing, corpus, samples, options) : {}
    const evaluation = { ...(await header(model)), ...figures, ...written }
    if (corpus && !data) await writeJsonFile(join(model.folder, 'evaluation.json'), evaluation)
    return evaluation
  } finally {
    corpus?.close()
    await model.release()
  }
}

/** What a model learned, by the card in its folder, where it has one that says so. */
async function taskOnCard(folder: string): Promise<string | undefined> {
  const path = join(folder, 'card.json')
  if (!existsSync(path)) return undefined
  return (await readJsonFile(path, z.object({ task: z.string().optional() }))).task
}

function checkCount(name: string, value: number, minimum: number): void {
  if (Number.isInteger(value) && value >= minimum) return
  throw new ConfigError(`evaluate: ${name} is ${value}, wanted a whole number from ${minimum}`, { [name]: value })
}

/** Throws {@link ConfigError} for an option that means nothing to the measure. */
function refuseForeign({ name, takes }: TextMeasure, options: EvaluateTextOptions): void {
  for (const option of ['limit', 'between', 'samples'] as const)
    if (options[option] && !takes.includes(option))
      throw new ConfigError(`evaluate: ${option} means nothing to the task ${name}; leave it out`, { option })
}

async function header(model: TextModel) {
  const { folder, row, metadata } = model
  const { dataDigest } = metadata
  return {
    format: 'atelier-evaluation-1' as const,
    model: {
      path: portableModelFolder(folder),
      digest: await model.digest(),
      architecture: row.name,
      ...(dataDigest === undefined ? {} : { dataDigest }),
    },
    created: new Date().toISOString(),
    engine: model.describeEngine(),
    atelier: version,
  }
}

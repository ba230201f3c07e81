import { join } from 'node:path'
import { countSequentialBatches, sequentialWindows, type WindowShape } from '../data/windows.ts'
import { ConfigError, DataError } from '../errors.ts'
import { CorpusIndex } from '../evaluate/corpus-index.ts'
import { evaluateSamples, type SampleMetrics } from '../evaluate/evaluate-samples.ts'
import { bitsPerByte, perplexity } from '../evaluate/likelihood.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { Random } from '../random/random.ts'
import type { EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { HeldOutLoss } from '../train/held-out.ts'
import { version } from '../version.ts'
import type { TextArtifact } from './artifact.ts'
import type { Corpus } from './data/open-corpus.ts'
import { corpusOf, documentsOf, encodeText, type MeasuredText, stretchesOf } from './measured-text.ts'
import { openingOf } from './prompt.ts'
import { TextModel } from './text-model.ts'

/** How far an evaluation is; `total` in batches, texts, tokens, texts. */
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
  /** Field of JSON, CSV and Parquet that holds the text; `text` by default. */
  readonly field?: string
  /** How many texts to let the model write, 64 by default; 0 writes none. */
  readonly samples?: number
  /** How they are chosen; 256 tokens and otherwise the usual settings by default. `n` and `seed` are not for you. */
  readonly settings?: Partial<Omit<SamplerSettings, 'n' | 'seed' | 'beams'>>
  readonly engine?: EngineName
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EvaluateProgress) => void
}

/** Diversity and copying of texts that the model wrote. */
export interface WrittenTexts extends SampleMetrics {
  readonly prompt: string
  readonly tokens: number
  readonly settings: SamplerSettings
  /** Each made as many texts together as `settings.n` says, the last perhaps fewer. */
  readonly seeds: readonly number[]
}

/** What {@link evaluateText} finds; a run's `evaluation.json`. */
export interface TextEvaluation {
  readonly format: 'atelier-evaluation-1'
  readonly model: TextArtifact['model']
  /** Mean over all non-overlapping windows of the text, nats a token. */
  readonly validationLoss: number
  readonly perplexity: number
  readonly bitsPerByte: number
  /** What the loss was measured on. */
  readonly text: {
    /** `held-out`: the run's own; else what was named as data. */
    readonly source: 'held-out' | readonly string[]
    readonly tokens: number
    readonly bytes: number
    readonly documents: number
    /** Predictions of one window. */
    readonly windowLength: number
  }
  /** Of the model's own texts; copying from the training part of the run's corpus, where there is one. */
  readonly samples?: WrittenTexts
  /** The same of stretches of the measured text, as long: what numbers people's writing has. */
  readonly baseline?: SampleMetrics
  /** Characters of the corpus that copying was looked for in. */
  readonly indexedCharacters?: number
  /** There where the corpus is longer: those are its first ones. */
  readonly isIndexPartial?: true
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
  const { samples = 64, signal, data } = options
  if (!Number.isInteger(samples) || samples < 0)
    throw new ConfigError(`evaluate: samples is ${samples}, wanted a whole number from 0`, { samples })
  const model = await TextModel.load(folder, engineOptions(options))
  let corpus: Corpus | undefined
  try {
    corpus = await corpusOf(model.folder)
    const text = await textFor(model, corpus, options)
    const measured = await measureLoss(model, text, corpus !== undefined, options)
    signal?.throwIfAborted()
    const written = samples > 0 ? await measureSamples(model, text, corpus, samples, options) : {}
    const evaluation = { ...(await header(model)), ...measured, ...written }
    if (corpus && !data) await writeJsonFile(join(folder, 'evaluation.json'), evaluation)
    return evaluation
  } finally {
    corpus?.close()
    await model.release()
  }
}

function engineOptions({ engine, threads }: EvaluateTextOptions) {
  return { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) }
}

async function header(model: TextModel) {
  const { folder, loaded } = model
  const { dataDigest } = loaded.metadata
  return {
    format: 'atelier-evaluation-1' as const,
    model: {
      path: folder,
      digest: await model.digest(),
      architecture: loaded.row.name,
      ...(dataDigest === undefined ? {} : { dataDigest }),
    },
    created: new Date().toISOString(),
    engine: model.describeEngine(),
    atelier: version,
  }
}

/** The text to measure a model on. Throws DataError where there is none. */
export async function textFor(
  { tokenizer, folder }: TextModel,
  corpus: Corpus | undefined,
  { data, field, signal }: EvaluateTextOptions,
): Promise<MeasuredText> {
  if (data) return encodeText(tokenizer, data, { field, signal })
  if (corpus) return { ids: corpus.validation, bytes: corpus.validation.bytes, documents: corpus.validation.documents }
  throw new DataError(`evaluate: ${folder} holds no held-out text; name text to measure on by --data`, { folder })
}

/** The longest window where the model is not one that was trained here. */
const longestWindow = 1024
/** Tokens and logits of a batch, for speed and for memory. */
const batchTokens = 2048
const batchLogits = 1 << 25

function windowsFor({ loaded }: TextModel, ownRun: boolean): WindowShape {
  const { contextLength: most, vocabSize } = loaded.architecture.dimensions
  const contextLength = ownRun ? most : Math.min(most, longestWindow)
  const fitting = Math.min(batchTokens / contextLength, batchLogits / (contextLength * vocabSize))
  return { contextLength, batchSize: Math.max(1, Math.floor(fitting)) }
}

/** The loss of a model on a text, in windows of its own context where it is a run of ours. */
export async function measureLoss(model: TextModel, text: MeasuredText, ownRun: boolean, options: EvaluateTextOptions) {
  const shape = windowsFor(model, ownRun)
  const { ids, bytes, documents } = text
  const total = countSequentialBatches(ids, shape)
  const engine = await createEngine(options.engine ?? 'cpu', options.threads ? { threads: options.threads } : {})
  try {
    const { architecture, weights, quantized } = model.loaded
    const heldOut = await HeldOutLoss.create(engine, architecture, shape, quantized)
    const buffers = Object.entries(weights).map(([name, tensor]) => [name, engine.createBuffer(tensor)] as const)
    const validationLoss = await heldOut.mean(Object.fromEntries(buffers), sequentialWindows(ids, shape), (done) => {
      options.signal?.throwIfAborted()
      options.onProgress?.({ stage: 'loss', done, total })
    })
    const source = options.data ? (options.sources ?? options.data) : ('held-out' as const)
    return {
      validationLoss,
      perplexity: perplexity(validationLoss),
      bitsPerByte: bitsPerByte(validationLoss, ids.tokens, bytes),
      text: { source, tokens: ids.tokens, bytes, documents, windowLength: shape.contextLength },
    }
  } finally {
    await engine.close()
  }
}

/** Texts made at once: enough to be fast, few enough for the memory of their caches. */
const textsAtOnce = 16

async function measureSamples(
  model: TextModel,
  text: MeasuredText,
  corpus: Corpus | undefined,
  count: number,
  options: EvaluateTextOptions,
) {
  const prompt = openingOf(model.tokenizer, corpus?.statistics.documents ?? 2)
  const settings = resolveSamplerSettings({ ...options.settings, n: Math.min(count, textsAtOnce), seed: 0 })
  const made = await writeTexts(model, prompt, settings, count, options)
  const { index, ...indexed } = corpus ? await indexOf(corpus, options) : {}
  options.signal?.throwIfAborted()
  const random = Random.seed(0).split('evaluation')
  const given = { random, ...(index ? { index } : {}) }
  const texts = made.map((artifact) => artifact.text)
  const own = evaluateSamples(texts, given)
  options.onProgress?.({ stage: 'measures', done: 1, total: 2 })
  const stretches = stretchesOf(
    text,
    model.tokenizer,
    made.map(({ tokens }) => Math.max(1, tokens)),
  )
  const baseline = evaluateSamples(stretches, given)
  options.onProgress?.({ stage: 'measures', done: 2, total: 2 })
  const tokens = made.reduce((sum, artifact) => sum + artifact.tokens, 0)
  const seeds = [...new Set(made.map(({ seed }) => seed))]
  return {
    samples: { prompt, tokens, settings, seeds, ...own },
    baseline,
    ...indexed,
  }
}

async function writeTexts(
  model: TextModel,
  prompt: string,
  settings: SamplerSettings,
  count: number,
  { signal, onProgress }: EvaluateTextOptions,
): Promise<TextArtifact[]> {
  const made: TextArtifact[] = []
  for (let seed = 0; made.length < count; seed++) {
    const n = Math.min(settings.n, count - made.length)
    const pieces = model.generate([prompt], { ...settings, n, seed }, signal ? { signal } : {})
    let next = await pieces.next()
    while (!next.done) next = await pieces.next()
    signal?.throwIfAborted()
    made.push(...next.value)
    onProgress?.({ stage: 'samples', done: made.length, total: count })
  }
  return made
}

async function indexOf({ train, tokenizer }: Corpus, { onProgress, signal }: EvaluateTextOptions) {
  let read = 0
  const documents = documentsOf(train, tokenizer, (done) => {
    signal?.throwIfAborted()
    onProgress?.({ stage: 'index', done, total: train.tokens })
    read = done
  })
  const index = await CorpusIndex.build(documents)
  const isPartial = read < train.tokens
  return { index, indexedCharacters: index.characters, ...(isPartial ? { isIndexPartial: true as const } : {}) }
}

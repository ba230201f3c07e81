import type { Interval } from '../../evaluate/bootstrap.ts'
import type { Family } from '../../models/registry.ts'
import type { DeviceBuffer, Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import type { Corpus } from '../data/open-corpus.ts'
import type { EvaluateTextOptions } from '../evaluate-text.ts'
import type { RunRecord } from '../run.ts'
import { resolveTextSettings, type TextSettings } from '../settings.ts'
import type { TextModel } from '../text-model.ts'

/** A model, and what it is measured on. */
export interface Subject {
  readonly model: TextModel
  /** Of a run whose corpus is still there. */
  readonly run?: { readonly record: RunRecord; readonly corpus: Corpus }
  readonly options: EvaluateTextOptions
}

/** One way to measure text models, by what they learned. */
export interface TextMeasure {
  /** Of a task, as `--task` takes it. */
  readonly name: TextFigures['task']
  /** In one line, for people. */
  readonly does: string
  /** Of the models that it measures; of those that learn the task first. */
  readonly families: readonly Family[]
  /** Options that mean something to it alone. */
  readonly takes: readonly ('limit' | 'between' | 'samples')[]
  measure(subject: Subject): Promise<Measured>
}

/** What a measure found. */
export interface Measured {
  readonly figures: TextFigures
  /** What the model is to write, where that tells something of it. */
  readonly writing?: Writing
}

/** What a model is given to write, and what its texts are compared with. */
export interface Writing {
  /** Of each text; fewer than asked where there are fewer. */
  prompts(count: number): readonly string[]
  /** People's texts: as many, or fewer, of so many tokens where they have no length of their own. */
  baseline(prompts: readonly string[], lengths: readonly number[]): string[]
}

/** What something was measured on. */
export interface MeasuredOn {
  /** `held-out`: the run's own; else what was named as data. */
  readonly source: 'held-out' | readonly string[]
  readonly tokens: number
  readonly bytes: number
  readonly documents: number
}

/** Of models that continue texts. */
export interface NextFigures {
  readonly task: 'next'
  /** Mean over all non-overlapping windows of the text, nats a token. */
  readonly validationLoss: number
  readonly perplexity: number
  readonly bitsPerByte: number
  /** Of the bits per byte, over batches of windows that lie side by side; without width where there is one alone. */
  readonly bitsPerByteInterval: Interval
  readonly text: MeasuredOn & {
    /** Predictions of one window. */
    readonly windowLength: number
  }
}

/** Of models that fill gaps. Intervals are of the tokens or words that were drawn. */
export interface FillFigures {
  readonly task: 'fill'
  /** −ln P(token | all others), nats a token; special tokens are not counted. */
  readonly pseudoLoss: Interval
  /** e to it (Salazar et al. 2020, equation 3). */
  readonly pseudoPerplexity: Interval
  /** Of the bytes that the tokens spell. */
  readonly pseudoBitsPerByte: Interval
  /** Tokens that were hidden one at a time. */
  readonly pseudoTokens: number
  /** With a share of each window's words hidden at once behind masks. */
  readonly hidden: {
    readonly share: number
    readonly words: number
    readonly tokens: number
    /** Share of the tokens in which the target was the likeliest, or among the five likeliest. */
    readonly top1: Interval
    readonly top5: Interval
    /** Share of the words all of whose tokens were the likeliest. */
    readonly wholeWords: Interval
  }
  readonly text: MeasuredOn & {
    /** Tokens of one window, those that frame it included. */
    readonly windowLength: number
  }
}

/** Of models that write a target from a source: a text's second half, or what was taken out of it. */
export interface PairFigures {
  readonly task: 'pairs' | 'denoise'
  /** −ln P(target | source) over all tokens of targets, their ends included; nats a token. */
  readonly validationLoss: number
  readonly perplexity: number
  /** Of the targets' bytes; comparable between models of any family and tokenizer. */
  readonly bitsPerByte: Interval
  /** Share of the tokens that were the likeliest. */
  readonly accuracy: number
  /** ln P(target | source) of each pair, in order; null where the target is too long for the model. */
  readonly logProbabilities: readonly (number | null)[]
  /** Their mean. */
  readonly meanLogProbability: Interval
  readonly text: MeasuredOn & {
    /** Pairs that were measured, of so many. */
    readonly pairs: number
    readonly of: number
    /** Whose source was cut so that it fits. */
    readonly cutSources: number
    /** What stood between source and target, for models that continue texts. */
    readonly between?: string
  }
}

/** What {@link TextMeasure}s find. */
export type TextFigures = NextFigures | FillFigures | PairFigures

/** What the record calls the data. */
export function sourceOf({ data, sources }: EvaluateTextOptions): MeasuredOn['source'] {
  return data ? (sources ?? data) : 'held-out'
}

/** A run's settings, where its own held-out text is measured or not; undefined where there is no run. */
export function settingsOf({ run }: Subject): TextSettings | undefined {
  return run && resolveTextSettings(run.record.preset, run.record.settings)
}

/** Calls `work` with an engine of its own and weights on it. */
export async function onEngine<T>(
  { engine: name = 'cpu', threads }: Pick<EvaluateTextOptions, 'engine' | 'threads'>,
  weights: Readonly<Record<string, Parameters<Engine['createBuffer']>[0]>>,
  work: (engine: Engine, weights: Readonly<Record<string, DeviceBuffer>>) => Promise<T>,
): Promise<T> {
  const engine = await createEngine(name, threads ? { threads } : {})
  try {
    const buffers = Object.entries(weights).map(([key, tensor]) => [key, engine.createBuffer(tensor)] as const)
    return await work(engine, Object.fromEntries(buffers))
  } finally {
    await engine.close()
  }
}

/** So many of `size` things at even distances, all where there are no more. */
export function spread(size: number, count: number): number[] {
  const chosen = Math.min(size, count)
  return Array.from({ length: chosen }, (_, i) => Math.floor((i * size) / chosen))
}

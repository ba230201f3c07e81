import type { HostTensor } from '../../graph/dtype.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { type Architectures, withAdapters } from '../../models/lora.ts'
import type { ArchitectureRow, Family } from '../../models/registry.ts'
import type { Scope } from '../../nn/parameters.ts'
import type { DeviceBuffer, Engine } from '../../runtime/engine.ts'
import type { HeldOutBatch } from '../../train/held-out.ts'
import type { HeldOutFigures, TrainBatch } from '../../train/loop.ts'
import type { Corpus } from '../data/open-corpus.ts'
import type { NewTokenizer } from '../data/train-tokenizer.ts'
import type { RunRecord } from '../run.ts'
import type { TextSettings } from '../settings.ts'

/** What a model learns from a text: how batches are made of it, what is made small, what is measured. */
export interface TextTask {
  /** As `--task` takes it. */
  readonly name: string
  /** In one line, for people. */
  readonly does: string
  /** Of the models that learn it. */
  readonly family: Family
  /** The vocabulary that is learned where none is asked for. */
  readonly tokenizer: NewTokenizer
  /** Whether it learns from pairs of texts, not from texts. */
  readonly pairs: boolean
  /** Whether it learns from conversations. */
  readonly chats?: true
  /** Throws ConfigError for sizes that make no model, before a corpus is read. */
  checkSizes(given: ModelGiven): void
  /** The task on a corpus; cheap. Throws ConfigError for settings and DataError for a corpus that do not suit it. */
  open(given: Given): Objective
}

/** What a model is made of, besides its vocabulary. */
export interface ModelGiven extends Pick<RunRecord, 'architecture' | 'from' | 'lora'> {
  readonly settings: TextSettings
}

/** What a task is opened with. */
export interface Given extends ModelGiven, Pick<RunRecord, 'seed' | 'budget' | 'prompt'> {
  readonly corpus: Corpus
}

/** A task on a corpus. */
export interface Objective {
  /** Of the architecture, for people. */
  readonly title: string
  readonly architecture: {
    readonly scope: Scope
    readonly config: Readonly<Record<string, unknown>>
    readonly dimensions: { readonly contextLength: number }
  }
  /** Weights that a new model begins with, where what the corpus says is better than chance. */
  initial?(): Readonly<Record<string, HostTensor>>
  /** The scalar loss of a batch, in nats a prediction. */
  readonly loss: Tensor
  /** The same of narrower batches, narrowest first. */
  readonly narrowerLosses?: readonly Tensor[]
  /** A pure function of the batch's number. */
  batch(index: number): TrainBatch
  /** Batches in which all of the corpus is seen once; no whole number. */
  readonly batchesPerEpoch: number
  readonly heldOut: HeldOut
  /** Lets the model make something, with weights where they are. */
  sample(engine: Engine, weights: Readonly<Record<string, DeviceBuffer>>, step: number): Promise<Sample>
  /** What users should know about how the corpus is used. */
  readonly notes: readonly string[]
}

/** How a task is measured. */
export interface HeldOut {
  /** Scalars over a batch, summed over its predictions. */
  readonly sums: Readonly<Record<string, Tensor>>
  /** All of the held-out text. Throws DataError where there is too little. */
  batches(): Iterable<HeldOutBatch>
  /** What means of the sums, a prediction, say. */
  figures(means: Readonly<Record<string, number>>): HeldOutFigures
}

/** Something that a model made on the way. */
export interface Sample {
  readonly prompt: string
  readonly text: string
}

/**
 * What an architecture of a row is built by: what the model says that a run begins from, with the run's own dropout;
 * where there is none, what `fresh` gives.
 */
export function modelSettings<Config extends object>(
  row: { read(config: unknown, source: string): Config },
  { from, settings }: ModelGiven,
  fresh: () => Config,
): Config {
  return from ? { ...row.read(from.config, from.path), dropout: settings.dropout } : fresh()
}

/** A model of a row, by {@link modelSettings}, with the adapters that a run trains. */
export function modelFor<F extends Family, Config extends object>(
  family: F,
  row: ArchitectureRow<Config, Architectures[F]>,
  given: ModelGiven,
  fresh: () => Config,
): { readonly config: Config; readonly architecture: Architectures[F] } {
  const config = modelSettings(row, given, fresh)
  const architecture = row.build(config)
  if (!given.lora) return { config, architecture }
  const { rank, alpha, dropout, targets } = given.lora
  return { config, architecture: withAdapters(family, architecture, { rank, scale: alpha / rank, dropout, targets }) }
}

/** Whether anything is dropped in training: then the graph draws from a key. */
export function drops({ settings, lora }: ModelGiven): boolean {
  return settings.dropout > 0 || (lora?.dropout ?? 0) > 0
}

/** Whether batches go through the corpus in epochs, or draw from it at random. */
export function goesInEpochs({ settings, budget }: Pick<Given, 'settings' | 'budget'>): boolean {
  return settings.sampling === 'epochs' || 'epochs' in budget
}

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonLines } from '../files/json-lines.ts'
import type { EngineName } from '../runtime/engine.ts'
import { hardware } from '../train/run-record.ts'
import type { TextEvaluation } from './evaluate-text.ts'
import { type RunRecord, readRun } from './run.ts'
import { TextModel } from './text-model.ts'

/** What {@link textCard} cannot find out by itself. */
export interface CardOptions {
  /** Folder of the weights that the card is for, where it is not the run's own. */
  readonly folder?: string
  /** What the samples begin from, in turn; by default what the run or its evaluation began from. */
  readonly prompts?: readonly string[]
  /** Tokens of a sample at most, 120 by default. */
  readonly maxTokens?: number
  /** What they are written on. */
  readonly engine?: EngineName
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** What users of a model should know of it; a run's `card.json`. */
export interface TextCard
  extends Pick<RunRecord, 'architecture' | 'task' | 'settings' | 'engine' | 'seed'>,
    Partial<Pick<RunRecord, 'from'>> {
  readonly format: 'atelier-card-1'
  readonly data: { readonly sources: readonly string[]; readonly licence?: string; readonly digest: string }
  /** Bytes of the weights. */
  readonly weightBytes: number
  readonly training: {
    readonly steps: number
    readonly tokens: number
    readonly seconds: number
    /** An estimate: seconds · cores · {@link wattsPerCore}. */
    readonly wattHours: number
  }
  readonly evaluation: TextEvaluation
  /** One of each seed from 0 on, none left out. */
  readonly samples: readonly { readonly seed: number; readonly prompt: string; readonly text: string }[]
  /** The machine that the run began on; of runs that do not say, that on which the card was written. */
  readonly hardware: ReturnType<typeof hardware>
}

/** What a busy core of a server is taken to draw, with its share of memory and cooling: an assumption, not a reading. */
export const wattsPerCore = 10

/** Samples of a card, of the seeds 0 to 15. */
const samplesOnCard = 16

/** Gathers the card of a run that was evaluated, and lets the model write its samples. Throws CheckpointError. */
export async function textCard(run: string, evaluation: TextEvaluation, options: CardOptions = {}): Promise<TextCard> {
  const record = await readRun(run)
  const { architecture, task, settings, engine, seed, from, hardware: machine = hardware() } = record
  return {
    format: 'atelier-card-1',
    data: {
      sources: record.sources,
      ...(record.licence === undefined ? {} : { licence: record.licence }),
      digest: record.dataDigest,
    },
    architecture,
    task,
    settings,
    seed,
    ...(from ? { from } : {}),
    weightBytes: await weightBytesIn(options.folder ?? run),
    training: await trainingOf(run, Number(machine.cores)),
    evaluation,
    samples: await samplesOf(options.prompts ?? promptsOf(record, evaluation), options.folder ?? run, options),
    engine,
    hardware: machine,
  }
}

async function weightBytesIn(folder: string): Promise<number> {
  const found = ['model.safetensors', 'adapter_model.safetensors'].map((name) => stat(join(folder, name)))
  const sizes = (await Promise.allSettled(found)).flatMap((one) => (one.status === 'fulfilled' ? [one.value.size] : []))
  if (sizes[0] !== undefined) return sizes[0]
  throw new CheckpointError(`card: ${folder} holds no weights; train it first`, { folder })
}

/** What is read of a step in `metrics.jsonl`. */
const stepSchema = z.object({
  type: z.literal('step'),
  step: z.number(),
  tokens: z.number(),
  elapsedMs: z.number(),
})

/** By the last step that the run has on record. */
async function trainingOf(run: string, cores: number): Promise<TextCard['training']> {
  const lines = await readJsonLines(join(run, 'metrics.jsonl'), CheckpointError)
  const taken = lines.flatMap((line) => stepSchema.safeParse(line).data ?? [])
  const { step, tokens, elapsedMs } = taken.at(-1) ?? { step: 0, tokens: 0, elapsedMs: 0 }
  const seconds = elapsedMs / 1000
  return { steps: step, tokens, seconds, wattHours: (seconds * cores * wattsPerCore) / 3600 }
}

/** What the run was given to begin from, else what its evaluation began from, where that was one text. */
function promptsOf({ prompt }: RunRecord, evaluation: TextEvaluation): string[] {
  const first = prompt || ('samples' in evaluation && evaluation.samples?.prompt)
  return first ? [first] : []
}

async function samplesOf(
  prompts: readonly string[],
  folder: string,
  { maxTokens = 120, engine, threads, signal, onProgress }: CardOptions,
): Promise<TextCard['samples']> {
  const asked = Array.from(
    { length: prompts.length > 0 ? samplesOnCard : 0 },
    (_, seed) => prompts[seed % prompts.length]!,
  )
  if (asked.length === 0) return []
  const model = await TextModel.load(folder, { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) })
  try {
    const samples: { seed: number; prompt: string; text: string }[] = []
    for (const [seed, one] of asked.entries()) {
      const [artifact] = await model.complete([one], { seed, maxTokens }, signal ? { signal } : {})
      signal?.throwIfAborted()
      samples.push({ seed, prompt: one, text: artifact!.text })
      onProgress?.(samples.length, asked.length)
    }
    return samples
  } finally {
    await model.release()
  }
}

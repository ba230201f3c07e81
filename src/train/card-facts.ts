import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonLines } from '../files/json-lines.ts'
import { hardware, type runRecordFields } from './run-record.ts'

type RunFacts = z.infer<z.ZodObject<typeof runRecordFields>>

/** What a card tells of a model whatever it makes: where it comes from, how large it is, what it cost. */
export interface CardFacts extends Pick<RunFacts, 'architecture' | 'settings' | 'engine' | 'seed'> {
  readonly format: 'atelier-card-1'
  readonly data: { readonly sources: readonly string[]; readonly licence?: string; readonly digest: string }
  /** Bytes of the weights. */
  readonly weightBytes: number
  readonly training: TrainingFacts
  /** The machine that the run began on; of runs that do not say, that on which the card was written. */
  readonly hardware: ReturnType<typeof hardware>
  /** What else was measured, by which program, in rows for people. */
  readonly measured?: FurtherMeasures
}

/** Measures besides those of `evaluate`. */
export interface FurtherMeasures {
  readonly by: string
  readonly rows: readonly (readonly [string, string])[]
}

/** What a training took. */
export interface TrainingFacts {
  readonly steps: number
  /** Tokens that text was trained on. */
  readonly tokens?: number
  /** Real pictures that were shown. */
  readonly pictures?: number
  readonly seconds: number
  /** An estimate: seconds · cores · {@link wattsPerCore}. */
  readonly wattHours: number
}

/** What a busy core of a server is taken to draw, with its share of memory and cooling: an assumption, not a reading. */
export const wattsPerCore = 10

/** Samples of a card, of the seeds 0 to 15. */
export const samplesOnCard = 16

/** Gathers what a run's record and files tell; `folder` holds the weights. Throws CheckpointError. */
export async function cardFacts(run: string, record: RunFacts, folder: string): Promise<CardFacts> {
  const { architecture, settings, engine, seed, sources, licence, dataDigest, hardware: machine = hardware() } = record
  return {
    format: 'atelier-card-1',
    data: { sources, ...(licence === undefined ? {} : { licence }), digest: dataDigest },
    architecture,
    settings,
    seed,
    weightBytes: await weightBytesIn(folder),
    training: await trainingOf(run, Number(machine.cores)),
    engine,
    hardware: machine,
  }
}

/** Bytes of a model's weights, or of the adapters that it is. Throws {@link CheckpointError} where there are none. */
async function weightBytesIn(folder: string): Promise<number> {
  const found = ['model.safetensors', 'adapter_model.safetensors'].map((name) => stat(join(folder, name)))
  const sizes = (await Promise.allSettled(found)).flatMap((one) => (one.status === 'fulfilled' ? [one.value.size] : []))
  if (sizes[0] !== undefined) return sizes[0]
  throw new CheckpointError(`card: ${folder} holds no weights; train it first`, { folder })
}

/** What is read of a step in `metrics.jsonl`. */
const stepSchema = z.object({
  type: z.enum(['step', 'round']),
  step: z.number(),
  tokens: z.number().optional(),
  pictures: z.number().optional(),
  elapsedMs: z.number(),
})

/** By the last step that the run has on record. */
async function trainingOf(run: string, cores: number): Promise<TrainingFacts> {
  const lines = await readJsonLines(join(run, 'metrics.jsonl'), CheckpointError)
  const taken = lines.flatMap((line) => stepSchema.safeParse(line).data ?? [])
  const { step = 0, tokens, pictures, elapsedMs = 0 } = taken.at(-1) ?? {}
  const seconds = elapsedMs / 1000
  return {
    steps: step,
    ...(tokens === undefined ? {} : { tokens }),
    ...(pictures === undefined ? {} : { pictures }),
    seconds,
    wattHours: wattHours(seconds, cores),
  }
}

/** An estimate of what a training drew: see {@link wattsPerCore}. */
function wattHours(seconds: number, cores: number): number {
  return (seconds * cores * wattsPerCore) / 3600
}

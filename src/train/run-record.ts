import { stat } from 'node:fs/promises'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { type JsonLinesWriter, openJsonLines } from '../files/json-lines.ts'

/** What `run.json` says whatever the craft; a craft extends it. */
export const runRecordFields = {
  format: z.literal('atelier-run-1'),
  version: z.string(),
  created: z.string(),
  architecture: z.string(),
  preset: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seed: z.number().int().nonnegative(),
  /** What was named as data, as it was named. */
  sources: z.array(z.string()),
  licence: z.string().optional(),
  /** Folder of the prepared corpus, inside the run. */
  corpus: z.string().regex(/^corpus[/\\][\w-]+$/, 'wanted a folder in corpus/'),
  dataDigest: z.string(),
  engine: z.object({ name: z.string(), library: z.string(), platform: z.string(), threads: z.number() }),
  /** The machine that it began on; runs of before do not say. */
  hardware: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
}

const craftSchema = z.object({ craft: z.string() })

/** Which craft a run is of, such as `text`. Throws {@link CheckpointError} where there is no `run.json`. */
export async function craftOfRun(run: string): Promise<string> {
  return (await readJsonFile(join(run, 'run.json'), craftSchema)).craft
}

/**
 * Reads `RUN/run.json`. Throws {@link CheckpointError} where there is none, where it is corrupt, and, with the command
 * to use instead, where the run is of another craft.
 */
export async function readRunRecord<T>(run: string, craft: string, schema: z.ZodType<T>): Promise<T> {
  const found = await craftOfRun(run)
  if (found !== craft)
    throw new CheckpointError(
      `${run}: it is a run of the craft ${JSON.stringify(found)}, wanted ${craft}; ` +
        `name another folder, or use the commands for ${JSON.stringify(found)}`,
      { run, craft: found },
    )
  return readJsonFile(join(run, 'run.json'), schema)
}

/** Writes `RUN/run.json`. */
export async function writeRunRecord(run: string, record: object): Promise<void> {
  await writeJsonFile(join(run, 'run.json'), record)
}

/** Whether a folder holds a run already. */
export async function runExists(run: string): Promise<boolean> {
  return stat(join(run, 'run.json')).then(
    () => true,
    () => false,
  )
}

/** Throws {@link ConfigError} where a folder holds a run already. */
export async function refuseRun(out: string): Promise<void> {
  if (await runExists(out))
    throw new ConfigError(`train: ${out} holds a run already; add --resume to go on, or choose another --out`, { out })
}

/** A budget of one amount, as it is. Throws {@link ConfigError} for an amount not above 0, or steps that are not whole. */
export function checkBudget<T extends object>(budget: T): T {
  const [[unit, amount]] = Object.entries(budget) as [[string, number]]
  const whole = unit !== 'steps' || Number.isInteger(amount)
  if (amount > 0 && Number.isFinite(amount) && whole) return budget
  throw new ConfigError(
    `train: ${unit} is ${amount}, wanted ${unit === 'steps' ? 'a whole number' : 'a number'} above 0`,
  )
}

/** Opens `RUN/metrics.jsonl` to go on after `step` updates: what was written after them goes. */
export function openMetrics(run: string, step: number): Promise<JsonLinesWriter> {
  return openJsonLines(join(run, 'metrics.jsonl'), (line) => isBefore(line, step))
}

/** Whether a line of `metrics.jsonl` was written by the time of `step`. */
function isBefore(line: unknown, step: number): boolean {
  const { type, step: at } = (line ?? {}) as { type?: string; step?: number }
  return type !== 'end' && typeof at === 'number' && at <= step
}

/** The machine that this process runs on, for records. */
export function hardware(): Record<string, string | number> {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? arch(),
    cores: processors.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
  }
}

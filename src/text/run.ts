import { stat } from 'node:fs/promises'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { readJsonLines } from '../files/json-lines.ts'
import { shellWord } from '../files/shell-word.ts'
import type { Progress } from '../train/checkpoint.ts'
import { renderReport } from '../train/report/render-report.ts'
import { type Facts, type ReportData, type RunReport, readHistory } from '../train/report/run-report.ts'
import type { Corpus } from './data/open-corpus.ts'

const budgetSchema = z.union([
  z.object({ steps: z.number() }),
  z.object({ minutes: z.number() }),
  z.object({ epochs: z.number() }),
])

const runSchema = z.object({
  format: z.literal('atelier-run-1'),
  craft: z.literal('text'),
  version: z.string(),
  created: z.string(),
  architecture: z.string(),
  preset: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seed: z.number().int().nonnegative(),
  budget: budgetSchema,
  prompt: z.string(),
  /** What was named as data, as it was named. */
  sources: z.array(z.string()),
  /** Field that holds the text, where one was named. */
  field: z.string().optional(),
  /** What was asked for; a BPE vocabulary that the text cannot fill is smaller. */
  tokenizer: z.object({ kind: z.enum(['char', 'byte', 'bpe']), vocabulary: z.number().optional() }).optional(),
  licence: z.string().optional(),
  /** Folder of the prepared corpus, inside the run. */
  corpus: z.string().regex(/^corpus[/\\][\w-]+$/, 'wanted a folder in corpus/'),
  dataDigest: z.string(),
  tokenizerDigest: z.string(),
  engine: z.object({ name: z.string(), library: z.string(), platform: z.string(), threads: z.number() }),
})

/** `RUN/run.json`: what a run is, written when it begins; resuming for another length changes `budget`. */
export type RunRecord = z.infer<typeof runSchema>

/** Reads `RUN/run.json`. Throws {@link CheckpointError} where there is none. */
export async function readRun(run: string): Promise<RunRecord> {
  return readJsonFile(join(run, 'run.json'), runSchema)
}

/** Writes `RUN/run.json`. */
export async function writeRun(run: string, record: RunRecord): Promise<void> {
  await writeJsonFile(join(run, 'run.json'), record)
}

/** Whether a folder holds a run already. */
export async function runExists(run: string): Promise<boolean> {
  return stat(join(run, 'run.json')).then(
    () => true,
    () => false,
  )
}

/** What a report shows besides the run's own record. */
export interface ReportInput {
  readonly record: RunRecord
  readonly title: string
  readonly parameters: number
  readonly corpus: Corpus
  readonly progress: Progress
  readonly status: RunReport['status']
}

/** Writes `RUN/report.html` from the run's files. */
export async function writeReport(run: string, input: ReportInput): Promise<string> {
  const { record, corpus, progress } = input
  const history = readHistory(await readJsonLines(join(run, 'metrics.jsonl'), CheckpointError))
  const last = history.evaluations.at(-1)
  const report: RunReport = {
    name: basename(run),
    architecture: describe(record, input),
    status: input.status,
    parameters: input.parameters,
    steps: progress.step,
    tokensSeen: progress.tokensSeen,
    seconds: progress.elapsedMs / 1000,
    tokensPerSecond: progress.elapsedMs > 0 ? progress.tokensSeen / (progress.elapsedMs / 1000) : 0,
    ...(last ? { validationLoss: last.validationLoss } : {}),
    ...(last?.bitsPerByte === undefined ? {} : { bitsPerByte: last.bitsPerByte }),
    history,
    configuration: { architecture: record.architecture, preset: record.preset, ...record.settings } as Facts,
    data: reportData(record, corpus),
    engine: record.engine as RunReport['engine'],
    hardware: hardware(),
    lineage: {
      created: record.created,
      atelier: record.version,
      seed: record.seed,
      tokenizer: `${corpus.tokenizer.kind}, ${corpus.tokenizer.vocabSize} tokens, ${record.tokenizerDigest.slice(0, 16)}`,
      bestStep: progress.best?.step,
      schedule: progress.plans.map(({ step, total }) => `from step ${step}: ${total} in all`).join('; '),
    },
    commands: {
      write: `atelier generate text --model ${shellWord(run)} --prompt "…"`,
      measure: `atelier evaluate ${shellWord(run)}`,
      'go on': `atelier train text --out ${shellWord(run)} --resume`,
    },
  }
  const path = join(run, 'report.html')
  await writeFileAtomic(path, renderReport(report), CheckpointError)
  return path
}

function describe({ settings }: RunRecord, { title }: ReportInput): string {
  return `${title}, ${settings.nLayers} layers, width ${settings.dModel}, context ${settings.contextLength}`
}

function reportData(record: RunRecord, { statistics, train, validation }: Corpus): ReportData {
  return {
    sources: record.sources,
    digest: record.dataDigest,
    documents: statistics.documents,
    duplicatesDropped: statistics.duplicates,
    heldOut:
      statistics.documents === 1
        ? 'the last tenth of the only document'
        : `${validation.documents} of ${statistics.documents} documents, chosen by their content`,
    bytes: statistics.bytes,
    trainingTokens: train.tokens,
    heldOutTokens: validation.tokens,
    ...(record.licence === undefined ? {} : { licence: record.licence }),
  }
}

/** The machine that this process runs on, for records. */
export function hardware(): Facts {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? arch(),
    cores: processors.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
  }
}

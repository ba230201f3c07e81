import { basename, join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { readJsonLines } from '../files/json-lines.ts'
import { shellWord } from '../files/shell-word.ts'
import type { Progress } from '../train/checkpoint.ts'
import { renderReport } from '../train/report/render-report.ts'
import { type Facts, type ReportData, type RunReport, readHistory } from '../train/report/run-report.ts'
import { hardware, readRunRecord, runRecordFields } from '../train/run-record.ts'
import type { Corpus } from './data/open-corpus.ts'
import { tokenizerKinds } from './data/train-tokenizer.ts'

const budgetSchema = z.union([
  z.object({ steps: z.number() }),
  z.object({ minutes: z.number() }),
  z.object({ epochs: z.number() }),
])

const fromSchema = z.object({
  /** Its folder. */
  path: z.string(),
  /** Of its files, as artifacts name models. */
  digest: z.string(),
  /** Its `config.json`, which the run's model is built by. */
  config: z.record(z.string(), z.unknown()),
})

const loraSchema = z.object({
  rank: z.number(),
  alpha: z.number(),
  dropout: z.number(),
  /** Which layers were asked for. */
  modules: z.union([z.enum(['attention', 'all']), z.array(z.string())]),
  /** The parameters that these are. */
  targets: z.array(z.string()),
})

const runSchema = z.object({
  ...runRecordFields,
  craft: z.literal('text'),
  budget: budgetSchema,
  prompt: z.string(),
  /** What is learned; the architecture's usual task in records that do not say. */
  task: z.string().optional(),
  /** Field that holds the text, where one was named. */
  field: z.string().optional(),
  /** What was asked for; a vocabulary that the text cannot fill is smaller. */
  tokenizer: z.object({ kind: z.enum(tokenizerKinds), vocabulary: z.number().optional() }).optional(),
  tokenizerDigest: z.string(),
  /** The model that the run begins from. */
  from: fromSchema.optional(),
  /** There where adapters of that model alone are trained. */
  lora: loraSchema.optional(),
})

/** What a run's record says of the model that it begins from. */
export type From = z.infer<typeof fromSchema>

/** What a run's record says of the adapters that it trains. */
export type LoraRecord = z.infer<typeof loraSchema>

/** `RUN/run.json`: what a run is, written when it begins; resuming for another length changes `budget`. */
export type RunRecord = z.infer<typeof runSchema>

/** Reads `RUN/run.json`. Throws {@link CheckpointError} where there is none or it is of another craft. */
export async function readRun(run: string): Promise<RunRecord> {
  return readRunRecord(run, 'text', runSchema)
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
    ...(last?.accuracy === undefined ? {} : { accuracy: last.accuracy }),
    history,
    configuration: {
      architecture: record.architecture,
      task: record.task,
      preset: record.preset,
      ...record.settings,
    } as Facts,
    data: reportData(record, corpus),
    engine: record.engine as RunReport['engine'],
    hardware: hardware(),
    lineage: {
      created: record.created,
      atelier: record.version,
      seed: record.seed,
      ...(record.from ? { from: `${record.from.path}, ${record.from.digest.slice(0, 16)}` } : {}),
      ...(record.lora ? { adapter: describeAdapter(record.lora) } : {}),
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

function describeAdapter({ rank, alpha, dropout, targets }: LoraRecord): string {
  return `rank ${rank}, alpha ${alpha}, dropout ${dropout}, of ${targets.length} matrices`
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

import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { readJsonLines } from '../files/json-lines.ts'
import { shellWord } from '../files/shell-word.ts'
import type { GanProgress } from '../train/gan-loop.ts'
import {
  type GanHistory,
  type GanReport,
  readGanHistory,
  renderGanReport,
  shownSamples,
} from '../train/report/gan-report.ts'
import type { Facts } from '../train/report/run-report.ts'
import { hardware, readRunRecord, runRecordFields } from '../train/run-record.ts'
import type { ImageCorpus } from './data/image-corpus.ts'

const budgetSchema = z.union([
  z.object({ steps: z.number() }),
  z.object({ minutes: z.number() }),
  z.object({ epochs: z.number() }),
])

const runSchema = z.object({
  ...runRecordFields,
  craft: z.literal('image'),
  budget: budgetSchema,
  /** Pixels a side. */
  size: z.number().int().positive(),
  fit: z.enum(['cover', 'contain', 'stretch']),
  /** What pictures are asked for by. */
  condition: z.enum(['none', 'class', 'text']),
})

/** `RUN/run.json` of an image run, written when it begins; resuming for another length changes `budget`. */
export type ImageRunRecord = z.infer<typeof runSchema>

/** Reads `RUN/run.json`. Throws {@link CheckpointError} where there is none or it is of another craft. */
export async function readImageRun(run: string): Promise<ImageRunRecord> {
  return readRunRecord(run, 'image', runSchema)
}

/** What a report shows besides the run's own record. */
export interface ImageReportInput {
  readonly record: ImageRunRecord
  readonly title: string
  readonly parameters: GanReport['parameters']
  readonly corpus: ImageCorpus
  readonly progress: GanProgress
  readonly status: GanReport['status']
}

/** Writes `RUN/report.html` from the run's files. */
export async function writeImageReport(run: string, input: ImageReportInput): Promise<string> {
  const { record, corpus, progress, title } = input
  const history = readGanHistory(await readJsonLines(join(run, 'metrics.jsonl'), CheckpointError))
  const { settings } = record
  const report: GanReport = {
    name: basename(run),
    architecture: `${title}, ${record.size} × ${record.size}, widths ${settings.generatorWidth} and ${settings.discriminatorWidth}, ${askedBy(record, corpus)}`,
    status: input.status,
    parameters: input.parameters,
    rounds: progress.step,
    pictures: progress.pictures,
    seconds: progress.elapsedMs / 1000,
    history,
    configuration: {
      architecture: record.architecture,
      preset: record.preset,
      size: record.size,
      ...settings,
    } as Facts,
    data: dataFacts(record, corpus),
    engine: record.engine as GanReport['engine'],
    hardware: hardware(),
    lineage: {
      created: record.created,
      atelier: record.version,
      seed: record.seed,
      schedule: progress.plans.map(({ step, total }) => `from round ${step}: ${total} in all`).join('; '),
    },
    commands: {
      paint: `atelier generate image --model ${shellWord(run)} --n 16 --grid --out grid.png`,
      measure: `atelier evaluate ${shellWord(run)}`,
      'go on': `atelier train image --out ${shellWord(run)} --resume`,
    },
    sheets: await readSheets(run, history),
  }
  const path = join(run, 'report.html')
  await writeFileAtomic(path, renderGanReport(report), CheckpointError)
  return path
}

function askedBy({ condition }: ImageRunRecord, { classes }: ImageCorpus): string {
  if (condition === 'none') return 'unconditional'
  return condition === 'class' ? `asked for by ${classes.length} classes` : 'asked for by words'
}

function dataFacts(record: ImageRunRecord, { statistics, train, heldOut, channels, classes }: ImageCorpus): Facts {
  const { duplicates, skippedCount, ownSplit } = statistics
  return {
    sources: record.sources.join(', '),
    digest: record.dataDigest,
    pictures: statistics.pictures.toLocaleString('en-GB'),
    'learned from': train.length.toLocaleString('en-GB'),
    'held out': `${heldOut.length.toLocaleString('en-GB')}, ${ownSplit ? 'as the sources say' : 'chosen by their content'}`,
    'duplicates dropped': duplicates.toLocaleString('en-GB'),
    'could not be read': skippedCount,
    planes: channels,
    classes: classes.length > 0 ? classes.slice(0, 40).join(', ') : undefined,
    'fit to the square': record.fit,
    licence: record.licence,
  }
}

/** Sheets of samples that the report shows, by round; a sheet that is gone is left out. */
async function readSheets(run: string, history: GanHistory): Promise<Map<number, Uint8Array>> {
  const sheets = new Map<number, Uint8Array>()
  for (const { step } of shownSamples(history)) {
    const bytes = await readFile(join(run, sheetPath(step))).catch(() => undefined)
    if (bytes) sheets.set(step, bytes)
  }
  return sheets
}

/** Where the sheet of a round lies in its run. */
export function sheetPath(step: number): string {
  return `samples/step-${step}.png`
}

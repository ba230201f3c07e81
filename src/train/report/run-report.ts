import { z } from 'zod'
import type { EngineDescription } from '../../runtime/engine.ts'

const finite = z.number().catch(Number.NaN)
const step = z.object({
  type: z.literal('step'),
  step: z.number(),
  loss: finite,
  learningRate: finite.optional(),
  gradientNorm: finite.optional(),
  tokensPerSecond: finite.optional(),
})
const evaluation = z.object({
  type: z.literal('evaluation'),
  step: z.number(),
  validationLoss: finite,
  bitsPerByte: finite.optional(),
  accuracy: finite.optional(),
})
const sample = z.object({
  type: z.literal('sample'),
  step: z.number(),
  text: z.string(),
  prompt: z.string().optional(),
})

/** One training step, as a line of `metrics.jsonl`; losses in nats a token. A value that is no number reads as NaN. */
export type StepLine = z.infer<typeof step>
/** One evaluation on held-out data. */
export type EvaluationLine = z.infer<typeof evaluation>
/** One text that the model wrote during training. */
export type SampleLine = z.infer<typeof sample>

/** What happened in a run, sorted by kind. */
export interface RunHistory {
  readonly steps: readonly StepLine[]
  readonly evaluations: readonly EvaluationLine[]
  readonly samples: readonly SampleLine[]
}

/** A table of facts; those that are undefined are left out. */
export type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>

/** What a run learned from. */
export interface ReportData {
  readonly sources: readonly string[]
  /** Names exactly what was learned from. */
  readonly digest: string
  readonly documents: number
  readonly duplicatesDropped: number
  /** In words: how the held-out part was chosen. */
  readonly heldOut: string
  readonly bytes?: number
  readonly trainingTokens?: number
  readonly heldOutTokens?: number
  readonly licence?: string
}

/** Everything that `report.html` shows. */
export interface RunReport {
  readonly name: string
  /** Such as `Llama decoder, 4 layers, width 128`. */
  readonly architecture: string
  readonly status: 'running' | 'finished' | 'stopped'
  readonly parameters: number
  /** Steps done. */
  readonly steps: number
  readonly tokensSeen: number
  readonly seconds: number
  readonly tokensPerSecond: number
  /** Nats a token. */
  readonly validationLoss?: number
  readonly bitsPerByte?: number
  /** Share of held-out predictions in which the target was the likeliest. */
  readonly accuracy?: number
  readonly history: RunHistory
  readonly configuration: Facts
  readonly data: ReportData
  readonly engine: EngineDescription
  /** The machine: processor, memory, operating system, Node's version. */
  readonly hardware: Facts
  /** Where the model comes from: seed, version, tokenizer, parent run, dates. */
  readonly lineage: Facts
  /** How to go on, label → command. */
  readonly commands: Readonly<Record<string, string>>
}

/** Sorts the lines of a `metrics.jsonl` by kind; lines of other kinds are left out. */
export function readHistory(lines: readonly unknown[]): RunHistory {
  return { steps: pick(lines, step), evaluations: pick(lines, evaluation), samples: pick(lines, sample) }
}

/** The lines that fit a schema, in order. */
export function pick<T>(lines: readonly unknown[], schema: z.ZodType<T>): T[] {
  return lines.flatMap((line) => {
    const result = schema.safeParse(line)
    return result.success ? [result.data] : []
  })
}

import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { LoraModules } from '../models/low-rank.ts'
import type { NewTokenizer } from '../text/data/train-tokenizer.ts'
import type { RunRecord } from '../text/run.ts'
import { resolveTextSettings, type TextSettings } from '../text/settings.ts'

/** Options of a training that a run keeps for good. */
export interface ResumedOptions {
  readonly data?: readonly string[]
  readonly preset?: string
  readonly from?: string
  readonly lora?: boolean
  readonly loraRank?: number
  readonly loraAlpha?: number
  readonly loraDropout?: number
  readonly loraTargets?: LoraModules
  readonly architecture?: string
  readonly task?: string
  readonly seed?: number
  readonly set?: Readonly<Record<string, string>>
  readonly tokenizer?: NewTokenizer['kind']
  readonly vocabulary?: number
  readonly field?: string
  readonly prompt?: string
  readonly licence?: string
}

/** An option, what it says, and what the run has. */
export type Claim = readonly [option: string, said: unknown, has: unknown]

/**
 * Lets the command that began a run go on with it when `--resume` is added: what it says again must be what the run
 * has. Throws {@link ConfigError} for what is another.
 */
export async function checkResumed(run: string, options: ResumedOptions): Promise<void> {
  const { runExists } = await import('../train/run-record.ts')
  if (!(await runExists(run))) return
  const { readRun } = await import('../text/run.ts')
  const { taskFor } = await import('../text/tasks/tasks.ts')
  const record = await readRun(run)
  const { resolveModelFolder } = await import('../files/gallery-folder.ts')
  refuseOthers(run, [
    ['from', options.from && resolve(resolveModelFolder(options.from)), record.from?.path ?? 'no model before it'],
    ['preset', options.preset, record.preset],
    ['lora', options.lora, record.lora !== undefined],
    ['lora-rank', options.loraRank, record.lora?.rank],
    ['lora-alpha', options.loraAlpha, record.lora?.alpha],
    ['lora-dropout', options.loraDropout, record.lora?.dropout],
    ['lora-targets', options.loraTargets?.toString(), record.lora?.modules.toString()],
    ['architecture', options.architecture, record.architecture],
    ['task', options.task, taskFor(record.architecture, record.task).name],
    ['seed', options.seed, record.seed],
    ['prompt', options.prompt, record.prompt],
    ['licence', options.licence, record.licence],
    ['field', options.field, record.field ?? 'text'],
    ['data', options.data?.join(' '), record.sources.join(' ')],
    ...settingClaims(options, record),
    ...(await tokenizerClaims(run, options, record)),
  ])
}

/** Throws {@link ConfigError} for the first option that says another thing than the run has. */
export function refuseOthers(run: string, claims: readonly Claim[]): void {
  const wrong = claims.find(([, said, has]) => said !== undefined && said !== has)
  if (!wrong) return
  const [option, said, has] = wrong
  const remedy = 'leave it out, or begin another run with another --out'
  throw new ConfigError(`resume: --${option} is ${said}, but ${run} has ${has}; ${remedy}`, { option, said, has })
}

function settingClaims({ set = {} }: ResumedOptions, { preset, settings }: RunRecord): Claim[] {
  const said = resolveTextSettings(preset, set)
  return Object.keys(set).map((key) => [`set ${key}`, said[key as keyof TextSettings], settings[key]])
}

async function tokenizerClaims(run: string, options: ResumedOptions, record: RunRecord): Promise<Claim[]> {
  if (options.tokenizer === undefined && options.vocabulary === undefined) return []
  const { kind, vocabulary } = record.tokenizer ?? (await tokenizerIn(run))
  return [
    ['tokenizer', options.tokenizer, kind],
    ['vocabulary', options.vocabulary, vocabulary],
  ]
}

/** Of a run whose record does not say what was asked for. */
async function tokenizerIn(run: string) {
  const { readTokenizer } = await import('../data/tokenizers/folder.ts')
  const { kind, vocabSize } = await readTokenizer(run)
  return { kind, vocabulary: vocabSize }
}

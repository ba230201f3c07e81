import type { EngineName } from '../runtime/engine.ts'
import type { AddCommand, Outcome } from './command.ts'
import type { Terminal } from './terminal.ts'

/** An option as the parser of the command line takes it: flags, description, parser of its value. */
export type CommandOption = readonly [
  flags: string,
  description: string,
  parse?: (text: string, before?: never) => unknown,
]

/** Options of `atelier evaluate` that all crafts have. */
export interface EvaluateOptions {
  readonly data?: readonly string[]
  readonly samples?: number
  readonly threads?: number
  readonly engine?: EngineName
  readonly card?: boolean
}

/** Options of `atelier remake`. */
export interface RemakeOptions {
  readonly model?: string
  readonly threads?: number
}

/** What a craft does for `atelier evaluate`: options of its own, examples, its work on a run. */
export interface Evaluation {
  readonly options: readonly CommandOption[]
  readonly examples: readonly string[]
  run(options: EvaluateOptions & Readonly<Record<string, unknown>>, terminal: Terminal, run: string): Promise<Outcome>
}

/** A kind of content: what each command does for it. Artifacts and runs name it by `kind` and `craft`. */
export interface Craft {
  readonly name: string
  readonly train: AddCommand
  readonly generate: AddCommand
  readonly evaluate: Evaluation
  /** Whether a model's folder that is no run of ours belongs to it, by its `config.json` (undefined: it has none). */
  owns?(config: unknown): Promise<boolean>
  inspect(run: string, terminal: Terminal): Promise<Outcome>
  remake(path: string, options: RemakeOptions, terminal: Terminal): Promise<Outcome>
}

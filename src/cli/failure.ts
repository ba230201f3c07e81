import type { Command, CommanderError } from 'commander'
import { AtelierError, ConfigError } from '../errors.ts'

/** What the shell is told: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C (128 + SIGINT). */
export const exitCodes = { done: 0, failed: 1, usage: 2, stopped: 130 } as const

/** Wrong usage that the parser of the command line found. */
export class UsageError extends ConfigError {}

/** A failure as `--json` tells it. */
export interface FailureReport {
  readonly error: { readonly kind: string; readonly message: string; readonly details: unknown }
}

/** The exit code that belongs to an error. */
export function exitCodeOf(error: unknown): number {
  if (isAbort(error)) return exitCodes.stopped
  return error instanceof ConfigError ? exitCodes.usage : exitCodes.failed
}

/** Whether somebody asked for the work to stop, so that nothing failed. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** An error in one line; one that was not foreseen says how to see where it came from. */
export function describeError(error: unknown): string {
  if (isAbort(error)) return 'stopped before there was anything to keep'
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (error instanceof AtelierError) return message
  const name = error instanceof Error ? error.name : 'Error'
  return `unexpected ${name}: ${message}; ATELIER_DEBUG=1 shows where, please report it`
}

/** An error for programs to read. */
export function reportError(error: unknown): FailureReport {
  const kind = isAbort(error) ? 'Stopped' : error instanceof Error ? error.constructor.name : 'Error'
  return { error: { kind, message: describeError(error), details: error instanceof AtelierError ? error.details : {} } }
}

/** The parser's complaint as ours: one line that ends with where to look. */
export function usageError({ message, code }: CommanderError, command: Command, path: string): UsageError {
  return new UsageError(`${complaint(message, command, path)}; see \`${path} --help\``, { code, command: path })
}

function complaint(message: string, command: Command, path: string): string {
  if (message === '(outputHelp)') return `${path}: got nothing, wanted one of ${names(command)}`
  if (/^error: too many arguments/.test(message)) return `${path}: too many words, got ${command.args.join(' ')}`
  return oneLine(message.replace(/^error: /, '')).replace(/ \(Did you mean (.*)\?\)$/, '; did you mean $1?')
}

function names(command: Command): string {
  return command.commands.map((child) => child.name()).join(', ')
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ')
}

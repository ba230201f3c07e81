import type { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import type { ErrorKind } from './file-error.ts'

/**
 * Parses untrusted JSON and checks it against a zod schema. `name` (a path) leads the message.
 * Throws `Kind`: `config.json: dModel: expected number, received string; correct it or …`.
 */
export function parseJson<T>(text: string, schema: z.ZodType<T>, name: string, Kind: ErrorKind = CheckpointError): T {
  return checkValue(parseText(text, name, Kind), schema, name, Kind)
}

/** Checks a value of unknown make against a zod schema. Throws `Kind` with the first disagreements in one line. */
export function checkValue<T>(
  value: unknown,
  schema: z.ZodType<T>,
  name: string,
  Kind: ErrorKind = CheckpointError,
): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map(describeIssue)
  const more = issues.length > 3 ? ` (and ${issues.length - 3} more)` : ''
  const message = `${name}: ${issues.slice(0, 3).join('; ')}${more}; correct it or restore the file`
  throw new Kind(message, { name, issues })
}

function parseText(text: string, name: string, Kind: ErrorKind): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch (cause) {
    const reason = text.trim() === '' ? 'it is empty' : 'it is not JSON or is cut short'
    const where = cause instanceof Error ? oneLine(cause.message) : ''
    throw new Kind(`${name}: ${reason} (${where}); restore it`, { name }, { cause })
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join('.')
  const message = oneLine(issue.message.replace(/^Invalid input: /, ''))
  return path === '' ? message : `${oneLine(path)}: ${message}`
}

/** Untrusted text made fit for one line of a terminal: no control characters, at most 160 characters. */
function oneLine(text: string): string {
  const clean = text.replace(/[\p{Cc}\s]+/gu, ' ')
  return clean.length > 160 ? `${clean.slice(0, 160)}…` : clean
}

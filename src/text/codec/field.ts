import { DataError } from '../../errors.ts'
import { checkText } from './utf8.ts'

/** The field that holds the text when none is named. */
export const defaultField = 'text'

/**
 * The text of one row: the string itself, or what lies at a dotted path such as `data.0.body` (a key that holds the
 * dot itself goes first); default `text`. Null is an empty document. Throws `DataError` that lists the fields there
 * are when it is absent or no string; `where` is the file and the row.
 */
export function textOf(row: unknown, field: string | undefined, where: string): string {
  if (typeof row === 'string' && field === undefined) return checkText(row, where)
  const path = field ?? defaultField
  const value = valueAt(row, path)
  if (value === null) return ''
  if (typeof value === 'string') return checkText(value, where)
  const fields = stringFields(row)
  const wanted = value === undefined ? `no field "${path}"` : `field "${path}" is ${kindOf(value)}, wanted text`
  const remedy = fields.length > 0 ? `name one with --field: ${fields.join(', ')}` : 'no field holds text'
  throw new DataError(`read ${where}: ${wanted}; ${remedy}`, { where, field: path, fields })
}

/** A text to read and one to write. */
export type TextPair = readonly [source: string, target: string]

/** Pairs of fields that are looked for where none are named. */
const pairFields = [
  ['input', 'target'],
  ['source', 'target'],
  ['input', 'output'],
] as const

/**
 * The pair of texts of one row: of the two fields that `fields` names, `source,target`, or of `input` or `source` and
 * `target`; of a row with two fields of other names these, in their order. Throws `DataError` as {@link textOf}.
 */
export function pairOf(row: unknown, fields: string | undefined, where: string): TextPair {
  const [source, target] = pairFieldsIn(typeof row === 'object' && row !== null ? Object.keys(row) : [], fields)
  return [textOf(row, source, where), textOf(row, target, where)]
}

/** The two of a row's fields that {@link pairOf} reads. */
export function pairFieldsIn(keys: readonly string[], fields: string | undefined): readonly [string, string] {
  const named = fields?.split(',').map((field) => field.trim())
  if (named && named.length !== 2)
    throw new DataError(`--field: got "${fields}", wanted two names for pairs, such as --field question,answer`)
  const usual = pairFields.find((both) => both.every((field) => keys.includes(field)))
  return (named ?? usual ?? (keys.length === 2 ? keys : pairFields[0])) as readonly [string, string]
}

function valueAt(row: unknown, path: string): unknown {
  if (typeof row !== 'object' || row === null) return undefined
  if (Object.hasOwn(row, path)) return (row as Record<string, unknown>)[path]
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot)
    if (!Object.hasOwn(row, head)) continue
    return valueAt((row as Record<string, unknown>)[head], path.slice(dot + 1))
  }
  return undefined
}

const mostFields = 20

/** Dotted paths of the strings in a row, at most twenty. */
function stringFields(row: unknown, prefix = ''): string[] {
  if (typeof row !== 'object' || row === null || prefix.split('.').length > 8) return []
  const fields = Object.entries(row)
    .slice(0, 10 * mostFields)
    .flatMap(([key, value]) => (typeof value === 'string' ? [prefix + key] : stringFields(value, `${prefix}${key}.`)))
  return fields.slice(0, mostFields).map(printable)
}

function printable(name: string): string {
  return name.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 80)
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

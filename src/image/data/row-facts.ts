import { DataError } from '../../errors.ts'
import type { PictureFacts } from './picture-entry.ts'

/**
 * Reads a row of a table about pictures: captions from `text`, `caption` or `captions` (a string or a list of them), the
 * class from `label` or `class` (a word, or a number that `classNames` names), `group`, `subgroup`, and `attributes`,
 * which are words by name. Empty ones are left out. Throws `DataError` with `where` for values of another kind.
 */
export function factsOfRow(
  row: Readonly<Record<string, unknown>>,
  where: string,
  classNames: readonly string[] = [],
): PictureFacts {
  const captions = ['text', 'caption', 'captions'].flatMap((field) => strings(row[field], `${where} ${field}`))
  const label = word(row.label ?? row.class, `${where} label`, classNames)
  const [group, subgroup] = [word(row.group, `${where} group`), word(row.subgroup, `${where} subgroup`)]
  const attributes = attributesOf(row.attributes, `${where} attributes`)
  return {
    ...(captions.length > 0 ? { captions } : {}),
    ...(label === undefined ? {} : { class: label }),
    ...(group === undefined ? {} : { group }),
    ...(subgroup === undefined ? {} : { subgroup }),
    ...(attributes === undefined ? {} : { attributes }),
  }
}

function strings(value: unknown, where: string): string[] {
  if (value === undefined || value === null || value === '') return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap((item) => strings(item, where))
  throw new DataError(`read ${where}: got ${kindOf(value)}, wanted text or a list of texts`, { where })
}

function word(value: unknown, where: string, names: readonly string[] = []): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (Number(value) === -1) return undefined // "unknown" in Hugging Face's data sets
    return names[Number(value)] ?? String(value)
  }
  if (typeof value === 'boolean') return String(value)
  throw new DataError(`read ${where}: got ${kindOf(value)}, wanted a word or a number`, { where })
}

function attributesOf(value: unknown, where: string): Record<string, string> | undefined {
  const given = typeof value === 'string' && value.startsWith('{') ? parsed(value, where) : value
  if (given === undefined || given === null || given === '') return undefined
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new DataError(`read ${where}: got ${kindOf(given)}, wanted an object of words`, { where })
  }
  const entries = Object.entries(given).flatMap(([name, item]) => {
    const text = word(item, `${where}.${name}`)
    return text === undefined ? [] : [[name, text] as const]
  })
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DataError(`read ${where}: not an object in JSON; repair it`, { where }, { cause })
  }
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

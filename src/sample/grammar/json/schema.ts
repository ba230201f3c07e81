import { ConfigError } from '../../../errors.ts'

/** A JSON schema as an object of keywords; `true` and `false` are told apart before. */
export type Schema = Readonly<Record<string, unknown>>

/** The types of JSON schema. */
export const jsonTypes = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type JsonType = (typeof jsonTypes)[number]

/** Whether a value is an object of keywords. */
export function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An error that says where in the schema, as a JSON pointer (RFC 6901), something is wrong. */
export function schemaError(pointer: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
  return new ConfigError(`json schema: ${pointer === '' ? 'at its root' : pointer}: ${message}`, {
    pointer,
    ...details,
  })
}

/** A pointer to what `keys` lead to below `pointer`. */
export function below(pointer: string, ...keys: readonly (string | number)[]): string {
  return [pointer, ...keys.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
}

/** What a `$ref` within the same schema points to, and its pointer. Throws {@link ConfigError} for all others. */
export function resolveReference(root: unknown, reference: string, pointer: string) {
  const place = below(pointer, '$ref')
  if (reference !== '#' && !reference.startsWith('#/')) {
    throw schemaError(place, `got '${reference}', wanted # or #/…, a place in this schema; copy what it refers to`)
  }
  let target: unknown = root
  for (const key of reference.split('/').slice(1)) target = member(target, unescapeKey(key))
  if (isObject(target) || typeof target === 'boolean') return { target, pointer: reference.slice(1) }
  throw schemaError(place, `got '${reference}', where there is no schema; correct the reference`)
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Readonly<Record<string, unknown>>)[key]
}

function unescapeKey(key: string): string {
  const plain = key.replaceAll('~1', '/').replaceAll('~0', '~')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

import { nearestName } from '../../../nearest-name.ts'
import { below, isObject, type JsonType, jsonTypes, type Schema, schemaError } from './schema.ts'

/** What a keyword takes. */
interface Keyword {
  readonly takes: (value: unknown) => boolean
  readonly wanted: string
  /** The type of values that it speaks of; it lets all others pass. */
  readonly speaksOf?: JsonType
}

const isSchema = (value: unknown) => isObject(value) || typeof value === 'boolean'
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const isType = (value: unknown) => jsonTypes.includes(value as JsonType)

const schema = { takes: isSchema, wanted: 'a schema' }
const schemas = {
  takes: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isSchema),
  wanted: 'a list of schemas that is not empty',
}
const namedSchemas = {
  takes: (value: unknown) => isObject(value) && Object.values(value).every(isSchema),
  wanted: 'an object of schemas',
}
const count = { takes: isCount, wanted: 'a whole number from 0' }
const bound = { takes: Number.isFinite, wanted: 'a number', speaksOf: 'number' } as const
const words = { takes: (value: unknown) => typeof value === 'string', wanted: 'a text' }

/** Keywords that say what a value may be. */
export const assertions: Readonly<Record<string, Keyword>> = {
  type: {
    takes: (value) => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
    wanted: `one of ${jsonTypes.join(', ')}, or a list of them`,
  },
  enum: { takes: (value) => Array.isArray(value) && value.length > 0, wanted: 'a list that is not empty' },
  const: { takes: () => true, wanted: 'a value' },
  anyOf: schemas,
  oneOf: schemas,
  allOf: schemas,
  $ref: words,
  nullable: { takes: (value) => typeof value === 'boolean', wanted: 'true or false' },
  properties: { ...namedSchemas, speaksOf: 'object' },
  required: {
    takes: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
    wanted: 'a list of names',
    speaksOf: 'object',
  },
  additionalProperties: { ...schema, speaksOf: 'object' },
  items: { ...schema, speaksOf: 'array' },
  prefixItems: { ...schemas, speaksOf: 'array' },
  minItems: { ...count, speaksOf: 'array' },
  maxItems: { ...count, speaksOf: 'array' },
  minLength: { ...count, speaksOf: 'string' },
  maxLength: { ...count, speaksOf: 'string' },
  pattern: { ...words, speaksOf: 'string' },
  format: { ...words, speaksOf: 'string' },
  minimum: bound,
  maximum: bound,
  exclusiveMinimum: bound,
  exclusiveMaximum: bound,
}

/** Keywords that say nothing of what a value may be. */
const annotations = new Set([
  ...['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'example', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly'],
])

/** Keywords that JSON schema has and this does not. */
const unsupported = [
  ...['not', 'if', 'then', 'else', 'dependentSchemas', 'dependentRequired', 'dependencies', 'patternProperties'],
  ...['propertyNames', 'minProperties', 'maxProperties', 'unevaluatedProperties', 'unevaluatedItems', 'uniqueItems'],
  ...['contains', 'minContains', 'maxContains', 'additionalItems', 'multipleOf', 'contentEncoding', 'contentMediaType'],
  ...['contentSchema', '$anchor', '$dynamicRef', '$dynamicAnchor', '$recursiveRef', '$recursiveAnchor', '$vocabulary'],
]

/** Throws {@link ConfigError} with a JSON pointer for a keyword that is not supported, unknown, or takes no such value. */
export function checkKeywords(given: Schema, pointer: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (annotations.has(name) || name.startsWith('x-')) continue
    const keyword = Object.hasOwn(assertions, name) ? assertions[name] : undefined
    if (keyword === undefined) throw notKnown(name, pointer)
    if (keyword.takes(value)) continue
    const got = JSON.stringify(value) ?? 'nothing'
    throw schemaError(below(pointer, name), `got ${got.slice(0, 80)}, wanted ${keyword.wanted}`, { keyword: name })
  }
}

function notKnown(name: string, pointer: string) {
  const place = below(pointer, name)
  if (unsupported.includes(name)) {
    return schemaError(place, `the keyword '${name}' is not supported; take it out, or say it otherwise`, {
      keyword: name,
    })
  }
  const nearest = nearestName(name, [...Object.keys(assertions), ...annotations])
  const remedy = nearest === undefined ? 'take it out' : `did you mean '${nearest}'?`
  return schemaError(place, `the keyword '${name}' is unknown; ${remedy}`, { keyword: name, nearest })
}

/** The assertions of a schema without the named ones. */
export function assertionsOf(given: Schema, without: readonly string[] = []): Schema {
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => Object.hasOwn(assertions, name) && !without.includes(name)),
  )
}

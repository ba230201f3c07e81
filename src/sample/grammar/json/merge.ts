import { below, isObject, type JsonType, type Schema, schemaError } from './schema.ts'

type Merge = (a: unknown, b: unknown, pointer: string) => unknown

const least: Merge = (a, b) => Math.min(a as number, b as number)
const greatest: Merge = (a, b) => Math.max(a as number, b as number)
const either: Merge = (a, b) => a === true && b === true

/** How two schemas' values of a keyword become one value that asks for both; other keywords must be alike. */
const merges: Readonly<Record<string, Merge>> = {
  type: mergeTypes,
  enum: mergeEnums,
  properties: (a, b) => mergeProperties(a as Schema, b as Schema),
  required: (a, b) => [...new Set([...(a as string[]), ...(b as string[])])],
  items: (a, b) => bothOf(a, b),
  nullable: either,
  minimum: greatest,
  exclusiveMinimum: greatest,
  minLength: greatest,
  minItems: greatest,
  maximum: least,
  exclusiveMaximum: least,
  maxLength: least,
  maxItems: least,
}

/** A schema that asks for what both ask for; each part of it stands once, so that what refers to itself comes to an end. */
export function bothOf(a: unknown, b: unknown): unknown {
  const parts = new Map([...partsOf(a), ...partsOf(b)].map((part) => [JSON.stringify(part), part]))
  return parts.size === 1 ? a : { allOf: [...parts.values()] }
}

function partsOf(schema: unknown): readonly unknown[] {
  if (!isObject(schema) || Object.keys(schema).join() !== 'allOf') return [schema]
  return Array.isArray(schema.allOf) && schema.allOf.length > 0 ? schema.allOf : [schema]
}

/**
 * One schema that asks for all that these ask for: what `allOf`, and keywords beside `$ref` or `anyOf`, come to.
 * Throws {@link ConfigError} where two cannot be joined keyword by keyword.
 */
export function mergeSchemas(schemas: readonly Schema[], pointer: string): Schema {
  return schemas.reduce((a, b) => mergeTwo(a, b, pointer))
}

function mergeTwo(a: Schema, b: Schema, pointer: string): Schema {
  checkClosed(a, b, pointer)
  checkClosed(b, a, pointer)
  const merged: Record<string, unknown> = { ...a }
  for (const [name, value] of Object.entries(b)) {
    merged[name] = Object.hasOwn(a, name) ? mergeValues(name, a[name], value, pointer) : value
  }
  return merged
}

function mergeValues(name: string, a: unknown, b: unknown, pointer: string): unknown {
  const merge = Object.hasOwn(merges, name) ? merges[name] : undefined
  if (merge !== undefined) return merge(a, b, pointer)
  if (JSON.stringify(a) === JSON.stringify(b)) return a
  throw schemaError(pointer, `two values of '${name}' for one thing are not supported; join them by hand`, {
    keyword: name,
  })
}

function mergeTypes(a: unknown, b: unknown, pointer: string): unknown {
  const others = typesIn(b)
  const common = typesIn(a).flatMap((type): JsonType[] => {
    if (others.includes(type)) return [type]
    if (type === 'number' && others.includes('integer')) return ['integer']
    return type === 'integer' && others.includes('number') ? ['integer'] : []
  })
  if (common.length > 0) return common
  throw schemaError(pointer, `no value has the types ${typesIn(a).join(', ')} and ${others.join(', ')} at once`)
}

function typesIn(value: unknown): readonly JsonType[] {
  return [value].flat() as JsonType[]
}

function mergeEnums(a: unknown, b: unknown, pointer: string): unknown {
  const others = new Set((b as unknown[]).map((value) => JSON.stringify(value)))
  const common = (a as unknown[]).filter((value) => others.has(JSON.stringify(value)))
  if (common.length > 0) return common
  throw schemaError(pointer, 'no value is in both enums; loosen one of them')
}

function mergeProperties(a: Schema, b: Schema): Schema {
  const merged: Record<string, unknown> = { ...a }
  for (const [name, value] of Object.entries(b)) {
    merged[name] = Object.hasOwn(a, name) ? bothOf(a[name], value) : value
  }
  return merged
}

/** `additionalProperties` speaks of the names that its own schema lacks: another's names cannot be joined to it. */
function checkClosed(a: Schema, b: Schema, pointer: string): void {
  if (a.additionalProperties === undefined || a.additionalProperties === true) return
  const own = isObject(a.properties) ? a.properties : {}
  const foreign = Object.keys(isObject(b.properties) ? b.properties : {}).filter((name) => !Object.hasOwn(own, name))
  if (foreign.length === 0) return
  throw schemaError(
    below(pointer, 'additionalProperties'),
    `it forbids or restricts '${foreign[0]}', which is asked for beside it; list all properties in one place`,
  )
}

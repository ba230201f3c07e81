import { choice, type Expression, type Grammar, optional, rule, sequence, text } from '../expression.ts'
import { anyValue, enclosed, jsonRules, list, nameBut, pair, space } from './json-text.ts'
import { assertions, assertionsOf, checkKeywords } from './keywords.ts'
import { bothOf, mergeSchemas } from './merge.ts'
import { integers, numbers } from './numbers.ts'
import { below, isObject, type JsonType, resolveReference, type Schema, schemaError } from './schema.ts'
import { strings } from './strings.ts'

/** The most rules that a schema may come to. */
const mostRules = 20_000

/** The most levels of a schema, and of what it comes to. */
const mostLevels = 500

/**
 * The grammar of JSON texts that a JSON schema (2020-12) allows: some of them, not all, but no others. Properties come
 * in the schema's order, those that it doesn't list only where `additionalProperties` asks for them; numbers without
 * bounds have at most 15 digits, white space is a space or the end of a line; `oneOf` is `anyOf`.
 *
 * Throws {@link ConfigError} that names the keyword and its JSON pointer for what is beyond the subset.
 */
export function jsonSchemaGrammar(schema: unknown): Grammar {
  if (!isObject(schema) && typeof schema !== 'boolean') {
    throw schemaError('', `got ${JSON.stringify(schema)}, wanted an object, such as {"type": "object"}`)
  }
  checkLevels(schema)
  return new SchemaCompiler(schema).compile()
}

/** A list that may end before each of its later members. */
interface Member {
  readonly content: Expression
  readonly isRequired: boolean
}

class SchemaCompiler {
  readonly #root: Schema | boolean
  readonly #rules = new Map<string, Expression>(jsonRules)
  /** Rules by the JSON of their schemas: equal ones, wherever they stand, are one. */
  readonly #known = new Map<string, Expression>()
  #level = 0

  constructor(root: Schema | boolean) {
    this.#root = root
  }

  compile(): Grammar {
    const start = this.#define('json text', this.#valueOf(this.#root, ''))
    return { start, rules: this.#rules, notes: [] }
  }

  /** The rule, made once, of the values that a schema allows. */
  #valueOf(schema: unknown, pointer: string): Expression {
    if (schema === true) return anyValue
    if (!isObject(schema)) throw schemaError(pointer, 'got false, wanted a schema that some value fits; take it out')
    const key = JSON.stringify(schema)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const name = this.#freshName(`#${pointer}`)
    this.#known.set(key, rule(name))
    this.#rules.set(name, choice())
    if (++this.#level > mostLevels) throw tooDeep()
    this.#rules.set(name, this.#body(schema, pointer))
    this.#level--
    return rule(name)
  }

  #freshName(name: string): string {
    if (this.#rules.size >= mostRules) throw schemaError('', `it comes to more than ${mostRules} parts; simplify it`)
    return this.#rules.has(name) ? `${name} (${this.#rules.size})` : name
  }

  #define(name: string, body: Expression): string {
    const fresh = this.#freshName(name)
    this.#rules.set(fresh, body)
    return fresh
  }

  #body(schema: Schema, pointer: string): Expression {
    const given = this.#simple(schema, pointer)
    if (given.$ref !== undefined) return this.#reference(String(given.$ref), pointer)
    const branches = (given.anyOf ?? given.oneOf) as readonly unknown[] | undefined
    if (branches === undefined) return this.#typed(given, pointer)
    const keyword = given.anyOf === undefined ? 'oneOf' : 'anyOf'
    const rest = assertionsOf(given, [keyword])
    const options = branches.flatMap((branch, i): Expression[] => {
      if (branch === false) return []
      const place = below(pointer, keyword, i)
      if (isObject(branch)) checkKeywords(branch, place)
      if (Object.keys(rest).length === 0) return [this.#valueOf(branch, place)]
      return [this.#valueOf(branch === true ? rest : bothOf(rest, branch), place)]
    })
    if (options.length === 0)
      throw schemaError(below(pointer, keyword), 'all its schemas are false; add one that is not')
    return choice(...options)
  }

  #reference(reference: string, pointer: string): Expression {
    const found = resolveReference(this.#root, reference, pointer)
    return this.#valueOf(found.target, found.pointer)
  }

  /** The schema with `allOf`, and `$ref` beside other assertions, joined into one object of keywords. */
  #simple(schema: Schema, pointer: string, open: readonly Schema[] = []): Schema {
    if (open.includes(schema)) throw schemaError(pointer, 'it asks for itself by $ref or allOf; break the circle')
    checkKeywords(schema, pointer)
    const own = constAsEnum(assertionsOf(schema, ['allOf', '$ref']))
    const parts = Object.keys(own).length > 0 ? [own] : []
    const inner = (member: unknown, place: string) => this.#joined(member, place, [...open, schema])
    const members = (schema.allOf ?? []) as readonly unknown[]
    for (const [i, member] of members.entries()) parts.push(...inner(member, below(pointer, 'allOf', i)))
    if (typeof schema.$ref !== 'string') return mergeSchemas([{}, ...parts], pointer)
    if (parts.length === 0 && open.length === 0) return { $ref: schema.$ref }
    const { target, pointer: place } = resolveReference(this.#root, schema.$ref, pointer)
    return mergeSchemas([...parts, ...inner(target, place), {}], pointer)
  }

  #joined(member: unknown, pointer: string, open: readonly Schema[]): Schema[] {
    if (member === true) return []
    if (!isObject(member)) throw schemaError(pointer, 'got false, wanted a schema that some value fits; take it out')
    return [this.#simple(member, pointer, open)]
  }

  #typed(given: Schema, pointer: string): Expression {
    if (Array.isArray(given.enum)) return this.#values(given, given.enum, pointer)
    const named = given.type === undefined ? spokenOf(given) : ([given.type].flat() as JsonType[])
    if (named.length === 0) return anyValue
    const types = given.nullable === true && !named.includes('null') ? [...named, 'null' as const] : named
    const distinct = types.includes('number') ? types.filter((type) => type !== 'integer') : types
    return choice(...distinct.map((type) => this.#ofType(type, given, pointer)))
  }

  #values(given: Schema, values: readonly unknown[], pointer: string): Expression {
    const others = Object.keys(assertionsOf(given, ['enum', 'type', 'nullable']))
    if (others.length > 0) {
      throw schemaError(below(pointer, others[0]!), `'${others[0]}' beside enum or const is not supported; take it out`)
    }
    const types = given.type === undefined ? undefined : ([given.type].flat() as JsonType[])
    const fitting = values.filter((value) => types === undefined || types.some((type) => isOfType(value, type)))
    const all = given.nullable === true ? [...fitting, null] : fitting
    if (all.length === 0) throw schemaError(pointer, 'no value of enum or const has the type; correct one of them')
    return choice(...[...new Set(all.map((value) => JSON.stringify(value)))].map(text))
  }

  #ofType(type: JsonType, given: Schema, pointer: string): Expression {
    if (type === 'object') return this.#object(given, pointer)
    if (type === 'array') return this.#array(given, pointer)
    if (type === 'string') return strings(given, pointer)
    if (type === 'number') return numbers(given, pointer)
    if (type === 'integer') return integers(given, pointer)
    return type === 'null' ? text('null') : choice(text('true'), text('false'))
  }

  #object(given: Schema, pointer: string): Expression {
    const properties = isObject(given.properties) ? given.properties : {}
    const required = (given.required ?? []) as readonly string[]
    const additional = given.additionalProperties ?? (given.properties === undefined && required.length === 0)
    const names = [...Object.keys(properties), ...required.filter((name) => !Object.hasOwn(properties, name))]
    const members = [...new Set(names)].flatMap((name): Member[] => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : (given.additionalProperties ?? true)
      const isRequired = required.includes(name)
      if (schema === false && !isRequired) return []
      const value = this.#valueOf(schema, below(pointer, 'properties', name))
      return [{ content: pair(text(JSON.stringify(name)), value), isRequired }]
    })
    if (additional === false) return this.#members('{', members, undefined, '}', pointer)
    const value = this.#valueOf(additional, below(pointer, 'additionalProperties'))
    return this.#members('{', members, pair(nameBut(names), value), '}', pointer)
  }

  #array(given: Schema, pointer: string): Expression {
    const least = (given.minItems ?? 0) as number
    const most = (given.maxItems ?? Number.POSITIVE_INFINITY) as number
    if (least > most) throw schemaError(pointer, 'minItems is greater than maxItems; swap them')
    const prefix = (given.prefixItems ?? []) as readonly unknown[]
    if (most === 0) return text('[]')
    const ofItems = () => this.#valueOf(given.items ?? true, below(pointer, 'items'))
    if (prefix.length === 0) {
      if (given.items === false && least === 0) return text('[]')
      return enclosed('[', list(ofItems(), least, most), ']')
    }
    const members = prefix.slice(0, Math.min(prefix.length, most)).map((schema, i): Member => {
      return { content: this.#valueOf(schema, below(pointer, 'prefixItems', i)), isRequired: i < least }
    })
    const isOpen = most > prefix.length && given.items !== false && (given.items !== undefined || least > prefix.length)
    if (!isOpen && least > members.length)
      throw schemaError(below(pointer, 'items'), 'false leaves too few for minItems')
    return this.#items(members, isOpen ? ofItems() : undefined, least - prefix.length, most - prefix.length, pointer)
  }

  /** Items of which later ones need the earlier ones, then from `least` to `most` alike. */
  #items(
    items: readonly Member[],
    more: Expression | undefined,
    least: number,
    most: number,
    pointer: string,
  ): Expression {
    const comma = sequence(text(','), space)
    const others = more && ({ kind: 'repeat', body: sequence(comma, more), least: Math.max(least, 0), most } as const)
    const all = items.reduceRight<Expression>((rest, { content, isRequired }, i) => {
      const item = rule(this.#define(`#${pointer} from item ${i}`, sequence(...(i > 0 ? [comma] : []), content, rest)))
      return isRequired ? item : optional(item)
    }, others ?? text(''))
    return enclosed('[', all, ']')
  }

  /** Members in order, of which some may be left out, then any number of others. */
  #members(
    open: string,
    members: readonly Member[],
    other: Expression | undefined,
    close: string,
    pointer: string,
  ): Expression {
    const comma = sequence(text(','), space)
    if (members.length === 0)
      return other ? enclosed(open, list(other, 0, Number.POSITIVE_INFINITY), close) : text(open + close)
    let begun: Expression = other
      ? { kind: 'repeat', body: sequence(comma, other), least: 0, most: Number.POSITIVE_INFINITY }
      : text('')
    let empty: Expression = other ? list(other, 0, Number.POSITIVE_INFINITY) : text('')
    for (const [i, { content, isRequired }] of [...members.entries()].reverse()) {
      const next = sequence(content, begun)
      const [first, later] = [next, sequence(comma, next)]
      empty = rule(this.#define(`#${pointer} begun by ${i}`, isRequired ? first : choice(first, empty)))
      begun = rule(this.#define(`#${pointer} from ${i}`, isRequired ? later : choice(later, begun)))
    }
    return enclosed(open, empty, close)
  }
}

function checkLevels(schema: unknown): void {
  let level: readonly unknown[] = [schema]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) throw tooDeep()
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  }
}

function tooDeep() {
  return schemaError('', `it nests more than ${mostLevels} levels; simplify it`)
}

/** The types that a schema's keywords speak of, where it names none. */
function spokenOf(given: Schema): JsonType[] {
  return [...new Set(Object.keys(given).flatMap((name) => assertions[name]?.speaksOf ?? []))]
}

function constAsEnum(given: Schema): Schema {
  if (!Object.hasOwn(given, 'const')) return given
  const { const: only, ...rest } = given
  return mergeSchemas([rest, { enum: [only] }], '')
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

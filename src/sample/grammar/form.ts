import { ConfigError } from '../../errors.ts'
import { nearestName } from '../../nearest-name.ts'
import type { SamplerSettings } from '../settings.ts'
import type { Grammar } from './expression.ts'
import { gbnfGrammar } from './gbnf.ts'
import { jsonSchemaGrammar } from './json/json-schema.ts'
import { haiku } from './ready/haiku.ts'
import { play } from './ready/play.ts'
import { screenplay } from './ready/screenplay.ts'
import { sonnet } from './ready/sonnet.ts'
import { regexGrammar } from './regular-expression.ts'

/** The settings that ask for a form. */
export type FormSettings = Pick<SamplerSettings, 'regex' | 'jsonSchema' | 'grammar'>

/** Grammars that come with the package, in GBNF, by name. */
export const readyGrammars: Readonly<Record<string, string>> = { haiku, play, screenplay, sonnet }

/** Whether settings ask for a form. */
export function asksForForm({ regex, jsonSchema, grammar }: FormSettings): boolean {
  return regex !== '' || jsonSchema !== '' || grammar !== ''
}

/**
 * The grammar that settings ask for, undefined where they ask for none. Throws {@link ConfigError} for what is no
 * regular expression, JSON schema or grammar, with the place of the mistake.
 */
export function formOf({ regex, jsonSchema, grammar }: FormSettings): Grammar | undefined {
  if (regex !== '') return regexGrammar(regex)
  if (jsonSchema !== '') return jsonSchemaGrammar(typeof jsonSchema === 'string' ? parse(jsonSchema) : jsonSchema)
  if (grammar === '') return undefined
  return gbnfGrammar(grammar.includes('::=') ? grammar : readyGrammar(grammar))
}

function readyGrammar(name: string): string {
  const source = Object.hasOwn(readyGrammars, name) ? readyGrammars[name] : undefined
  if (source !== undefined) return source
  const names = Object.keys(readyGrammars)
  const nearest = nearestName(name, names)
  const remedy =
    nearest === undefined ? `wanted rules, name ::= …, or one of ${names.join(', ')}` : `did you mean '${nearest}'?`
  throw new ConfigError(`grammar: got '${name}', which has no rules; ${remedy}`, { name, nearest })
}

function parse(source: string): unknown {
  try {
    return JSON.parse(source)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').slice(0, 120) : 'unknown reason'
    throw new ConfigError(`json schema: it is not JSON (${reason}); correct it`, {}, { cause })
  }
}

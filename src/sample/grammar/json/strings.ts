import { type Expression, repeat, sequence, text } from '../expression.ts'
import { parseRegex } from '../regular-expression.ts'
import { formats } from './formats.ts'
import { spelled, stringCharacter, stringOf } from './json-text.ts'
import { below, type Schema, schemaError } from './schema.ts'

/** Lengths of texts, in characters. */
interface Lengths {
  readonly least: number
  readonly most: number
}

/** Strings that the schema allows: by length, or by `pattern` or `format`. */
export function strings(schema: Schema, pointer: string): Expression {
  const lengths = { least: number(schema.minLength, 0), most: number(schema.maxLength, Number.POSITIVE_INFINITY) }
  if (lengths.least > lengths.most) throw schemaError(pointer, 'minLength is greater than maxLength; swap them')
  if (schema.pattern === undefined && schema.format === undefined) {
    return stringOf(stringCharacter, lengths.least, lengths.most)
  }
  if (schema.pattern !== undefined && schema.format !== undefined) {
    throw schemaError(pointer, "'pattern' and 'format' together are not supported; leave one out")
  }
  return sequence(text('"'), inString(withLengths(contents(schema, pointer), lengths, pointer)), text('"'))
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}

function contents({ pattern, format }: Schema, pointer: string): Expression {
  if (typeof pattern === 'string') return parseRegex(pattern, 'part', `json schema: ${below(pointer, 'pattern')}`)
  const source = Object.hasOwn(formats, String(format)) ? formats[String(format)] : undefined
  if (source !== undefined) return parseRegex(source)
  throw schemaError(
    below(pointer, 'format'),
    `the format '${format}' is not supported, wanted one of ${Object.keys(formats).join(', ')}; or write a pattern`,
    { format },
  )
}

/** The texts of `expression` that have such a length, where that can be said without counting. */
function withLengths(expression: Expression, wanted: Lengths, pointer: string): Expression {
  const own = lengthsOf(expression)
  if (own.least >= wanted.least && own.most <= wanted.most) return expression
  const only = expression.kind === 'sequence' && expression.parts.length === 1 ? expression.parts[0]! : expression
  if (only.kind === 'repeat' && only.body.kind === 'characters') {
    const [least, most] = [Math.max(only.least, wanted.least), Math.min(only.most, wanted.most)]
    if (least <= most) return repeat(only.body, least, most)
  }
  throw schemaError(
    pointer,
    "'minLength' or 'maxLength' beside this pattern or format is not supported; say the length in the pattern, as in ^[a-z]{1,9}$",
  )
}

function lengthsOf(expression: Expression): Lengths {
  switch (expression.kind) {
    case 'text': {
      const length = [...expression.text].length
      return { least: length, most: length }
    }
    case 'characters':
      return { least: 1, most: 1 }
    case 'sequence':
      return expression.parts.map(lengthsOf).reduce((a, b) => ({ least: a.least + b.least, most: a.most + b.most }), {
        least: 0,
        most: 0,
      })
    case 'choice':
      return expression.options.map(lengthsOf).reduce((a, b) => ({
        least: Math.min(a.least, b.least),
        most: Math.max(a.most, b.most),
      }))
    case 'repeat': {
      const { least, most } = lengthsOf(expression.body)
      return {
        least: least * expression.least,
        most: most === 0 ? 0 : expression.most === 0 ? 0 : most * expression.most,
      }
    }
    case 'rule':
      return { least: 0, most: Number.POSITIVE_INFINITY }
  }
}

/** The same texts with what JSON escapes escaped. */
function inString(expression: Expression): Expression {
  switch (expression.kind) {
    case 'characters':
      return spelled(expression.set)
    case 'sequence':
      return { kind: 'sequence', parts: expression.parts.map(inString) }
    case 'choice':
      return { kind: 'choice', options: expression.options.map(inString) }
    case 'repeat':
      return repeat(inString(expression.body), expression.least, expression.most)
    case 'text':
      return text(JSON.stringify(expression.text).slice(1, -1))
    case 'rule':
      return expression
  }
}

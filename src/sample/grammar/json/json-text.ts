import {
  anyCharacter,
  type CharacterSet,
  characterSet,
  charactersOf,
  difference,
  intersection,
} from '../character-set.ts'
import { characters, choice, type Expression, optional, repeat, rule, sequence, text } from '../expression.ts'

/** Digits of a number before its point, behind it, and of its exponent, where the schema sets no bounds. */
export const mostDigits = { whole: 15, fraction: 15, exponent: 2 } as const

/** Spaces that may begin a line. */
const mostIndentation = 16

/** What must be escaped within a string (RFC 8259, section 7). */
const special = [...Array.from({ length: 0x20 }, (_, point) => String.fromCharCode(point)), '"', '\\']
const plain = difference(anyCharacter, charactersOf(special.join('')))
export const digit = characters(characterSet([[0x30, 0x39]]))
const hexadecimal = characters(charactersOf('0123456789abcdefABCDEF'))
const infinity = Number.POSITIVE_INFINITY

/** `\u` and four digits, but for the halves of surrogate pairs. */
const unicodeEscape = sequence(
  text('u'),
  choice(
    sequence(characters(charactersOf('0123456789abcefABCEF')), hexadecimal),
    sequence(characters(charactersOf('dD')), characters(charactersOf('01234567'))),
  ),
  repeat(hexadecimal, 2, 2),
)

/** White space where JSON allows it: none, a space, or the end of a line and some spaces. */
export const space = rule('json white space')
/** A character within a string. */
export const stringCharacter = rule('json character')
/** Any value at all. */
export const anyValue = rule('json value')

/** `open`, then `inside`, then `close`, with white space between. */
export function enclosed(open: string, inside: Expression, close: string): Expression {
  return sequence(text(open), space, inside, space, text(close))
}

/** From `least` to `most` of `item` with commas between. */
export function list(item: Expression, least: number, most: number): Expression {
  if (most === 0) return text('')
  const items = sequence(item, repeat(sequence(text(','), space, item), Math.max(least - 1, 0), most - 1))
  return least === 0 ? optional(items) : items
}

/** A string of so many characters. */
export function stringOf(character: Expression, least = 0, most = infinity): Expression {
  return sequence(text('"'), repeat(character, least, most), text('"'))
}

/** A name, a colon and a value. */
export function pair(name: Expression, value: Expression): Expression {
  return sequence(name, text(':'), space, value)
}

/** A number without bounds but those of its length. */
export const anyNumber = sequence(
  optional(text('-')),
  choice(text('0'), sequence(characters(charactersOf('123456789')), repeat(digit, 0, mostDigits.whole - 1))),
  optional(sequence(text('.'), repeat(digit, 1, mostDigits.fraction))),
  optional(
    sequence(
      characters(charactersOf('eE')),
      optional(characters(charactersOf('+-'))),
      repeat(digit, 1, mostDigits.exponent),
    ),
  ),
)

/** One character of a set as a string spells it. */
export function spelled(set: CharacterSet): Expression {
  const raw = intersection(set, plain)
  const escaped = special.filter((character) => intersection(set, charactersOf(character)).length > 0)
  const options = escaped.map((character) => text(JSON.stringify(character).slice(1, -1)))
  return choice(...(raw.length > 0 ? [characters(raw)] : []), ...options)
}

/** Names as strings, unescaped, but for these. */
export function nameBut(names: readonly string[]): Expression {
  return sequence(
    text('"'),
    otherThan(names.filter((name) => spelledPlainly(name)).map((name) => [...name])),
    text('"'),
  )
}

function spelledPlainly(name: string): boolean {
  return JSON.stringify(name) === `"${name}"`
}

function otherThan(names: readonly (readonly string[])[]): Expression {
  const heads = new Set(names.flatMap(([head]) => head ?? []))
  const rest = repeat(characters(plain), 0, infinity)
  if (names.length === 0) return rest
  const options = [...heads].map((head) => {
    const tails = names.filter((name) => name[0] === head).map((name) => name.slice(1))
    return sequence(text(head), otherThan(tails))
  })
  const other = sequence(characters(difference(plain, charactersOf([...heads].join('')))), rest)
  return choice(...options, other, ...(names.some((name) => name.length === 0) ? [] : [text('')]))
}

/** The rules that {@link space}, {@link stringCharacter} and {@link anyValue} name. */
export const jsonRules: ReadonlyMap<string, Expression> = new Map([
  ['json white space', optional(choice(text(' '), sequence(text('\n'), repeat(text(' '), 0, mostIndentation))))],
  [
    'json character',
    choice(characters(plain), sequence(text('\\'), choice(characters(charactersOf('"\\/bfnrt')), unicodeEscape))),
  ],
  [
    'json value',
    choice(
      rule('json object'),
      rule('json array'),
      stringOf(stringCharacter),
      anyNumber,
      ...['true', 'false', 'null'].map(text),
    ),
  ],
  ['json object', enclosed('{', list(pair(stringOf(stringCharacter), anyValue), 0, infinity), '}')],
  ['json array', enclosed('[', list(anyValue, 0, infinity), ']')],
])

import { choice, type Expression } from '../expression.ts'
import { anyNumber, mostDigits } from './json-text.ts'
import { type Decimal, decimalOf, inUnits, numberRange } from './number-ranges.ts'
import { type Schema, schemaError } from './schema.ts'

const greatest = 10n ** BigInt(mostDigits.whole) - 1n
/** Digits behind the point of bounded numbers, at least, and at most. */
const fewestPlaces = 2
const mostPlaces = 20

/** Whole numbers within the schema's bounds, exactly; of at most 15 digits where it sets none. */
export function integers(schema: Schema, pointer: string): Expression {
  const [least, most] = boundsIn(schema, 0)
  if (least > most) throw noNumber(pointer, 'whole number')
  return numberRange(least, most)
}

/** Numbers within the schema's bounds: whole ones, and ones with as many digits behind the point as the bounds have. */
export function numbers(schema: Schema, pointer: string): Expression {
  const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].flatMap((name) =>
    typeof schema[name] === 'number' ? [decimalOf(schema[name])] : [],
  )
  if (bounds.length === 0) return anyNumber
  const places = Math.max(fewestPlaces, ...bounds.map((bound) => bound.places))
  if (places > mostPlaces) {
    throw schemaError(pointer, `got a bound with ${places} digits behind the point, wanted at most ${mostPlaces}`)
  }
  const [least, most] = boundsIn(schema, places)
  const [leastWhole, mostWhole] = boundsIn(schema, 0)
  if (least > most) throw noNumber(pointer, `number of ${places} digits behind the point`)
  const whole = leastWhole > mostWhole ? [] : [numberRange(leastWhole, mostWhole)]
  return choice(...whole, numberRange(least, most, places))
}

/** The least and the greatest number allowed, in units of 10^−places. */
function boundsIn(schema: Schema, places: number): [least: bigint, most: bigint] {
  const widest = (greatest + 1n) * 10n ** BigInt(places) - 1n
  const lower = lowerBounds(schema, places)
  const upper = upperBounds(schema, places)
  const least = lower.reduce<bigint | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined)
  const most = upper.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined)
  return [
    clamp(least, -widest, most === undefined || most >= -widest),
    -clamp(most === undefined ? undefined : -most, -widest, least === undefined || least <= widest),
  ]
}

/** A bound, but no further out than usual unless the other one is further out itself. */
function clamp(bound: bigint | undefined, widest: bigint, isNear: boolean): bigint {
  if (bound === undefined) return isNear ? widest : widest * 10n ** BigInt(mostDigits.whole)
  return isNear && bound < widest ? widest : bound
}

function lowerBounds({ minimum, exclusiveMinimum }: Schema, places: number): bigint[] {
  const inclusive = typeof minimum === 'number' ? [inUnits(decimalOf(minimum), places, 'above')] : []
  const exclusive = typeof exclusiveMinimum === 'number' ? [above(decimalOf(exclusiveMinimum), places)] : []
  return [...inclusive, ...exclusive]
}

function upperBounds({ maximum, exclusiveMaximum }: Schema, places: number): bigint[] {
  const inclusive = typeof maximum === 'number' ? [inUnits(decimalOf(maximum), places, 'below')] : []
  const exclusive = typeof exclusiveMaximum === 'number' ? [under(decimalOf(exclusiveMaximum), places)] : []
  return [...inclusive, ...exclusive]
}

function above(bound: Decimal, places: number): bigint {
  return inUnits(bound, places, 'below') + 1n
}

function under(bound: Decimal, places: number): bigint {
  return inUnits(bound, places, 'above') - 1n
}

function noNumber(pointer: string, what: string) {
  return schemaError(pointer, `no ${what} lies within its bounds; widen them`)
}

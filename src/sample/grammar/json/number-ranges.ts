import { characterSet } from '../character-set.ts'
import { characters, choice, type Expression, repeat, sequence, text } from '../expression.ts'
import { digit } from './json-text.ts'

/**
 * The whole numbers from `least` to `most`, without leading zeros, each divided by 10^`places`: with so many digits
 * behind a point where `places` is above 0. No number at all where `most` is less.
 */
export function numberRange(least: bigint, most: bigint, places = 0): Expression {
  const options: Expression[] = []
  if (least < 0n) {
    const negative = magnitudes(most < 0n ? -most : 1n, -least, places)
    options.push(sequence(text('-'), negative))
  }
  if (most >= 0n) options.push(magnitudes(least > 0n ? least : 0n, most, places))
  return choice(...options)
}

/** Numbers that are not negative: a choice of those with as many digits. */
function magnitudes(least: bigint, most: bigint, places: number): Expression {
  const shortest = places + 1
  const options: Expression[] = []
  for (
    let length = Math.max(shortest, String(least).length);
    length <= String(most).length || length === shortest;
    length++
  ) {
    const first = length === shortest ? 0n : 10n ** BigInt(length - 1)
    const from = least > first ? least : first
    const last = 10n ** BigInt(length) - 1n
    const to = most < last ? most : last
    if (from <= to) options.push(between(padded(from, length), padded(to, length), places))
  }
  return choice(...options)
}

function padded(value: bigint, length: number): string {
  return String(value).padStart(length, '0')
}

/** Digits from `least` to `most`, which are as long; the last `places` stand behind a point. */
function between(least: string, most: string, places: number): Expression {
  const length = least.length
  if (length === 0) return text('')
  if (/^0*$/.test(least) && /^9*$/.test(most)) return free(length, places)
  const [low, high] = [Number(least[0]), Number(most[0])]
  const point = length === places ? '.' : ''
  const nines = '9'.repeat(length - 1)
  const zeros = '0'.repeat(length - 1)
  if (low === high) return sequence(text(`${point}${low}`), between(least.slice(1), most.slice(1), places))
  const options = [
    sequence(text(String(low)), between(least.slice(1), nines, places)),
    sequence(text(String(high)), between(zeros, most.slice(1), places)),
  ]
  if (high - low > 1) options.push(sequence(oneOf(low + 1, high - 1), free(length - 1, places)))
  return sequence(text(point), choice(...options))
}

/** So many digits, whatever they are. */
function free(length: number, places: number): Expression {
  if (length < places || places === 0) return repeat(digit, length, length)
  return sequence(repeat(digit, length - places, length - places), text('.'), repeat(digit, places, places))
}

function oneOf(low: number, high: number): Expression {
  return characters(characterSet([[0x30 + low, 0x30 + high]]))
}

/** A decimal number, exactly: `units` × 10^−`places`. */
export interface Decimal {
  readonly units: bigint
  readonly places: number
}

/** A finite number as its shortest decimal spelling has it. */
export function decimalOf(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = String(value).split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  const places = fraction.length - Number(exponent)
  const units = BigInt(whole + fraction)
  return places >= 0 ? { units, places } : { units: units * 10n ** BigInt(-places), places: 0 }
}

/** A decimal in units of 10^−`places`, rounded towards `−∞` or `+∞` where it is finer. */
export function inUnits({ units, places }: Decimal, of: number, towards: 'below' | 'above'): bigint {
  if (places <= of) return units * 10n ** BigInt(of - places)
  const step = 10n ** BigInt(places - of)
  const quotient = units / step
  const rest = units % step
  if (towards === 'above') return rest > 0n ? quotient + 1n : quotient
  return rest < 0n ? quotient - 1n : quotient
}

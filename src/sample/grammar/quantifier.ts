import type { Scanner } from './scanner.ts'

/** How often something may come. */
export interface Quantifier {
  readonly least: number
  readonly most: number
}

const signs: Readonly<Record<string, Quantifier>> = {
  '*': { least: 0, most: Number.POSITIVE_INFINITY },
  '+': { least: 1, most: Number.POSITIVE_INFINITY },
  '?': { least: 0, most: 1 },
}

/** The greatest number that a quantifier may name. */
const mostRepetitions = 100_000

/** Reads `*`, `+`, `?`, `{n}`, `{n,}`, `{,m}` or `{n,m}` where one comes next. */
export function takeQuantifier(scanner: Scanner): Quantifier | undefined {
  const sign = signs[scanner.peek()]
  if (sign !== undefined) {
    scanner.next()
    return sign
  }
  return scanner.peek() === '{' ? braces(scanner) : undefined
}

function braces(scanner: Scanner): Quantifier {
  const start = scanner.at
  scanner.next()
  const from = scanner.takeWhile(/\d/)
  const isRange = scanner.takes(',')
  const to = isRange ? scanner.takeWhile(/\d/) : from
  if (!scanner.takes('}') || from + to === '') {
    throw scanner.error('got a { that begins no repetition, wanted {n}, {n,} or {n,m}; \\{ is the character', start)
  }
  const least = Number(from)
  const most = to === '' ? Number.POSITIVE_INFINITY : Number(to)
  if (most < least) throw scanner.error(`got {${from},${to}}, wanted the lesser number first`, start)
  const named = to === '' ? least : most
  if (named > mostRepetitions) {
    throw scanner.error(`got ${named} repetitions, wanted at most ${mostRepetitions}; leave the end open`, start)
  }
  return { least, most }
}

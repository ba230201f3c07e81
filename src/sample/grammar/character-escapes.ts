import { anyCharacter, type CharacterRange, type CharacterSet, characterSet, complement } from './character-set.ts'
import type { Scanner } from './scanner.ts'

const controls: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', 0: '\0' }

/** Digits that follow an escape's letter. */
const hexadecimal: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

const digits = characterSet([[0x30, 0x39]])
const wordCharacters = characterSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
])
/** ECMAScript's white space and ends of lines. */
const spaces = characterSet([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
])

const classes: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  D: complement(digits),
  w: wordCharacters,
  W: complement(wordCharacters),
  s: spaces,
  S: complement(spaces),
}

/** The set that an escape such as `\d` or `\p{Lu}` stands for, behind the backslash; undefined for other escapes. */
export function classEscape(scanner: Scanner): CharacterSet | undefined {
  const letter = scanner.peek()
  const set = classes[letter]
  if (set !== undefined) {
    scanner.next()
    return set
  }
  return (letter === 'p' || letter === 'P') && scanner.peek(1) === '{' ? property(scanner) : undefined
}

function property(scanner: Scanner): CharacterSet {
  const start = scanner.at
  const letter = scanner.next()
  scanner.expect('{')
  const name = scanner.takeWhile(/[^}]/)
  scanner.expect('}')
  let runs: RegExp
  try {
    runs = new RegExp(`\\p{${name}}+`, 'gu')
  } catch {
    throw scanner.error(`got \\${letter}{${name}}, wanted a property that Unicode has, such as \\p{L}`, start)
  }
  const set = charactersIn(runs)
  return letter === 'p' ? set : complement(set)
}

/** Code points that are looked at together. */
const chunk = 4096

/** What a pattern of runs of characters finds among all there are. */
function charactersIn(runs: RegExp): CharacterSet {
  const found: CharacterRange[] = []
  for (const [first, last] of anyCharacter) {
    for (let from = first; from <= last; from += chunk) {
      const length = Math.min(chunk, last + 1 - from)
      const all = String.fromCodePoint(...Array.from({ length }, (_, i) => from + i))
      for (const { 0: run } of all.matchAll(runs)) {
        const begin = run.codePointAt(0)!
        found.push([begin, begin + Array.from(run).length - 1])
      }
    }
  }
  return characterSet(found)
}

/** The code point of an escape of one character, behind the backslash. Throws where a letter or digit has no meaning. */
export function characterEscape(scanner: Scanner): number {
  const start = scanner.at - 1
  const letter = scanner.next()
  const length = hexadecimal[letter]
  if (length !== undefined) return hexadecimalEscape(scanner, letter, length, start)
  const control = controls[letter]
  if (control !== undefined) return control.codePointAt(0)!
  if (letter === '' || /[A-Za-z0-9]/.test(letter)) {
    throw scanner.error(`got \\${letter}, wanted an escape such as \\n, \\x41, \\u0041, \\. or \\\\`, start)
  }
  return letter.codePointAt(0)!
}

function hexadecimalEscape(scanner: Scanner, letter: string, length: number, start: number): number {
  const braced = letter === 'u' && scanner.takes('{')
  let text = braced ? scanner.takeWhile(/[0-9a-f]/i) : ''
  if (braced) scanner.expect('}')
  else while (text.length < length && /[0-9a-f]/i.test(scanner.peek() || ' ')) text += scanner.next()
  const point = Number.parseInt(text, 16)
  const isWhole = braced ? text !== '' : text.length === length
  if (isWhole && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) return point
  throw scanner.error(`got \\${letter}${text}, wanted ${braced ? 'hexadecimal' : length} digits of a character`, start)
}

import { bracketClass } from './bracket-class.ts'
import { characterEscape, classEscape } from './character-escapes.ts'
import { anyCharacter, characterSet, difference } from './character-set.ts'
import { characters, choice, type Expression, type Grammar, grammarOf, repeat, sequence } from './expression.ts'
import { takeQuantifier } from './quantifier.ts'
import { Scanner } from './scanner.ts'

/** Whether a whole text must match, or only some part of it, as JSON schema's `pattern` asks. */
type Extent = 'whole' | 'part'

/** What `.` stands for in ECMAScript. */
const notAnEndOfLine = difference(
  anyCharacter,
  characterSet([
    [0x0a, 0x0a],
    [0x0d, 0x0d],
    [0x2028, 0x2029],
  ]),
)

/** What is no regular language, or looks beyond the text, by its first characters. */
const unsupported: Readonly<Record<string, string>> = {
  '(?=': 'lookahead',
  '(?!': 'negative lookahead',
  '(?<=': 'lookbehind',
  '(?<!': 'negative lookbehind',
  '(?i': 'a flag',
  '(?m': 'a flag',
  '(?s': 'a flag',
  '(?-': 'a flag',
}

/**
 * The grammar of the texts that a regular expression matches as a whole: ECMAScript's syntax in Unicode mode, without
 * lookaround, backreferences and word boundaries. `^` may begin and `$` may end an alternative, to no effect.
 *
 * Throws {@link ConfigError} with line and column for what is no regular expression, and for what is not supported.
 */
export function regexGrammar(source: string): Grammar {
  return grammarOf(parseRegex(source))
}

/** The same, as a part of a larger grammar; for `part`, an alternative reaches to where it is anchored. */
export function parseRegex(source: string, extent: Extent = 'whole', name = 'regular expression'): Expression {
  return new RegexParser(new Scanner(source, name), extent).parse()
}

class RegexParser {
  readonly #scanner: Scanner
  readonly #extent: Extent

  constructor(scanner: Scanner, extent: Extent) {
    this.#scanner = scanner
    this.#extent = extent
  }

  parse(): Expression {
    const expression = this.#alternatives(true)
    if (!this.#scanner.isAtEnd) throw this.#scanner.error("this ')' closes nothing; open it, or write \\)")
    return expression
  }

  #alternatives(isOutermost: boolean): Expression {
    const options = [this.#alternative(isOutermost)]
    while (this.#scanner.takes('|')) options.push(this.#alternative(isOutermost))
    return choice(...options)
  }

  #alternative(isOutermost: boolean): Expression {
    const scanner = this.#scanner
    const parts: Expression[] = []
    const begins = isOutermost && scanner.takes('^')
    while (!scanner.isAtEnd && scanner.peek() !== '|' && scanner.peek() !== ')') {
      if (scanner.peek() === '$' && isOutermost && ['', '|'].includes(scanner.peek(1))) break
      parts.push(this.#quantified())
    }
    const ends = isOutermost && scanner.takes('$')
    const anything = repeat(characters(anyCharacter), 0, Number.POSITIVE_INFINITY)
    if (this.#extent === 'part' && !begins) parts.unshift(anything)
    if (this.#extent === 'part' && !ends) parts.push(anything)
    return sequence(...parts)
  }

  #quantified(): Expression {
    const scanner = this.#scanner
    const body = this.#atom()
    const quantifier = takeQuantifier(scanner)
    if (quantifier === undefined) return body
    scanner.takes('?') // lazy: the same texts
    if ('*+?{'.includes(scanner.peek() || ' ')) {
      throw scanner.error(`got ${scanner.shown()} after a repetition; put the repetition in parentheses`)
    }
    return repeat(body, quantifier.least, quantifier.most)
  }

  #atom(): Expression {
    const scanner = this.#scanner
    const character = scanner.peek()
    if (character === '(') return this.#group()
    if (character === '\\') return this.#escape()
    if ('*+?{}'.includes(character)) {
      throw scanner.error(`got ${scanner.shown()} with nothing before it to repeat; \\${character} is the character`)
    }
    if (character === '^' || character === '$') throw this.#anchor(character)
    scanner.next()
    if (character === '[') return characters(bracketClass(scanner))
    if (character === '.') return characters(notAnEndOfLine)
    if (character === ']') throw scanner.error("this ']' closes nothing; \\] is the character", scanner.at - 1)
    const point = character.codePointAt(0)!
    return characters(characterSet([[point, point]]))
  }

  #group(): Expression {
    const scanner = this.#scanner
    const start = scanner.at
    for (const [opening, what] of Object.entries(unsupported)) {
      if (scanner.sees(opening)) throw scanner.error(`${what} ${opening}…) is not supported; write it without`, start)
    }
    scanner.next()
    if (scanner.takes('?<')) {
      scanner.takeWhile(/[^>]/)
      scanner.expect('>')
    } else if (scanner.peek() === '?' && !scanner.takes('?:')) {
      throw scanner.error('got (? that begins no group, wanted (…), (?:…) or (?<name>…)', start)
    }
    return scanner.group(start, () => this.#alternatives(false))
  }

  #escape(): Expression {
    const scanner = this.#scanner
    const start = scanner.at
    scanner.next()
    if (/[1-9k]/.test(scanner.peek() || ' ')) {
      throw scanner.error(`backreference \\${scanner.peek()} is not supported; write out what it repeats`, start)
    }
    if (/[bB]/.test(scanner.peek() || ' ')) {
      throw scanner.error(`word boundary \\${scanner.peek()} is not supported; write it without`, start)
    }
    const set = classEscape(scanner)
    if (set !== undefined) return characters(set)
    const point = characterEscape(scanner)
    return characters(characterSet([[point, point]]))
  }

  #anchor(character: string) {
    const place = character === '^' ? 'beginning' : 'end'
    return this.#scanner.error(
      `${character} is supported only at the ${place} of an alternative outside parentheses; \\${character} is the character`,
    )
  }
}

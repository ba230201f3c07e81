import { describe, expect, it } from 'vitest'
import { Random } from '../../random/random.ts'
import { Automaton, type State } from './automaton.ts'
import { compile } from './compile.ts'
import { type Grammar, grammarOf } from './expression.ts'
import { parseRegex, regexGrammar } from './regular-expression.ts'
import { sequences } from './testing/brute-force.ts'

const utf8 = new TextEncoder()

function acceptsBytes(automaton: Automaton, bytes: Iterable<number>): boolean {
  let state: State | null = automaton.start
  for (const byte of bytes) state = state && automaton.step(state, automaton.program.groupOf[byte]!)
  return state?.accepts ?? false
}

function accepts(automaton: Automaton, text: string): boolean {
  return acceptsBytes(automaton, utf8.encode(text))
}

const automatonOf = (grammar: Grammar) => new Automaton(compile(grammar))

/** All texts of up to five of these letters. */
const letters = ['a', 'b', '-', 'é', '\n']
const allTexts = sequences(letters.length, 5).map((ids) => ids.map((id) => letters[id]).join(''))

function randomRegex(random: Random, depth: number): string {
  const pick = (items: readonly string[]) => items[random.integer(items.length)]!
  if (depth === 0)
    return pick(['a', 'b', '-', 'é', '.', '[ab]', '[^a]', '\\w', '\\W', '\\s', '[a\\-]', '\\n', '\\u00e9', '[^\\s-]'])
  const inner = () => randomRegex(random, depth - 1)
  switch (random.integer(5)) {
    case 0:
      return `(?:${inner()}|${inner()})`
    case 1:
      return `(${inner()})${pick(['*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '+?'])}`
    case 2:
      return inner()
    default:
      return inner() + inner()
  }
}

describe('regexGrammar', () => {
  it('matches what ECMAScript matches, for random expressions and all short texts', () => {
    const streams = Random.seed(3).split('regexes')
    for (let i = 0; i < 40; i++) {
      const source = randomRegex(streams.at(i), 3)
      const [automaton, oracle] = [automatonOf(regexGrammar(source)), new RegExp(`^(?:${source})$`, 'u')]
      const differing = allTexts.filter((text) => accepts(automaton, text) !== oracle.test(text))
      expect([source, differing]).toEqual([source, []])
    }
  })

  it('reaches as far as its anchors where a part is enough', () => {
    for (const source of ['a', '^a', 'a$', '^ab$', '^a|b$', 'a|^b', '^$', '']) {
      const [automaton, oracle] = [automatonOf(grammarOf(parseRegex(source, 'part'))), new RegExp(source, 'u')]
      expect([source, allTexts.filter((text) => accepts(automaton, text) !== oracle.test(text))]).toEqual([source, []])
    }
  })

  it('reads characters of every length in UTF-8 by the ends of their ranges', () => {
    const points = [
      0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff,
      0x100000, 0x10ffff,
    ]
    for (const source of [
      '[\\u{80}-\\u{7ff}]',
      '[\\u{41}-\\u{fff}]',
      '[^\\u{800}-\\u{ffff}]',
      '[\\u{1000}-\\u{3ffff}]',
      '[\\u{10ffff}\\u{0}]',
      '\\p{Lu}',
      '\\P{L}',
    ]) {
      const [automaton, oracle] = [automatonOf(regexGrammar(source)), new RegExp(`^${source}$`, 'u')]
      for (const point of points) {
        const text = String.fromCodePoint(point)
        expect([source, point, accepts(automaton, text)]).toEqual([source, point, oracle.test(text)])
      }
    }
  })

  it('accepts no bytes that are not UTF-8', () => {
    const automaton = automatonOf(regexGrammar('.'))
    const valid = (bytes: number[]) => {
      try {
        return (
          [...new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))].length === 1
        )
      } catch {
        return false
      }
    }
    const ends = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xef, 0xf0,
      0xf4, 0xf5, 0xff,
    ]
    const differing = sequences(ends.length, 3)
      .map((ids) => ids.map((id) => ends[id]!))
      .filter((bytes) => acceptsBytes(automaton, bytes) !== valid(bytes))
    expect(differing).toEqual([])
  })

  it.each([
    ['('.repeat(20_000), 'groups lie in more than 200 groups; simplify it'],
    ['(a', "column 1: this '(' is never closed"],
    ['a)', "column 2: this ')' closes nothing"],
    ['a**', "column 3: got '*' after a repetition"],
    ['*a', "column 1: got '*' with nothing before it"],
    ['[z-a]', 'column 2: the range ends before it begins'],
    ['[a', "column 1: this '[' is never closed"],
    ['a{3,1}', 'wanted the lesser number first'],
    ['a{x}', 'got a { that begins no repetition'],
    ['(?=a)b', 'lookahead (?=…) is not supported'],
    ['(?<!a)b', 'negative lookbehind (?<!…) is not supported'],
    ['(a)\\1', 'column 4: backreference \\1 is not supported'],
    ['(?<x>a)\\k<x>', 'backreference \\k is not supported'],
    ['\\bword', 'word boundary \\b is not supported'],
    ['(?i)a', 'a flag (?i…) is not supported'],
    ['a^b', '^ is supported only at the beginning'],
    ['\\p{Foo}', 'wanted a property that Unicode has'],
    ['\\u{d800}', 'wanted hexadecimal digits of a character'],
    ['\\y', 'got \\y, wanted an escape'],
    ['a\n\n  [', 'line 3, column 3'],
  ])('says where and why %j is refused', (source, message) => {
    expect(() => regexGrammar(source)).toThrow(message)
  })
})

import { describe, expect, it } from 'vitest'
import { readyGrammars } from './form.ts'
import { gbnfGrammar } from './gbnf.ts'
import { GrammarConstraint } from './grammar-constraint.ts'
import { drawTexts } from './testing/draw-text.ts'
import { matches } from './testing/matches.ts'
import { bytesAnd } from './testing/vocabularies.ts'

const vocabulary = bytesAnd(' the', 'the ', 'INT. ', '\n\n', '. ', 'DAY', ' - ', ' 12', 'é', 'ing')

const arithmetic = `
# sums, over several lines
root  ::= sum "=" [0-9]+ "\\n"   # a comment
sum   ::=
  term
  | term [-+] sum
term  ::= number | "(" sum ")"
number ::= [1-9] [0-9]{0,2} | "\\x30"
`

describe('gbnfGrammar', () => {
  it('reads rules, groups, classes, repetitions, escapes and comments', () => {
    const grammar = gbnfGrammar(arithmetic)
    for (const text of ['1=2\n', '(1+20)-0=7\n', '((5))=55\n']) expect(matches(grammar, text)).toBe(true)
    for (const text of ['1=2', '01=1\n', '1+=1\n', '(1=1\n', '1234=1\n']) expect(matches(grammar, text)).toBe(false)
    expect(grammar.notes).toEqual([])
  })

  it('writes only what follows it, whatever the budget', () => {
    const grammar = gbnfGrammar(arithmetic)
    const constraint = new GrammarConstraint(grammar, vocabulary, [vocabulary.size])
    expect(constraint.shortest).toBe(4)
    for (const budget of [4, 5, 9, 30]) {
      for (const text of drawTexts(constraint, vocabulary, budget, 40))
        expect([text, matches(grammar, text)]).toEqual([text, true])
    }
  })

  it('notes rules that nothing reaches', () => {
    const { notes } = gbnfGrammar('root ::= "a"\nlost ::= forgotten\nforgotten ::= "b"')
    expect(notes).toEqual(["grammar: nothing that begins with root reaches 'lost', 'forgotten'"])
  })

  it.each([
    ['x ::= "a"', "there is no rule 'root'"],
    ['root ::= "a" foo', "line 1, column 14: rule 'foo' is used but not defined"],
    ['root ::= "a\nx ::= "b"', 'line 1, column 10: this " is never closed on its line'],
    ['root ::= "a"\nroot ::= "b"', "line 2, column 1: rule 'root' is defined twice"],
    [`root ::= ${'('.repeat(20_000)}"a"`, 'groups lie in more than 200 groups; simplify it'],
    ['root ::= ("a"', "line 1, column 10: this '(' is never closed"],
    ['root = "a"', "line 1, column 6: got '=', wanted '::='"],
    ['root ::= "a" )', "line 1, column 14: got ')', wanted a rule"],
    ['root ::= \n  "a" $', 'line 2, column 7: got \'$\', wanted "text"'],
    ['', "there is no rule 'root'"],
  ])('says where %j is wrong', (source, message) => {
    expect(() => gbnfGrammar(source)).toThrow(message)
  })
})

describe('ready grammars', () => {
  it.each([
    ['haiku', 3, 18],
    ['sonnet', 14, 138],
  ])('%s has %i lines, each of words that blanks part, with at most one mark after a word', (name, lines, shortest) => {
    const constraint = new GrammarConstraint(gbnfGrammar(readyGrammars[name]!), vocabulary, [vocabulary.size])
    expect(constraint.shortest).toBeLessThanOrEqual(shortest)
    for (const budget of [constraint.shortest, 250]) {
      for (const text of drawTexts(constraint, vocabulary, budget, 10)) {
        expect(text.split('\n')).toHaveLength(lines)
        for (const line of text.split('\n')) expect(line).toMatch(/^( \p{L}{1,12}[,;:]?){2,9}[.!?]?$/u)
      }
    }
  })

  it('play has speeches, and is what plays look like', () => {
    const grammar = gbnfGrammar(readyGrammars.play!)
    const real = 'FIRST CITIZEN:\nBefore we proceed any further, hear me speak.\n\nALL:\nSpeak, speak.'
    expect(matches(grammar, real)).toBe(true)
    expect(matches(grammar, real.slice('FIRST CITIZEN:'.length))).toBe(true)
    expect(matches(grammar, real.toLowerCase())).toBe(false)
    const constraint = new GrammarConstraint(grammar, vocabulary, [vocabulary.size])
    for (const budget of [constraint.shortest, 200]) {
      for (const text of drawTexts(constraint, vocabulary, budget, 5)) {
        expect(text).toMatch(/^(\n[A-Za-z']|[A-Z][A-Z' ]+:\n)[\s\S]*[.!?]$/)
        expect(matches(grammar, text)).toBe(true)
      }
    }
  })

  it('screenplay has headings and who speaks', () => {
    const grammar = gbnfGrammar(readyGrammars.screenplay!)
    const constraint = new GrammarConstraint(grammar, vocabulary, [vocabulary.size])
    for (const budget of [constraint.shortest, 120]) {
      for (const text of drawTexts(constraint, vocabulary, budget, 10)) {
        expect(text).toMatch(/^(INT\.|EXT\.|INT\.\/EXT\.) .* - [A-Z]+\n\n/)
        expect(matches(grammar, text)).toBe(true)
      }
    }
  })
})

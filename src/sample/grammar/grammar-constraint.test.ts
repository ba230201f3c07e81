import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../errors.ts'
import { Random } from '../../random/random.ts'
import { createHistory } from '../history.ts'
import { gbnfGrammar } from './gbnf.ts'
import { GrammarConstraint } from './grammar-constraint.ts'
import { regexGrammar } from './regular-expression.ts'
import { type Comparison, compareAll } from './testing/brute-force.ts'
import { allowedIds, drawTexts } from './testing/draw-text.ts'
import { matches } from './testing/matches.ts'
import { randomGrammar } from './testing/random-grammar.ts'
import { bytesAnd, textsAlone } from './testing/vocabularies.ts'
import { vocabularyOf } from './vocabulary.ts'

const texts = ['a', 'b', 'c', 'ab', 'ca', 'é']
const vocabulary = textsAlone(...texts)

describe('GrammarConstraint', () => {
  it('allows exactly what can still be finished, for all beginnings and budgets of finite grammars', () => {
    const sources = [
      '(ab)*c',
      'a{2,4}',
      '[ab]*é?',
      '(a|ab)(c|bc)',
      '(a*b*)*',
      '(ab|c){2}',
      'a(b|ca)*',
      '[^b]*',
      '(a|b)*a(a|b)',
    ]
    for (const source of sources) {
      for (const budget of [0, 1, 2, 3, 4]) {
        const differing = [...compareAll(regexGrammar(source), vocabulary, texts, budget)].filter(areDifferent)
        expect([source, budget, differing]).toEqual([source, budget, []])
      }
    }
  })

  it('never allows what cannot be finished, and never stops short, in grammars that nest without bound', () => {
    const nested = gbnfGrammar('root ::= "a" root "b" | "c" | ""')
    for (const { ids, allowed, wanted } of compareAll(nested, vocabulary, texts, 4)) {
      expect(wanted, String(ids)).toEqual(expect.arrayContaining([...allowed]))
      expect(allowed).not.toEqual([])
    }
  })

  it('agrees with trying every way through random grammars', () => {
    const streams = Random.seed(7).split('grammars')
    let compared = 0
    for (let i = 0; i < 60; i++) {
      const grammar = randomGrammar(streams.at(i))
      const all = [...compareAll(grammar, vocabulary, texts, 4)]
      expect([...grammar.rules, all.filter(areDifferent)]).toEqual([...grammar.rules, []])
      compared += all.length
    }
    expect(compared).toBeGreaterThan(1000)
  })

  it('says how few tokens suffice, and refuses fewer', () => {
    const constraint = new GrammarConstraint(regexGrammar('(ab)+c'), vocabulary)
    expect(constraint.shortest).toBe(2)
    constraint.check(2)
    expect(() => constraint.check(1)).toThrow(/room for 1 tokens, wanted at least 2.*raise maxTokens/)
  })

  it('refuses grammars that no text follows, and vocabularies that cannot spell them', () => {
    expect(() => new GrammarConstraint(gbnfGrammar('root ::= "a" root'), vocabulary)).toThrow(/never come to an end/)
    expect(() => new GrammarConstraint(regexGrammar('a[]'), vocabulary)).toThrow(ConfigError)
    expect(() => new GrammarConstraint(regexGrammar('xyz'), vocabulary)).toThrow(/vocabulary cannot spell/)
    expect(new GrammarConstraint(regexGrammar('xyz|abé'), vocabulary).shortest).toBe(2)
  })

  it('names the rule that begins with itself', () => {
    const direct = gbnfGrammar('root ::= list\nlist ::= list "a" | "a"')
    expect(() => new GrammarConstraint(direct, vocabulary)).toThrow(/rule 'list' begins with itself \(list → list\)/)
    const hidden = gbnfGrammar('root ::= x\nx ::= "b"? y "a" | "a"\ny ::= x | "c"')
    expect(() => new GrammarConstraint(hidden, vocabulary)).toThrow(/x → y → x/)
  })

  it('refuses grammars too large to run', () => {
    const refuse = (source: string) => expect(() => new GrammarConstraint(regexGrammar(source), vocabulary))
    refuse('((((a{100}){100}){100}){100}){99}').toThrow(/shortest text that follows it has 9900000000 bytes/)
    refuse('(ab?c){0,90000}'.repeat(6)).toThrow(/more than 500000 positions/)
    refuse('(a?){9000}').not.toThrow()
    refuse('a{1000000}').toThrow(/at most 100000/)
  })

  it('is not slowed by grammars that read a beginning in exponentially many ways', () => {
    const grammar = gbnfGrammar('root ::= "a" root "b" | "a" root "c" | "a"')
    const constraint = new GrammarConstraint(grammar, vocabulary, [texts.length])
    for (const text of drawTexts(constraint, vocabulary, 12, 40))
      expect([text, matches(grammar, text)]).toEqual([text, true])
    const history = createHistory([0], 200)
    while (history.length < 90) history.ids[history.length++] = 0
    expect(allowedIds(constraint, history, texts.length + 1)).toEqual([0, 1, 2, 3])
    const tied = new GrammarConstraint(regexGrammar('[ab]*a[ab]{25}'), vocabulary, [texts.length])
    for (const text of drawTexts(tied, vocabulary, tied.shortest, 5)) expect(text).toMatch(/^[ab]*a[ab]{25}$/)
  })

  it('completes characters that tokens split, and never leaves bytes that are no UTF-8', () => {
    const bytes = bytesAnd('é', 'aé', '€x')
    const split = vocabularyOf([...bytes.later, Uint8Array.of(0x61, 0xe2), Uint8Array.of(0x82, 0xac, 0x61)])
    const constraint = new GrammarConstraint(regexGrammar('[a€é😀]{3,9}'), split, [split.size])
    for (const text of drawTexts(constraint, split, 12, 200)) expect(text).toMatch(/^[a€é😀]{3,9}$/u)
    const within = createHistory([0], 20)
    within.ids[within.length++] = 0xe2
    expect(allowedIds(constraint, within, split.size + 1)).toEqual([0x82, split.size - 1])
  })

  it('forbids ids beyond the vocabulary and follows what hooks may not change', () => {
    const constraint = new GrammarConstraint(regexGrammar('ab'), vocabulary, [7])
    const history = createHistory([0], 4)
    expect(allowedIds(constraint, history, 10)).toEqual([0, 3])
    history.ids[history.length++] = 3
    expect(allowedIds(constraint, history, 10)).toEqual([7])
    history.ids[history.length++] = 2
    expect(() => allowedIds(constraint, history, 10)).toThrow(/id 2 does not follow/)
  })

  it('is over only where nothing may follow and no id ends a text', () => {
    const history = createHistory([0], 4)
    history.ids[history.length++] = 3
    expect(new GrammarConstraint(regexGrammar('ab'), vocabulary).isOver({ ...history })).toBe(true)
    expect(new GrammarConstraint(regexGrammar('abc?'), vocabulary).isOver({ ...history })).toBe(false)
    expect(new GrammarConstraint(regexGrammar('ab'), vocabulary, [7]).isOver({ ...history })).toBe(false)
  })

  it('knows that a first token may be spelled otherwise', () => {
    const encode = (all: readonly string[]) => vocabularyOf(all.map((text) => new TextEncoder().encode(text)))
    const [first, later] = [encode(['a', 'b']), encode([' a', 'b'])]
    const words = { ...later, first: first.later, firstTrie: first.laterTrie }
    const constraint = new GrammarConstraint(regexGrammar('a( a)*'), words, [2])
    const history = createHistory([0], 5)
    expect(allowedIds(constraint, history, 3)).toEqual([0])
    history.ids[history.length++] = 0
    expect(allowedIds(constraint, history, 3)).toEqual([0, 2])
  })
})

function areDifferent({ allowed, wanted }: Comparison): boolean {
  return allowed.join() !== wanted.join()
}

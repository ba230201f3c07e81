import type { Random } from '../../../random/random.ts'
import { charactersOf } from '../character-set.ts'
import { characters, choice, type Expression, type Grammar, repeat, rule, sequence, text } from '../expression.ts'

const letters = ['a', 'b', 'c', 'é']

/** A small grammar of a few letters: rules name later rules, or any rule behind a letter, so that none begins with itself. */
export function randomGrammar(random: Random): Grammar {
  const names = ['root', 'x', 'y']
  const rules = new Map(names.map((name, i) => [name, randomExpression(random, names.slice(i + 1), names, 3)]))
  return { start: 'root', rules, notes: [] }
}

function randomExpression(random: Random, later: readonly string[], all: readonly string[], depth: number): Expression {
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!
  const inner = () => randomExpression(random, later, all, depth - 1)
  const kinds = [
    'text',
    'characters',
    ...(depth > 0 ? ['sequence', 'sequence', 'choice', 'choice', 'repeat', 'behind'] : []),
  ]
  switch (pick(kinds)) {
    case 'sequence':
      return sequence(inner(), inner())
    case 'choice':
      return choice(inner(), inner())
    case 'repeat':
      return repeat(inner(), random.integer(2), pick([1, 2, 3, Number.POSITIVE_INFINITY]))
    case 'behind':
      return sequence(text(pick(letters)), choice(rule(pick(all)), text(pick(letters))))
    case 'characters':
      return characters(charactersOf(pick(['ab', 'bc', 'é', 'aé', 'abc'])))
    default:
      return later.length > 0 && random.integer(3) === 0
        ? rule(pick(later))
        : text(pick(['a', 'b', 'ab', 'ca', 'é', '']))
  }
}

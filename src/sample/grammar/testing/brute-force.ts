import { createHistory } from '../../history.ts'
import type { Grammar } from '../expression.ts'
import { GrammarConstraint } from '../grammar-constraint.ts'
import type { Vocabulary } from '../vocabulary.ts'
import { allowedIds } from './draw-text.ts'
import { matches } from './matches.ts'

/** Every sequence of ids up to a length. */
export function sequences(size: number, longest: number): number[][] {
  const all: number[][] = [[]]
  for (let at = 0; at < all.length; at++) {
    const ids = all[at]!
    if (ids.length < longest) for (let id = 0; id < size; id++) all.push([...ids, id])
  }
  return all
}

/** What a constraint allows after each beginning of a text, and what it should. */
export interface Comparison {
  readonly ids: readonly number[]
  readonly allowed: readonly number[]
  readonly wanted: readonly number[]
}

/**
 * Compares a constraint with all texts that a small vocabulary can spell in `budget` ids: at each beginning that may
 * be finished, exactly the ids that go on towards an end, and the end itself where the text is whole.
 */
export function compareAll(
  grammar: Grammar,
  vocabulary: Vocabulary,
  texts: readonly string[],
  budget: number,
): Iterable<Comparison> {
  const end = texts.length
  const whole = sequences(end, budget).filter((ids) => matches(grammar, ids.map((id) => texts[id]).join('')))
  const wanted = new Map<string, Set<number>>()
  for (const ids of whole) {
    for (let length = 0; length <= ids.length; length++) {
      const key = ids.slice(0, length).join()
      wanted.set(key, (wanted.get(key) ?? new Set()).add(ids[length] ?? end))
    }
  }
  return compare(grammar, vocabulary, wanted, budget)
}

function* compare(
  grammar: Grammar,
  vocabulary: Vocabulary,
  wanted: ReadonlyMap<string, ReadonlySet<number>>,
  budget: number,
): Generator<Comparison> {
  if (wanted.size === 0) return
  const end = vocabulary.size
  const constraint = new GrammarConstraint(grammar, vocabulary, [end])
  for (const [key, next] of wanted) {
    const ids = key === '' ? [] : key.split(',').map(Number)
    const history = createHistory([0], budget + 1)
    for (const id of ids) history.ids[history.length++] = id
    const allowed = allowedIds(constraint, history, end + 1)
    yield { ids, allowed, wanted: [...next].sort((a, b) => a - b) }
  }
}

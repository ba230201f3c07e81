import { Random } from '../../../random/random.ts'
import { createHistory, type History } from '../../history.ts'
import type { GrammarConstraint } from '../grammar-constraint.ts'
import type { Vocabulary } from '../vocabulary.ts'

/** The ids that a constraint leaves of a vocabulary and its end-of-text ids beyond it. */
export function allowedIds(constraint: GrammarConstraint, history: History, vocabSize: number): number[] {
  const logits = new Float32Array(vocabSize)
  constraint.apply(logits, history)
  return [...logits.keys()].filter((id) => logits[id] === 0)
}

/** A text's ids, each drawn evenly from those allowed: what a model that knows nothing writes. */
export function drawIds(
  constraint: GrammarConstraint,
  vocabulary: Vocabulary,
  budget: number,
  random: Random,
): number[] {
  const end = vocabulary.size
  const history = createHistory([0], budget + 1)
  while (history.length < budget + 1) {
    const allowed = allowedIds(constraint, history, end + 1)
    if (allowed.length === 0) throw new Error(`nothing may follow ${textOf([...history.ids.slice(1)], vocabulary)}`)
    const id = allowed[random.integer(allowed.length)]!
    if (id === end) break
    history.ids[history.length++] = id
  }
  return [...history.ids.slice(1, history.length)]
}

/** What ids spell; throws where it is not UTF-8. */
export function textOf(ids: readonly number[], { later }: Vocabulary): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(ids.flatMap((id) => [...(later[id] ?? [])])))
}

/** Texts drawn with seeds 0, 1, …. */
export function drawTexts(
  constraint: GrammarConstraint,
  vocabulary: Vocabulary,
  budget: number,
  count: number,
): string[] {
  const streams = Random.seed(0).split('draw')
  return Array.from({ length: count }, (_, i) =>
    textOf(drawIds(constraint, vocabulary, budget, streams.at(i)), vocabulary),
  )
}

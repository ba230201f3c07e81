import type { Random } from '../../random/random.ts'
import type { Candidates } from '../candidates.ts'
import type { History } from '../history.ts'
import { draw } from '../sampler.ts'

/** An id that may follow, and the distribution q that it was drawn from. */
export interface Guess {
  readonly id: number
  /** Ids that q does not give 0, ascending, and their probabilities. */
  readonly ids: ArrayLike<number>
  readonly probabilities: ArrayLike<number>
}

/** Guesses what follows. */
export interface Guesser {
  /** At most `count` ids that may follow `history`, one after the other. */
  guess(history: History, count: number): Promise<readonly Guess[]>
  release(): void
}

/**
 * The id that follows: the guess, or another. Whatever q is, the outcome is distributed as `target`, p, which is
 * overwritten.
 *
 * The guess x stands with probability min(1, p(x) ÷ q(x)); where it falls, another is drawn in proportion to
 * max(0, p − q). Leviathan et al. 2023, "Fast inference from Transformers via speculative decoding", section 2.3.
 * `accept` and `redraw` give one number each.
 */
export function judge(guess: Guess, target: Candidates, accept: Random, redraw: Random): number {
  const of = (ids: ArrayLike<number>, count: number) => {
    for (let i = 0; i < count; i++) if (ids[i] === guess.id) return i
    return -1
  }
  const [at, own] = [of(target.ids, target.count), of(guess.ids, guess.ids.length)]
  const p = at < 0 ? 0 : (target.weights[at] as number) / target.total
  if (accept.uniform() * (guess.probabilities[own] as number) < p) return guess.id
  keepExcess(target, guess)
  return target.total > 0 ? draw(target, redraw.uniform()) : guess.id // p = q but for rounding
}

/** Weighs each candidate by max(0, p − q). */
function keepExcess(target: Candidates, { ids, probabilities }: Guess): void {
  let total = 0
  let at = 0
  for (let i = 0; i < target.count; i++) {
    const id = target.ids[i] as number
    while (at < ids.length && (ids[at] as number) < id) at++
    const q = ids[at] === id ? (probabilities[at] as number) : 0
    const weight = Math.max(0, (target.weights[i] as number) / target.total - q)
    target.weights[i] = weight
    total += weight
  }
  target.total = total
}

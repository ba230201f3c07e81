import { DivergenceError } from '../errors.ts'
import type { Candidates } from './candidates.ts'
import { expNegative } from './exponential.ts'
import { gather } from './gather.ts'

/** An id and the natural logarithm of the probability that the model gives it. */
export interface IdLogProbability {
  readonly id: number
  readonly logProbability: number
}

/** Which continuation, and which of its ids, logits are for. */
export interface Position {
  readonly row: number
  readonly step: number
}

/**
 * ln Σ exp(logits): what to take off a logit for the log-probability of its id.
 *
 * `logits` is `[vocabSize]`; −∞ forbids an id. Throws {@link DivergenceError}, which names row, step and id, on NaN and
 * +∞, and where all are −∞.
 */
export function logNormalizer(logits: Float32Array, position: Position = { row: 0, step: 0 }): number {
  let greatest = Number.NEGATIVE_INFINITY
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number
    if (logit <= greatest) continue
    if (!(logit < Number.POSITIVE_INFINITY)) throw notFinite(logit, { ...position, id })
    greatest = logit
  }
  if (greatest === Number.NEGATIVE_INFINITY) {
    throw new DivergenceError(
      `logits: got −∞ for every id at row ${position.row}, step ${position.step}, wanted a finite one; is the model damaged?`,
      { row: position.row, step: position.step },
    )
  }
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += expNegative((logits[id] as number) - greatest)
  return greatest + Math.log(sum)
}

/** The `count` likeliest ids, likeliest first (of equals, lower ids first); `room` is overwritten. */
export function likeliest(
  logits: Float32Array,
  normalizer: number,
  count: number,
  room: Candidates,
): IdLogProbability[] {
  gather(logits, count, room)
  const found = Array.from({ length: room.count }, (_, i) => ({
    id: room.ids[i] as number,
    logProbability: (room.scores[i] as number) - normalizer,
  }))
  return found.sort((a, b) => b.logProbability - a.logProbability || a.id - b.id)
}

function notFinite(logit: number, position: Position & { readonly id: number }): DivergenceError {
  const { row, step, id } = position
  return new DivergenceError(
    `logits: got ${logit} at row ${row}, step ${step}, id ${id}, wanted finite numbers; is the model damaged?`,
    { row, step, id, logit },
  )
}

import { DivergenceError } from '../errors.ts'
import type { Candidates } from './candidates.ts'
import { expNegative } from './exponential.ts'
import { gather, greatest } from './gather.ts'

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
  const top = greatest(logits)
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += expNegative((logits[id] as number) - top)
  if (!(sum > 0)) throw notFinite(logits, position)
  return top + Math.log(sum)
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
    logProbability: (logits[room.ids[i] as number] as number) - normalizer,
  }))
  return found.sort((a, b) => b.logProbability - a.logProbability || a.id - b.id)
}

function notFinite(logits: Float32Array, { row, step }: Position): DivergenceError {
  const id = logits.findIndex((logit) => !(logit < Number.POSITIVE_INFINITY))
  const got = id < 0 ? '−∞ for every id' : `${logits[id]} at id ${id}`
  return new DivergenceError(
    `logits: got ${got}, row ${row}, step ${step}, wanted finite numbers; is the model damaged?`,
    {
      row,
      step,
      id,
    },
  )
}

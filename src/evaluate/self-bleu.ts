import { DataError } from '../errors.ts'
import { countNgrams, type NgramCounts, type Unit } from './ngrams.ts'

const orders = [1, 2, 3, 4]
/** What Chen and Cherry's first smoothing puts in the place of a numerator of 0. */
const epsilon = 0.1

/**
 * self-BLEU: the mean over texts of BLEU-4 of each against all the others; 0 to 1, lower is more diverse.
 *
 * Zhu et al., "Texygen: A Benchmarking Platform for Text Generation Models", SIGIR 2018; BLEU as
 * Papineni et al. (2002) have it, uniform weights, closest reference length, smoothed by method 1 of Chen and
 * Cherry (2014). Each n-gram's highest count among the *other* texts comes from the two highest
 * among all, so the time is linear in the texts, not in their pairs.
 * Throws {@link DataError} for fewer than two texts.
 */
export function selfBleu(texts: readonly (readonly Unit[])[]): number {
  const scores = selfBleuScores(texts)
  return scores.reduce((sum, score) => sum + score, 0) / scores.length
}

/** BLEU-4 of each text against all the others; {@link selfBleu} is their mean. */
export function selfBleuScores(texts: readonly (readonly Unit[])[]): number[] {
  if (texts.length < 2) throw new DataError(`self-BLEU: got ${texts.length} texts, wanted 2 or more; draw more samples`)
  const perOrder = orders.map((n) => matchesAmongOthers(texts.map((units) => countNgrams(units, n))))
  return texts.map((units, i) => {
    const matches = perOrder.map((ofOrder) => ofOrder[i] as number)
    const others = texts.filter((_, j) => j !== i).map((other) => other.length)
    return bleu(matches, units.length, closest(others, units.length))
  })
}

/** The geometric mean of the n-gram precisions × exp(1 − reference length / length) for texts that are too short. */
function bleu(matches: readonly number[], length: number, referenceLength: number): number {
  if (matches[0] === 0) return 0
  const logarithms = matches.map((matched, i) => Math.log((matched || epsilon) / Math.max(1, length - i)))
  const brevity = length > referenceLength ? 0 : 1 - referenceLength / length
  return Math.exp(brevity + logarithms.reduce((sum, value) => sum + value, 0) / orders.length)
}

/** For each text: how many of its n-grams occur in another one, each at most as often as in the one that has most. */
function matchesAmongOthers(counts: readonly NgramCounts[]): number[] {
  const highest = new Map<string, { owner: number; first: number; second: number }>()
  counts.forEach((ofText, owner) => {
    for (const [key, count] of ofText) {
      const top = highest.get(key)
      if (top === undefined) highest.set(key, { owner, first: count, second: 0 })
      else if (count > top.first) Object.assign(top, { owner, first: count, second: top.first })
      else top.second = Math.max(top.second, count)
    }
  })
  return counts.map((ofText, i) => {
    let matched = 0
    for (const [key, count] of ofText) {
      const top = highest.get(key)
      if (top) matched += Math.min(count, top.owner === i ? top.second : top.first)
    }
    return matched
  })
}

/** The length nearest to `length`; of two as near, the shorter. */
function closest(lengths: readonly number[], length: number): number {
  const distance = (other: number) => Math.abs(other - length)
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  )
}

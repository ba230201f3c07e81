/** Pearson's statistic and the bound that it passes less than once in a million where `probabilities` are right. */
export interface ChiSquare {
  readonly statistic: number
  readonly bound: number
}

/**
 * Compares counts with expectations, after pooling what is expected fewer than 10 times. An impossible outcome that
 * was seen makes the statistic infinite.
 *
 * The bound is Laurent and Massart's (2000, lemma 1) at 1e-7, which leaves room for the statistic's not being exactly
 * chi-square.
 */
export function chiSquare(counts: readonly number[], probabilities: readonly number[]): ChiSquare {
  const draws = counts.reduce((sum, count) => sum + count, 0)
  let [statistic, cells, pooledCount, pooledExpected] = [0, 0, 0, 0]
  for (const [id, count] of counts.entries()) {
    const expected = draws * probabilities[id]!
    if (expected === 0 && count > 0) statistic = Infinity
    if (expected < 10) {
      pooledCount += count
      pooledExpected += expected
    } else {
      statistic += (count - expected) ** 2 / expected
      cells++
    }
  }
  if (pooledExpected >= 10) {
    statistic += (pooledCount - pooledExpected) ** 2 / pooledExpected
    cells++
  }
  const x = Math.log(1e7)
  const freedom = Math.max(cells - 1, 0)
  return { statistic, bound: freedom + 2 * Math.sqrt(freedom * x) + 2 * x }
}

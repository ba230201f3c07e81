import { DataError } from '../../errors.ts'

/** Which classes samples show, by a classifier. */
export interface ClassCoverage {
  /** The share of samples of every class, 0 to 1. */
  readonly shares: readonly number[]
  /** The share from which on a class counts as found. */
  readonly minimumShare: number
  /** How many classes were found. */
  readonly found: number
  readonly nClasses: number
}

/**
 * The share of samples that a classifier puts in each class, and how many classes have `minimumShare` of them or more;
 * by default half of what each would have if all were equally frequent, as 5 % of samples for 10 classes.
 * Throws {@link DataError} for no predictions, or one that isn't a class.
 */
export function classCoverage(
  predictions: ArrayLike<number>,
  nClasses: number,
  minimumShare: number = 0.5 / nClasses,
): ClassCoverage {
  const counts = new Array<number>(nClasses).fill(0)
  for (let i = 0; i < predictions.length; i++) {
    const predicted = predictions[i] as number
    if (!(Number.isInteger(predicted) && predicted >= 0 && predicted < nClasses))
      throw new DataError(`class coverage: got class ${predicted}, wanted 0 to ${nClasses - 1}`, { predicted })
    counts[predicted]!++
  }
  if (predictions.length === 0) throw new DataError('class coverage: got no predictions, wanted one or more')
  const shares = counts.map((count) => count / predictions.length)
  return { shares, minimumShare, found: shares.filter((share) => share >= minimumShare).length, nClasses }
}

/** The share of samples that a classifier puts in the class that was asked for. Throws {@link DataError} for other lengths. */
export function classAgreement(predictions: ArrayLike<number>, asked: ArrayLike<number>): number {
  if (predictions.length !== asked.length || asked.length === 0)
    throw new DataError(`class agreement: got ${predictions.length} predictions for ${asked.length} pictures`)
  let agreed = 0
  for (let i = 0; i < asked.length; i++) if (predictions[i] === asked[i]) agreed++
  return agreed / asked.length
}

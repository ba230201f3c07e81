import { DataError } from '../../errors.ts'

/** Vectors of equal width that are had a stretch at a time, so that pixels of many pictures need not be floats at once. */
export interface Rows {
  readonly length: number
  readonly width: number
  /** The rows from `begin` to before `end`, [end − begin, width], row after row. */
  rows(begin: number, end: number): Float32Array
}

/** Features of pictures, [n, width], row after row. */
export class FeatureMatrix implements Rows {
  readonly data: Float32Array
  readonly length: number
  readonly width: number

  /** Throws {@link DataError} where `data` isn't whole rows of finite numbers, or has none. */
  constructor(data: Float32Array, width: number) {
    if (!(Number.isInteger(width) && width > 0) || data.length === 0 || data.length % width !== 0)
      throw new DataError(`features: got ${data.length} numbers, wanted one or more rows of ${width}`, { width })
    const bad = data.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0)
      throw new DataError(
        `features: picture ${Math.floor(bad / width)} has ${data[bad]} in it, wanted finite numbers; is the model sound?`,
        { row: Math.floor(bad / width) },
      )
    this.data = data
    this.length = data.length / width
    this.width = width
  }

  rows(begin: number, end: number): Float32Array {
    return this.data.subarray(begin * this.width, end * this.width)
  }

  /** The rows at `indices`, in that order. */
  pick(indices: ArrayLike<number>): FeatureMatrix {
    const picked = new Float32Array(indices.length * this.width)
    for (let i = 0; i < indices.length; i++)
      picked.set(this.rows(indices[i] as number, (indices[i] as number) + 1), i * this.width)
    return new FeatureMatrix(picked, this.width)
  }
}

/** Throws {@link DataError} unless both sets have rows of one width. */
export function checkWidths(operation: string, a: Rows, b: Rows): void {
  if (a.width === b.width) return
  throw new DataError(`${operation}: got features of ${a.width} and of ${b.width}, wanted one extractor for both`, {
    widths: [a.width, b.width],
  })
}

/** Throws {@link DataError} for fewer rows than a measure needs. */
export function checkLength(operation: string, { length }: Rows, least: number): void {
  if (length >= least) return
  throw new DataError(`${operation}: got ${length} pictures, wanted ${least} or more; make more samples`, { length })
}

import { readFileSync } from 'node:fs'
import { allocate, type DType, type HostTensor } from '../dtype.ts'

/** A tensor as fixtures hold it. */
export interface FixtureTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

/** Reads a JSON fixture below test/fixtures. */
export function readFixture<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../../test/fixtures/${path}`, import.meta.url), 'utf8')) as T
}

/** A fixture's tensor as the engine takes it. */
export function hostTensor({ dtype, shape, data }: FixtureTensor): HostTensor {
  const array = allocate(dtype, data.length)
  for (const [i, value] of data.entries()) array[i] = array instanceof BigInt64Array ? BigInt(value) : value
  return { dtype, shape, data: array }
}

import { DataError } from '../errors.ts'
import type { TokenSource } from './token-dataset.ts'

/**
 * All of a text in order, `width` ids at a time without overlap, as many rows a batch as asked; the last row and the last
 * batch may be shorter. Throws {@link DataError}, at once, for a text without ids.
 */
export function chunkBatches(source: TokenSource, width: number, batchSize: number): Iterable<Int32Array[]> {
  if (source.tokens > 0) return batchesOf(source, width, batchSize)
  throw new DataError('held-out windows: there is no held-out text; add text')
}

function* batchesOf(source: TokenSource, width: number, batchSize: number): Generator<Int32Array[]> {
  for (let start = 0; start < source.tokens; start += width * batchSize) yield rowsFrom(source, start, width, batchSize)
}

function rowsFrom(source: TokenSource, first: number, width: number, batchSize: number): Int32Array[] {
  const rows: Int32Array[] = []
  for (let start = first; rows.length < batchSize && start < source.tokens; start += width) {
    const row = new Int32Array(Math.min(width, source.tokens - start))
    source.read(start, row.length, row)
    rows.push(row)
  }
  return rows
}

/** The rows of a matrix, `width` ids each. */
export function rowsOf(matrix: Int32Array, width: number): Int32Array[] {
  return Array.from({ length: matrix.length / width }, (_, row) => matrix.subarray(row * width, (row + 1) * width))
}

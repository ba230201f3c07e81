import type { Random } from '../random/random.ts'
import { pairInEpochs } from './pairs.ts'
import { permuted } from './permuted.ts'

/** Lengths of an item, such as those of its source and of its target; or of the rows of a batch, that hold its items. */
export type Lengths = readonly number[]

/** Items that batches are made of. */
export interface ItemBatches {
  /** Of each item. */
  readonly lengths: readonly Lengths[]
  readonly batchSize: number
  /** Whether each item comes once an epoch, or any at random. */
  readonly inEpochs: boolean
}

/** So many batches exchange their items, at most. */
const poolBatches = 32

/** The items of a batch, without regard to their lengths: a pure function of its number and of `random`. */
export function drawnItems({ lengths: { length }, batchSize, inEpochs }: ItemBatches, batch: number, random: Random) {
  const stream = random.at(batch)
  return Array.from({ length: batchSize }, (_, row) =>
    inEpochs ? pairInEpochs(batch * batchSize + row, length, random) : stream.integer(length),
  )
}

/**
 * Items in batches of similar lengths, a pure function of the batch's number and of `random`: those that a pool of
 * batches draws are sorted by length and dealt out anew, and the batches come in random order, so that length doesn't
 * follow time. No pool reaches over the last batch that an epoch begins: whole epochs show each item as often.
 */
export function batchesByLength(batches: ItemBatches, random: Random): (batch: number) => readonly number[] {
  let pool: { readonly first: number; readonly rows: readonly (readonly number[])[] } | undefined
  return (batch) => {
    const { first, count } = poolOf(batch, batches)
    if (pool?.first !== first) pool = { first, rows: sortedPool(first, count, batches, random) }
    return pool.rows[permuted(batch - first, count, random.at(first).split('pool'))]!
  }
}

/** The pool of a batch: the batches that an epoch begins are cut into equal parts. */
function poolOf(
  batch: number,
  { lengths, batchSize }: ItemBatches,
): { readonly first: number; readonly count: number } {
  const epoch = Math.floor((batch * batchSize) / lengths.length)
  const beginOf = (number: number) => Math.ceil((number * lengths.length) / batchSize)
  const [begin, end] = [beginOf(epoch), beginOf(epoch + 1)]
  const part = Math.ceil((end - begin) / Math.ceil((end - begin) / poolBatches))
  const first = begin + Math.floor((batch - begin) / part) * part
  return { first, count: Math.min(part, end - first) }
}

function sortedPool(first: number, count: number, batches: ItemBatches, random: Random): number[][] {
  const { lengths, batchSize } = batches
  const longest = (item: number) => Math.max(...lengths[item]!)
  const items = Array.from({ length: count }, (_, i) => drawnItems(batches, first + i, random)).flat()
  items.sort((a, b) => longest(a) - longest(b) || total(lengths[a]!) - total(lengths[b]!))
  return Array.from({ length: count }, (_, i) => items.slice(i * batchSize, (i + 1) * batchSize))
}

/** Rows are so wide as the longest item, rounded up to a multiple of this. */
const widthStep = 8

/** The widths of rows that hold items of these lengths, at most `most`: what is longer is cut. */
export function widthsOf(items: readonly Lengths[], most: Lengths): Lengths {
  return most.map((limit, i) => {
    const longest = items.reduce((so, lengths) => Math.max(so, lengths[i]!), 0)
    return Math.min(limit, Math.ceil(longest / widthStep) * widthStep)
  })
}

/** Widths that are chosen, at most: each means another graph. */
const mostWidths = 4

/** Narrower widths are chosen where they save this share of all places in rows. */
const leastSaving = 0.04

/**
 * A few widths of rows, narrowest first and `widest` last, to pad batches to: greedily, those that save the most of
 * the first epoch's first batches, a pool of them.
 */
export function chooseWidths(
  batches: (batch: number) => readonly number[],
  lengths: readonly Lengths[],
  widest: Lengths,
): Lengths[] {
  const needs = Array.from({ length: poolBatches }, (_, batch) =>
    widthsOf(
      batches(batch).map((item) => lengths[item]!),
      widest,
    ),
  )
  const candidates = distinct(needs.flatMap((a) => needs.map((b) => a.map((width, i) => Math.max(width, b[i]!)))))
  const places = (widths: readonly Lengths[]) =>
    needs.reduce((sum, need) => sum + Math.min(...widths.filter((one) => holds(one, need)).map(total)), 0)
  let chosen: Lengths[] = [widest]
  while (chosen.length < mostWidths) {
    const tried = candidates.map((one) => [one, ...chosen])
    const best = tried.reduce((a, b) => (places(b) < places(a) ? b : a))
    if (places(chosen) - places(best) < leastSaving * needs.length * total(widest)) break
    chosen = best
  }
  return chosen.sort((a, b) => total(a) - total(b))
}

function distinct(all: readonly Lengths[]): Lengths[] {
  return [...new Map(all.map((one) => [one.join(), one])).values()]
}

function holds(widths: Lengths, needs: Lengths): boolean {
  return widths.every((width, i) => width >= needs[i]!)
}

function total(lengths: Lengths): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}

import { DataError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { permuted } from './permuted.ts'
import type { TokenSource } from './token-dataset.ts'

/** The shape of a batch: `batchSize` rows `B`, `contextLength` predictions `T` each. */
export interface WindowShape {
  readonly batchSize: number
  readonly contextLength: number
}

/** Windows of a corpus as a pure function of the step, so that a resumed run sees what an unbroken one would. */
export interface WindowSampler {
  /** Ids `[B, T + 1]` of step `step` ≥ 0, row by row: inputs are the first `T` of a row, targets the last `T`. */
  batch(step: number): Int32Array
}

/**
 * Windows at uniformly random places, drawn for each step from (seed, step). Throws `DataError` when the corpus is
 * shorter than a window.
 */
export function randomWindows(source: TokenSource, shape: WindowShape, seed: number): WindowSampler {
  checkLength(source, shape)
  const random = Random.seed(seed).split('windows')
  const starts = source.tokens - shape.contextLength
  return {
    batch(step) {
      const stream = random.at(step)
      return readRows(source, shape, () => stream.integer(starts))
    },
  }
}

/** Windows in epochs: see {@link epochWindows}. */
export interface EpochSampler extends WindowSampler {
  /** Windows of one epoch; `E` epochs are `⌈E · windows / batchSize⌉` steps. */
  readonly windowsPerEpoch: number
}

/**
 * Non-overlapping windows, each seen once an epoch in an order drawn from (seed, epoch); batches run on over the end
 * of an epoch. The grid of windows starts at a random place of each epoch's own, within what would remain at the end.
 * Throws `DataError` when the corpus is shorter than a window.
 */
export function epochWindows(source: TokenSource, shape: WindowShape, seed: number): EpochSampler {
  checkLength(source, shape)
  const random = Random.seed(seed).split('epochs')
  const { batchSize, contextLength } = shape
  const windowsPerEpoch = Math.floor((source.tokens - 1) / contextLength)
  const remainder = source.tokens - 1 - windowsPerEpoch * contextLength
  const startOf = (position: number) => {
    const epoch = random.at(Math.floor(position / windowsPerEpoch))
    const offset = epoch.integer(remainder + 1)
    return offset + contextLength * permuted(position % windowsPerEpoch, windowsPerEpoch, epoch.split('order'))
  }
  return {
    windowsPerEpoch,
    batch: (step) => readRows(source, shape, (row) => startOf(step * batchSize + row)),
  }
}

/** A batch in which some predictions don't count. */
export interface MaskedBatch {
  /** Ids `[B, T + 1]`, zero where there is no text. */
  readonly tokens: Int32Array
  /** `[B, T]`: 1 where the target is a token of the corpus, 0 for padding. */
  readonly mask: Float32Array
  /** Sum of the mask. */
  readonly predictions: number
}

/**
 * All non-overlapping windows in order, so that each token but the first is predicted exactly once. The last window
 * of the text and the last rows of the last batch are padded and masked: a mean over the corpus is
 * `Σ mask · loss / Σ predictions`. Throws `DataError`, at once, when there are fewer than two tokens.
 */
export function sequentialWindows(source: TokenSource, shape: WindowShape): Generator<MaskedBatch> {
  const { tokens } = source
  if (tokens < 2)
    throw new DataError(`validation windows: got ${tokens} tokens of held-out text, wanted at least 2; add text`, {
      tokens,
    })
  return maskedBatches(source, shape)
}

function* maskedBatches(source: TokenSource, shape: WindowShape): Generator<MaskedBatch> {
  const { batchSize, contextLength } = shape
  for (let start = 0; start < source.tokens - 1; start += batchSize * contextLength) {
    yield maskedBatch(source, shape, start)
  }
}

/** How many batches {@link sequentialWindows} gives. */
export function countSequentialBatches(source: TokenSource, { batchSize, contextLength }: WindowShape): number {
  return Math.ceil((source.tokens - 1) / (batchSize * contextLength))
}

function maskedBatch(source: TokenSource, { batchSize, contextLength }: WindowShape, first: number): MaskedBatch {
  const tokens = new Int32Array(batchSize * (contextLength + 1))
  const mask = new Float32Array(batchSize * contextLength)
  let predictions = 0
  for (let row = 0; row < batchSize; row++) {
    const start = first + row * contextLength
    const targets = Math.min(contextLength, source.tokens - 1 - start)
    if (targets <= 0) break
    source.read(start, targets + 1, tokens, row * (contextLength + 1))
    mask.fill(1, row * contextLength, row * contextLength + targets)
    predictions += targets
  }
  return { tokens, mask, predictions }
}

function readRows(source: TokenSource, shape: WindowShape, startOf: (row: number) => number): Int32Array {
  const width = shape.contextLength + 1
  const rows = new Int32Array(shape.batchSize * width)
  for (let row = 0; row < shape.batchSize; row++) source.read(startOf(row), width, rows, row * width)
  return rows
}

function checkLength({ tokens }: TokenSource, { contextLength }: WindowShape) {
  if (tokens > contextLength) return
  throw new DataError(
    `training windows: got ${tokens} tokens of text, wanted more than contextLength ${contextLength}; ` +
      `set a contextLength below ${Math.max(tokens, 2)} or add text`,
    { tokens, contextLength },
  )
}

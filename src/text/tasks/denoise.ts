import { chunkBatches, rowsOf } from '../../data/chunks.ts'
import { corruptedLengths, corruptSpans, longestText, type Pair, type SpanOptions } from '../../data/span-corruption.ts'
import type { TokenSource } from '../../data/token-dataset.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { epochWindows, randomWindows } from '../../data/windows.ts'
import { ConfigError } from '../../errors.ts'
import { Random } from '../../random/random.ts'
import { endOf, openSequence, sequenceTask } from './sequence.ts'
import { type Given, goesInEpochs, type Objective, type TextTask } from './task.ts'

/**
 * Restoring spans taken out of windows of the corpus (span corruption: Raffel et al. 2020, section 3.1.4): windows are
 * so long that what is left of each fills the context.
 */
export const denoiseTask: TextTask = {
  ...sequenceTask,
  name: 'denoise',
  does: 'restore spans taken out of texts',
  pairs: false,
  open,
}

function open(given: Given): Objective {
  const { settings, corpus, seed } = given
  const { train, validation, tokenizer } = corpus
  const { batchSize, contextLength, meanSpan } = settings
  const spans = spansFor(tokenizer, { share: settings.hiddenShare, meanSpan, contextLength })
  const { width, sourceLength, targetLength, corrupt } = spans
  const windowShape = { batchSize, contextLength: width - 1 } // a window holds one id more than it has predictions
  const windows = (goesInEpochs(given) ? epochWindows : randomWindows)(train, windowShape, seed)
  const corrupting = Random.seed(seed).split('spans')
  heldOutSpans(validation, batchSize, spans) // refuses held-out text that nothing can be measured on
  const heldOut = () => heldOutSpans(validation, batchSize, spans)
  return openSequence(given, {
    shape: { batchSize, sourceLength, targetLength },
    pairs: (index) => corrupt(rowsOf(windows.batch(index), width), corrupting.at(index)),
    batchesPerEpoch: epochWindows(train, windowShape, seed).windowsPerEpoch / batchSize,
    heldOut,
    example: exampleOf(heldOut()),
    notes: [],
    showsSpecial: true,
  })
}

/** How windows of a text become pairs. */
interface Spans {
  /** Ids of a window. */
  readonly width: number
  readonly sourceLength: number
  readonly targetLength: number
  /** The pairs of windows; a single id makes none. */
  corrupt(rows: readonly Int32Array[], random: Random): Pair[]
}

/** Throws {@link ConfigError} where the context or the tokenizer's sentinels are too few. */
export function spansFor(
  tokenizer: Tokenizer,
  { contextLength, ...options }: SpanOptions & { readonly contextLength: number },
): Spans {
  const width = longestText(contextLength, options)
  const { source: sourceLength, target: targetLength, spans } = corruptedLengths(width, options)
  const marks = { sentinels: sentinelsOf(tokenizer, spans), end: endOf(tokenizer) }
  if (sourceLength > contextLength || targetLength > contextLength)
    throw new ConfigError(
      `denoise: what is taken out of a text makes ${targetLength} tokens, contextLength is ${contextLength}; ` +
        'lower hiddenShare or raise contextLength',
    )
  return {
    width,
    sourceLength,
    targetLength,
    corrupt: (rows, random) =>
      rows.filter((ids) => ids.length >= 2).map((ids) => corruptSpans(ids, options, marks, random)),
  }
}

/** The pairs of all of a text, a batch at a time: the same spans whatever the run and the evaluation. */
export function heldOutSpans(ids: TokenSource, batchSize: number, { width, corrupt }: Spans): Iterable<Pair[]> {
  return corruptedBatches(chunkBatches(ids, width, batchSize), corrupt)
}

function* corruptedBatches(batches: Iterable<readonly Int32Array[]>, corrupt: Spans['corrupt']): Generator<Pair[]> {
  const corrupting = Random.seed(0).split('held-out')
  let index = 0
  for (const rows of batches) yield corrupt(rows, corrupting.at(index++))
}

function exampleOf(batches: Iterable<readonly { readonly source: Int32Array }[]>): Int32Array {
  for (const [first] of batches) if (first) return first.source
  throw new ConfigError('denoise: the held-out text has a single token; add text')
}

/** `<extra_id_0>`, … Throws {@link ConfigError} for a tokenizer that has too few. */
function sentinelsOf(tokenizer: Tokenizer, count: number): number[] {
  const ids = Array.from({ length: count }, (_, i) => tokenizer.idOf(`<extra_id_${i}>`))
  const missing = ids.indexOf(undefined)
  if (missing < 0) return ids as number[]
  throw new ConfigError(
    `denoise: ${count} spans are taken out of a text, but the tokenizer has ${missing} tokens to stand for them; ` +
      (missing === 0 ? 'use --tokenizer unigram' : 'raise meanSpan, or lower hiddenShare or contextLength'),
  )
}

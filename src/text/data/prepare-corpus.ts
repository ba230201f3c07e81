import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { DocumentSpool } from '../../data/document-spool.ts'
import { type EncodeProgress, encodeCorpus } from '../../data/encode-corpus.ts'
import { type Encoder, encodeWorkerFile, inProcessEncoder, workerEncoder } from '../../data/encoder-pool.ts'
import { type Split, splitDocuments } from '../../data/held-out.ts'
import { type CorpusStatistics, type ShardIndex, shardIndexName } from '../../data/shards.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { ConfigError, DataError } from '../../errors.ts'
import { writeFolderAtomic } from '../../files/atomic-write.ts'
import { digestOf } from '../../files/digest-of.ts'
import { writeJsonFile } from '../../files/json-file.ts'
import type { ReadDocumentsOptions } from '../codec/read-documents.ts'
import { encodeChats } from './encode-chats.ts'
import { type Corpus, corpusExists, openCorpus } from './open-corpus.ts'
import { spoolDocuments } from './spool-documents.ts'
import { type NewTokenizer, trainTokenizer } from './train-tokenizer.ts'

/** How far a preparation is: bytes (`total` 0 when unknown), or merges for the vocabulary. */
export interface PrepareProgress {
  readonly stage: 'read' | 'count' | 'vocabulary' | 'encode'
  readonly done: number
  readonly total: number
}

/** What to make a corpus of, and where. */
export interface PrepareCorpusOptions extends Omit<ReadDocumentsOptions, 'onBytes'> {
  /** Files, folders, glob patterns, `-` for standard input. */
  readonly paths: readonly string[]
  /** A tokenizer that exists, or what to train on this corpus. */
  readonly tokenizer: Tokenizer | NewTokenizer
  /** Folder that holds prepared corpora, one folder each; made when missing. */
  readonly folder: string
  /** Fraction of the text to hold out, above 0 and at most 0.5; default 0.1. */
  readonly heldOut?: number | undefined
  /** Chooses the documents that are held out; default 0. */
  readonly seed?: number | undefined
  /** Threads that encode; default one a core (at most 8), none below 20 MB of text. 0 works in this thread. */
  readonly workers?: number | undefined
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined
}

/**
 * Makes token shards of documents: reads, drops exact duplicates, holds some out, trains the tokenizer if asked to,
 * encodes in worker threads. The result lies in a folder named by what was learned from and how it was tokenized; when
 * it is there already, it is opened and nothing is encoded again. It appears whole or not at all.
 *
 * Throws `DataError` (text, disk), `ConfigError` (settings), or the reason of an abort.
 */
export async function prepareCorpus(options: PrepareCorpusOptions): Promise<Corpus> {
  const { folder, heldOut = 0.1, seed = 0 } = options
  checkSettings(heldOut, seed, options.workers)
  const spool = await DocumentSpool.create(folder, seed)
  try {
    const statistics = await spoolDocuments(spool, options.paths, options, report(options, 'read'))
    const few = spool.byteLengths.length < 2
    if (few && options.pairs) throw tooFew('pairs', spool.byteLengths.length)
    if (few && options.chats) throw tooFew('conversations', spool.byteLengths.length)
    const split = await splitDocuments(spool, heldOut)
    const dataDigest = digestOf({ documents: spool.digest, heldOut, seed })
    const path = join(folder, `corpus-${digestOf({ dataDigest, tokenizer: identity(options.tokenizer) }).slice(0, 16)}`)
    if (!(await corpusExists(path))) await write(path, spool, split, { dataDigest, heldOut, seed, statistics }, options)
    return await openCorpus(path, statistics)
  } finally {
    await spool.dispose()
  }
}

function tooFew(what: string, got: number) {
  return new DataError(`${what}: got ${got} that are not empty, wanted at least 2, one of them to hold out; add some`)
}

function checkSettings(heldOut: number, seed: number, workers = 0) {
  const sound = (value: number) => Number.isSafeInteger(value) && value >= 0
  if (!(heldOut > 0 && heldOut <= 0.5)) {
    throw new ConfigError(`heldOut: got ${heldOut}, wanted a number above 0 and at most 0.5`, { heldOut })
  }
  if (!sound(seed)) throw new ConfigError(`seed: got ${seed}, wanted an integer from 0 to 2^53 − 1`, { seed })
  if (!sound(workers)) throw new ConfigError(`workers: got ${workers}, wanted a whole number from 0`, { workers })
}

type Description = Pick<ShardIndex, 'dataDigest' | 'heldOut' | 'seed'> & { readonly statistics: CorpusStatistics }

async function write(
  path: string,
  spool: DocumentSpool,
  split: Split,
  description: Description,
  options: PrepareCorpusOptions,
) {
  try {
    await writeFolderAtomic(path, (temporary) => fill(temporary, spool, split, description, options))
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  }
}

async function fill(
  folder: string,
  spool: DocumentSpool,
  split: Split,
  description: Description,
  options: PrepareCorpusOptions,
) {
  const tokenizer = await resolveTokenizer(spool, split, options)
  const encoder = encoderFor(tokenizer, spool.bytes, options.workers)
  const tell = report(options, 'encode')
  try {
    const told = (progress: EncodeProgress) => {
      options.signal?.throwIfAborted()
      tell(progress.bytes, progress.totalBytes)
    }
    const shards = options.chats
      ? await encodeChats(spool, split, tokenizer, folder, told)
      : await encodeCorpus(spool, split, tokenizer.eos ?? tokenizer.sep, encoder, folder, told)
    await writeJsonFile(join(folder, 'tokenizer.json'), tokenizer.toJSON())
    await writeJsonFile(join(folder, 'tokenizer_config.json'), tokenizer.configJson())
    const index: ShardIndex = {
      format: 'atelier-tokens-1',
      dtype: tokenizer.vocabSize <= 65_536 ? 'uint16' : 'uint32',
      vocabSize: tokenizer.vocabSize,
      tokenizerDigest: digestOf(tokenizer.toJSON()),
      ...description,
      ...shards,
    }
    await writeJsonFile(join(folder, shardIndexName), index)
  } finally {
    await encoder.close()
  }
}

async function resolveTokenizer(spool: DocumentSpool, split: Split, options: PrepareCorpusOptions) {
  if ('encode' in options.tokenizer) return options.tokenizer
  return trainTokenizer(options.tokenizer, spool, split, {
    onCount: report(options, 'count'),
    onMerge: report(options, 'vocabulary'),
    signal: options.signal,
  })
}

/** Below it, starting threads takes longer than they save. */
const leastBytesForThreads = 2e7

function encoderFor(
  tokenizer: Tokenizer,
  bytes: number,
  workers = bytes < leastBytesForThreads ? 0 : cores(),
): Encoder {
  const file = workers > 0 ? encodeWorkerFile() : undefined
  return file ? workerEncoder(tokenizer, workers, file) : inProcessEncoder(tokenizer)
}

function cores(): number {
  return Math.min(8, availableParallelism())
}

function identity(tokenizer: Tokenizer | NewTokenizer): unknown {
  if (!('encode' in tokenizer)) return tokenizer
  const { eos, chatTemplate } = tokenizer
  return digestOf([tokenizer.toJSON(), eos, ...(chatTemplate === undefined ? [] : [chatTemplate])])
}

function report({ onProgress }: PrepareCorpusOptions, stage: PrepareProgress['stage']) {
  return (done: number, total: number) => onProgress?.({ stage, done, total })
}

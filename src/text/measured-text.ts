import { join } from 'node:path'
import { type TokenSource, tokensInMemory } from '../data/token-dataset.ts'
import { IdBuffer } from '../data/tokenizers/id-buffer.ts'
import type { Tokenizer } from '../data/tokenizers/index.ts'
import { DataError } from '../errors.ts'
import { runExists } from '../train/run-record.ts'
import { readDocuments } from './codec/read-documents.ts'
import { type Corpus, corpusExists, openCorpus } from './data/open-corpus.ts'
import { readRun } from './run.ts'
import type { TextModel } from './text-model.ts'

/** Text to measure a model on, as the model's ids. */
export interface MeasuredText {
  readonly ids: TokenSource
  /** UTF-8 bytes that the ids stand for. */
  readonly bytes: number
  readonly documents: number
}

/** What a run learned from, if `folder` is a run whose corpus is still there. */
export async function corpusOf(folder: string): Promise<Corpus | undefined> {
  if (!(await runExists(folder))) return undefined
  const path = join(folder, (await readRun(folder)).corpus)
  return (await corpusExists(path)) ? openCorpus(path) : undefined
}

/** How a text is read. */
interface EncodeTextOptions {
  readonly field?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether the token that begins a text begins each document; by default as the tokenizer's model expects it. */
  readonly bos?: boolean
}

/** The text to measure a model on. Throws DataError where there is none. */
export async function textFor(
  { tokenizer, folder, family }: TextModel,
  corpus: Corpus | undefined,
  { data, field, signal }: EncodeTextOptions & { readonly data?: readonly string[] },
): Promise<MeasuredText> {
  if (data) return encodeText(tokenizer, data, { field, signal, ...(family === 'causal' ? {} : { bos: false }) })
  if (corpus) return { ids: corpus.validation, bytes: corpus.validation.bytes, documents: corpus.validation.documents }
  throw new DataError(`evaluate: ${folder} holds no held-out text; name text to measure on by --data`, { folder })
}

/**
 * Reads files as one text of ids, documents parted as in a corpus, each begun as the tokenizer's model expects it. Throws DataError for files that can't be read and characters that the vocabulary lacks.
 */
export async function encodeText(
  tokenizer: Tokenizer,
  paths: readonly string[],
  { field, signal, bos = tokenizer.addBos }: EncodeTextOptions = {},
): Promise<MeasuredText> {
  const end = tokenizer.eos ?? tokenizer.sep
  const ids = new IdBuffer(1 << 16)
  let [bytes, documents, begins] = [0, 0, true]
  for await (const { text, last } of readDocuments(paths, { field, signal }).segments) {
    if (begins && documents > 0 && end !== undefined) ids.push(end)
    tokenizer.encodeInto(text, ids, { parseSpecial: false, bos: begins && bos })
    bytes += Buffer.byteLength(text)
    documents += last ? 1 : 0
    begins = last
  }
  return { ids: tokensInMemory(ids.view()), bytes, documents }
}

const readAtOnce = 1 << 16

/**
 * The documents of a text of ids, decoded; special tokens are left out. Ends after `mostCharacters`. `onRead` hears of ids
 * read.
 */
export function* documentsOf(
  ids: TokenSource,
  tokenizer: Tokenizer,
  onRead: (done: number) => void = () => {},
  mostCharacters = Number.POSITIVE_INFINITY,
): Generator<string> {
  const decoder = tokenizer.streamDecoder({ skipSpecial: true })
  const chunk = new Int32Array(readAtOnce)
  let [pieces, characters]: [string[], number] = [[], 0]
  const take = () => {
    const text = pieces.join('') + decoder.flush()
    pieces = []
    return text
  }
  for (let start = 0; start < ids.tokens && characters < mostCharacters; start += readAtOnce) {
    const length = Math.min(readAtOnce, ids.tokens - start)
    ids.read(start, length, chunk)
    for (let i = 0; i < length; i++) {
      if (chunk[i] === tokenizer.eos) yield take()
      else pieces.push(decoder.push(chunk[i]!))
      characters += pieces.at(-1)?.length ?? 0
    }
    onRead(start + length)
  }
  yield take()
}

/**
 * Stretches of a text of so many ids each, as text, at even distances and without overlap; fewer or shorter where the
 * text is too short. Throws {@link DataError} where there is none.
 */
export function stretchesOf({ ids }: MeasuredText, tokenizer: Tokenizer, lengths: readonly number[]): string[] {
  if (ids.tokens === 0) throw new DataError('evaluate: there is no text to compare with; add some')
  const longest = Math.min(ids.tokens, Math.max(1, ...lengths))
  const count = Math.min(lengths.length, Math.floor(ids.tokens / longest))
  return Array.from({ length: count }, (_, i) => {
    const room = Math.floor(ids.tokens / count)
    const stretch = new Int32Array(Math.min(lengths[i]!, room))
    ids.read(i * room, stretch.length, stretch)
    return tokenizer.decode(stretch, { skipSpecial: true })
  })
}

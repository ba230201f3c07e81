import { type DocumentSegment, Segmenter } from '../../data/segments.ts'
import { DataError } from '../../errors.ts'
import type { SkippedFile } from '../../files/find-files.ts'
import { gunzipIfCompressed, readBytes } from '../../files/read-bytes.ts'
import { messagesOf } from '../chat/messages.ts'
import { readCsv } from './csv.ts'
import { defaultField, pairFieldsIn, pairOf, type TextPair, textOf } from './field.ts'
import { type JsonItem, readJson, readJsonLines } from './json-values.ts'
import { readParquet } from './parquet.ts'
import { findSourceFiles, type SourceFile } from './source-files.ts'
import { decodeUtf8, isText } from './utf8.ts'

/** How to read a corpus. */
export interface ReadDocumentsOptions {
  /** Dotted path of the text in rows of JSON, CSV and Parquet; default `text`. */
  readonly field?: string | undefined
  /** Whether each row is a pair, a text to read and one to write, which {@link pairOf} finds; default false. */
  readonly pairs?: boolean | undefined
  /** Whether each row is a conversation, which {@link messagesOf} finds; it comes as JSON; default false. */
  readonly chats?: boolean | undefined
  /** Where `-` reads from; default the process's standard input. As JSON lines when `field` is given, else as text. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  /** Most characters of one JSON line, JSON item or CSV row; default 64 Mi. */
  readonly longestRow?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears of bytes read from disk (before unpacking). */
  readonly onBytes?: ((source: string, count: number) => void) | undefined
}

/** What reading found; complete when the documents are at their end. */
export interface ReadReport {
  /** Files read, standard input included. */
  files: number
  /** Bytes on disk of all files that are to be read. */
  totalBytes: number
  readonly emptyFiles: string[]
  readonly skippedFiles: SkippedFile[]
}

/** Documents on their way, and a report that fills as they come. */
export interface DocumentReader {
  readonly report: ReadReport
  /** Pieces of documents in reading order; can be gone through once. */
  readonly segments: AsyncIterable<DocumentSegment>
}

/**
 * Reads the documents of files, folders, glob patterns and standard input (`-`): text (`.txt`, `.md` and any other
 * name whose content is UTF-8), JSON lines, JSON, CSV and TSV, Parquet, each also gzipped. A text file is one document,
 * a row of the others is one. Everything comes out as NFC with `\n` for `\r\n`, in pieces of at most 256 Ki characters,
 * so that no file need fit in memory. Nothing is read before the segments are asked for.
 *
 * Throws `DataError`, one line with file and place, for missing or unreadable files, text that is not UTF-8, rows
 * without the field, and sources that hold no document at all. Binary files in folders are skipped and reported.
 */
export function readDocuments(paths: readonly string[], options: ReadDocumentsOptions = {}): DocumentReader {
  const report: ReadReport = { files: 0, totalBytes: 0, emptyFiles: [], skippedFiles: [] }
  return { report, segments: readAll(paths, options, report) }
}

async function* readAll(paths: readonly string[], options: ReadDocumentsOptions, report: ReadReport) {
  const files = await findSourceFiles(paths, report.skippedFiles)
  report.totalBytes = files.reduce((sum, file) => sum + file.bytes, 0)
  let documents = 0
  for (const file of files) {
    const before = documents
    if (await isSkipped(file, report)) continue
    report.files += 1
    for await (const segment of readFile(file, options)) {
      options.signal?.throwIfAborted()
      if (segment.last) documents += 1
      yield segment
    }
    if (documents === before) report.emptyFiles.push(file.path)
  }
  if (documents === 0) throw noDocuments(paths, report)
}

async function isSkipped(file: SourceFile, report: ReadReport): Promise<boolean> {
  if (file.named || file.format !== 'unknown') return false
  if (await isText(readBytes(file.path, file.gzip))) return false
  report.skippedFiles.push({ path: file.path, reason: 'not UTF-8 text' })
  return true
}

function noDocuments(paths: readonly string[], { files, emptyFiles, skippedFiles }: ReadReport) {
  const counts = `${files} files read, ${emptyFiles.length} of them empty, ${skippedFiles.length} skipped`
  const remedy = 'name files or folders that hold text'
  return new DataError(`read ${paths.join(' ') || 'corpus'}: no document found (${counts}); ${remedy}`, {
    paths,
    emptyFiles,
    skippedFiles,
  })
}

async function* readFile(file: SourceFile, options: ReadDocumentsOptions): AsyncGenerator<DocumentSegment> {
  const rows = rowsOf(file, options)
  const wanted = options.pairs ? 'pairs' : options.chats ? 'conversations' : undefined
  if (wanted && (!rows || (options.chats && file.format === 'parquet'))) throw noRows(wanted, file.path)
  if (!rows) {
    yield* segmentsOf(textStream(file, options), file.path, 0)
    return
  }
  let index = 0
  for await (const { value, where } of rows) {
    if (options.pairs) yield* pairSegments(pairOf(value, options.field, where), file.path, index)
    else if (options.chats) yield* segmentsOf([JSON.stringify(messagesOf(value, where))], file.path, index, asItIs)
    else yield* textSegments(textOf(value, options.field, where), file.path, index)
    index += 1
  }
}

function textSegments(text: string, source: string, index: number) {
  return text === '' ? [] : segmentsOf([text], source, index)
}

/** Both texts of a pair as one document; none where one is empty. */
async function* pairSegments([source, target]: TextPair, name: string, index: number): AsyncGenerator<DocumentSegment> {
  if (source === '' || target === '') return
  for await (const segment of segmentsOf([source], name, index))
    yield segment.last ? { ...segment, last: false, endsPart: true } : segment
  yield* segmentsOf([target], name, index)
}

function noRows(wanted: string, path: string) {
  const forms = wanted === 'pairs' ? 'JSON lines, JSON, CSV, TSV or Parquet' : 'JSON lines, JSON, CSV or TSV'
  return new DataError(`read ${path}: wanted ${wanted} in rows of ${forms}; convert it`, { path })
}

function rowsOf(file: SourceFile, options: ReadDocumentsOptions): AsyncIterable<JsonItem> | undefined {
  const longest = options.longestRow ?? 1 << 26
  const asRows = options.field !== undefined || options.pairs || options.chats
  const format = file.path === '-' && asRows ? 'jsonl' : file.format
  const { field } = options
  const fieldsIn = (columns: readonly string[]) =>
    options.pairs ? pairFieldsIn(columns, field) : [field ?? defaultField]
  if (format === 'parquet') return readParquet(file.path, file.gzip, fieldsIn)
  if (format === 'jsonl') return readJsonLines(textStream(file, options), file.path, longest)
  if (format === 'json') return readJson(textStream(file, options), file.path, longest)
  if (format === 'csv') return readCsv(textStream(file, options), file.path, ',', longest)
  if (format === 'tsv') return readCsv(textStream(file, options), file.path, '\t', longest)
  return undefined
}

function textStream(file: SourceFile, { stdin, onBytes }: ReadDocumentsOptions): AsyncIterable<string> {
  const count = (bytes: number) => onBytes?.(file.path, bytes)
  if (file.path !== '-') return decodeUtf8(readBytes(file.path, file.gzip, count), file.path)
  const bytes = (stdin ?? process.stdin) as AsyncIterable<Uint8Array>
  return decodeUtf8(gunzipIfCompressed(bytes, '-'), 'standard input')
}

const normalForm = (text: string) => text.normalize('NFC')
/** JSON: its contents are in normal form, and a mark that follows an escape must not join its letter. */
const asItIs = (text: string) => text

/** Pieces of one document in normal form; none for an empty one. The last piece is held back until it is known. */
async function* segmentsOf(
  chunks: AsyncIterable<string> | readonly string[],
  source: string,
  index: number,
  form = normalForm,
) {
  const segmenter = new Segmenter()
  let held: string | undefined
  let carriageReturn = ''
  for await (const chunk of chunks) {
    const text = carriageReturn + chunk
    carriageReturn = text.endsWith('\r') ? '\r' : ''
    const whole = text.slice(0, text.length - carriageReturn.length)
    for (const piece of segmenter.push(whole.replaceAll('\r\n', '\n'))) {
      if (held !== undefined) yield { text: form(held), source, index, last: false }
      held = piece
    }
  }
  const rest = segmenter.push(carriageReturn).join('') + segmenter.finish()
  if (held !== undefined && rest !== '') yield { text: form(held), source, index, last: false }
  const last = rest === '' ? held : rest
  if (last !== undefined && last !== '') yield { text: form(last), source, index, last: true }
}

import { tmpdir } from 'node:os'
import { DocumentSpool } from '../../data/document-spool.ts'
import type { DocumentSegment } from '../../data/segments.ts'
import type { CorpusStatistics } from '../../data/shards.ts'
import type { ReadDocumentsOptions } from '../codec/read-documents.ts'
import { spoolDocuments } from './spool-documents.ts'

/** What a corpus would be made of. */
export interface CorpusDescription {
  readonly statistics: CorpusStatistics
  /** SHA-256 (hex) over the documents, before any split. */
  readonly documentsDigest: string
  /** The beginnings of the first documents. */
  readonly previews: readonly { readonly source: string; readonly index: number; readonly text: string }[]
}

const previewCharacters = 400

/**
 * Reads a corpus and tells its sizes, what is empty, skipped or there twice, and how its first documents begin.
 * Throws `DataError` as reading for training would.
 */
export async function describeCorpus(
  paths: readonly string[],
  options: ReadDocumentsOptions & { readonly previews?: number } = {},
): Promise<CorpusDescription> {
  const previews: { source: string; index: number; text: string }[] = []
  const preview = ({ source, index, text }: DocumentSegment) => {
    const latest = previews.at(-1)
    if (previews.length >= (options.previews ?? 3) || (latest?.source === source && latest.index === index)) return
    previews.push({ source, index, text: text.slice(0, previewCharacters).replace(/[\ud800-\udbff]$/, '') })
  }
  const spool = await DocumentSpool.create(tmpdir(), 0)
  try {
    const statistics = await spoolDocuments(spool, paths, options, undefined, preview)
    return { statistics, documentsDigest: spool.digest, previews }
  } finally {
    await spool.dispose()
  }
}

import { type DocumentSpool, partEnd } from '../../data/document-spool.ts'
import type { DocumentSegment } from '../../data/segments.ts'
import type { CorpusStatistics } from '../../data/shards.ts'
import { type ReadDocumentsOptions, readDocuments } from '../codec/read-documents.ts'

/**
 * Reads all documents into a spool and tells what was found. `report` hears of bytes read and their total, `observe`
 * of each piece. Throws `DataError` as {@link readDocuments} does.
 */
export async function spoolDocuments(
  spool: DocumentSpool,
  paths: readonly string[],
  options: ReadDocumentsOptions,
  report: (bytes: number, totalBytes: number) => void = () => {},
  observe: (segment: DocumentSegment) => void = () => {},
): Promise<CorpusStatistics> {
  let bytes = 0
  const onBytes = (_: string, count: number) => {
    bytes += count
    report(bytes, reader.report.totalBytes)
  }
  const reader = readDocuments(paths, { ...options, onBytes })
  for await (const segment of reader.segments) {
    await spool.add(segment.text, segment.last)
    if (segment.endsPart) await spool.add(partEnd, false)
    observe(segment)
  }
  const { files, emptyFiles, skippedFiles } = reader.report
  return {
    files,
    documents: spool.byteLengths.length,
    duplicates: spool.duplicates,
    bytes: spool.bytes,
    characters: spool.characters,
    emptyFiles,
    skippedFiles,
  }
}

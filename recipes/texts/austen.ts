import { readFile } from 'node:fs/promises'
import { inflateSync } from 'node:zlib'
import { debianFile } from './debian-package.ts'

/**
 * The paragraphs of each of Jane Austen's six novels (public domain; package r-cran-janeaustenr); chapters' headings are
 * paragraphs too.
 */
export async function readAusten(): Promise<string[][]> {
  const database = await readFile(debianFile('r-cran-janeaustenr', 'usr/lib/R/site-library/janeaustenr/data/Rdata.rdb'))
  return recordsIn(database)
    .map(linesIn)
    .filter((lines) => lines.length > 1000)
    .map((lines) =>
      lines
        .join('\n')
        .split(/\n{2,}/)
        .map(joined)
        .filter((paragraph) => paragraph !== ''),
    )
}

/** Records of R's lazy-load database: a size in four bytes, then what zlib made of it. */
function recordsIn(database: Buffer): Buffer[] {
  const records: Buffer[] = []
  for (let at = 0; at < database.length; ) {
    const { buffer, engine } = inflateSync(database.subarray(at + 4), { info: true }) as unknown as {
      readonly buffer: Buffer
      readonly engine: { readonly bytesWritten: number }
    }
    records.push(buffer)
    at += 4 + engine.bytesWritten
  }
  return records
}

/** The strings in an object as R serializes it: flags of four bytes, of which the last says 9, a length, bytes. */
function linesIn(record: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at + 8 <= record.length; ) {
    const length = record.readInt32BE(at + 4)
    const isString = record[at + 3] === 9 && record[at] === 0 && length >= 0 && at + 8 + length <= record.length
    if (isString) lines.push(record.toString('utf8', at + 8, at + 8 + length))
    at += isString ? 8 + length : 1
  }
  return lines
}

function joined(paragraph: string): string {
  return paragraph.replace(/\s+/g, ' ').trim()
}

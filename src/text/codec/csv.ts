import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { DataError } from '../../errors.ts'
import type { JsonItem } from './json-values.ts'

/**
 * Reads the rows of a table with a header line as objects, one at a time (RFC 4180: quoted cells may hold line ends).
 * Throws `DataError` with the line for a torn quote, a row of the wrong width, or one of more than `longest` characters.
 */
export async function* readCsv(
  text: AsyncIterable<string>,
  name: string,
  delimiter: ',' | '\t',
  longest: number,
): AsyncGenerator<JsonItem> {
  const parser = parse({ columns: true, delimiter, skip_empty_lines: true, max_record_size: longest })
  const input = Readable.from(text, { objectMode: true })
  input.on('error', (error) => parser.destroy(error))
  input.pipe(parser)
  try {
    let number = 0
    for await (const value of parser) yield { value, where: `${name} row ${++number}` }
  } catch (cause) {
    throw cause instanceof CsvError ? csvError(name, cause) : cause
  } finally {
    input.destroy()
  }
}

function csvError(name: string, cause: CsvError) {
  const reason = cause.message.replace(/\s+/g, ' ').slice(0, 160)
  return new DataError(`read ${name}: ${reason}; repair the table`, { path: name, code: cause.code }, { cause })
}

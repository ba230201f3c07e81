import { basename } from 'node:path'
import { z } from 'zod'
import { type ParquetHead, readParquetHead, readParquetRows } from '../../data/parquet-rows.ts'
import { DataError } from '../../errors.ts'
import { brokenEntry, type PictureCollection, type PictureEntry, type Side } from './picture-entry.ts'
import { factsOfRow } from './row-facts.ts'
import { sideOfFile } from './side-of.ts'

/** Columns that may hold pictures, the likeliest first. */
const pictureColumns = ['image', 'img', 'picture', 'photo']
const factColumns = ['text', 'caption', 'captions', 'label', 'class', 'group', 'subgroup', 'attributes']

/** Whether a file's name says that it is Parquet. */
export function isParquet(path: string): boolean {
  return path.toLowerCase().endsWith('.parquet')
}

/**
 * The pictures of a Parquet file as Hugging Face writes them: the column `image` (or `img`) holds the bytes of a picture
 * file, alone or as `{ bytes, path }`, beside `text` or `caption`, and `label`, whose names stand in the file's notes. A
 * file whose name begins with `test` or `validation` is held out. Throws `DataError` where there is no such column.
 */
export async function parquetCollection(path: string): Promise<PictureCollection> {
  const head = await readParquetHead(path)
  const column = pictureColumnOf(head, path)
  const classes = classNamesOf(head)
  return {
    pictures: head.rows,
    classes,
    entries: () => entriesOf(path, column, classes, sideOfFile(basename(path))),
  }
}

async function* entriesOf(
  path: string,
  column: string,
  classes: readonly string[],
  side: Side | undefined,
): AsyncGenerator<PictureEntry> {
  const columnsOf = ({ columns }: ParquetHead) => [column, ...factColumns.filter((name) => columns.includes(name))]
  let row = 0
  try {
    for await (const { value, where } of readParquetRows(path, columnsOf, { binary: true })) {
      row += 1
      const read = async () => {
        const content = { kind: 'file', bytes: bytesOf(value[column]) } as const
        return { content, facts: factsOfRow(value, where, classes) }
      }
      yield { source: `${path}#${row}`, side, read }
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    yield brokenEntry(`${path}#${row + 1}`, error)
  }
}

function pictureColumnOf({ columns }: ParquetHead, path: string): string {
  const column = pictureColumns.find((name) => columns.includes(name))
  if (column !== undefined) return column
  throw new DataError(`read ${path}: got columns ${columns.join(', ')}, wanted image with the bytes of pictures`, {
    path,
    columns,
  })
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value
  if (bytes instanceof Uint8Array) return bytes
  throw new DataError('no picture in this row: its bytes are missing')
}

const notesSchema = z.object({
  info: z.object({ features: z.record(z.string(), z.object({ names: z.array(z.string()).optional() }).loose()) }),
})

/** Names of the classes by their number, which Hugging Face notes beside the data. */
function classNamesOf({ notes }: ParquetHead): readonly string[] {
  const note = notes.get('huggingface')
  if (note === undefined) return []
  try {
    const { features } = notesSchema.parse(JSON.parse(note)).info
    return features.label?.names ?? features.class?.names ?? []
  } catch {
    return [] // a note of another kind: labels keep their numbers
  }
}

import { open, readFile } from 'node:fs/promises'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from './atomic-write.ts'
import { codeOf, type ErrorKind, fileError } from './file-error.ts'

/** A file of one JSON value a line, open at its end. */
export interface JsonLinesWriter {
  /** Adds one line; calls queue up in order. Throws `CheckpointError` when the disk is full, and from then on. */
  append(value: unknown): Promise<void>
  close(): Promise<void>
}

/**
 * Reads one JSON value a line; a missing file has none. A last line that a crash tore is left out;
 * a broken line elsewhere throws `Kind` with its number.
 */
export async function readJsonLines(path: string, Kind: ErrorKind = CheckpointError): Promise<unknown[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return ''
    throw fileError('read', path, cause, Kind)
  })
  return parseJsonLines(text, path, Kind)
}

/** {@link readJsonLines} on text that is already in memory. */
export function parseJsonLines(text: string, name: string, Kind: ErrorKind = CheckpointError): unknown[] {
  const lines = text.split('\n')
  const values: unknown[] = []
  lines.forEach((line, index) => {
    if (line.trim() === '') return
    try {
      values.push(JSON.parse(line))
    } catch (cause) {
      if (index === lines.length - 1) return
      const line = index + 1
      throw new Kind(`read ${name}: line ${line} is not JSON; remove or restore it`, { name, line }, { cause })
    }
  })
  return values
}

/**
 * Opens a file of JSON lines for appending, and first mends it: a torn last line goes, and so does
 * every value that `keep` refuses (a resumed run drops what lies after its checkpoint).
 */
export async function openJsonLines(path: string, keep: (value: unknown) => boolean = () => true) {
  const kept = (await readJsonLines(path)).filter(keep)
  await writeFileAtomic(path, kept.map(toLine).join(''), CheckpointError)
  const file = await open(path, 'a').catch((cause: unknown) => {
    throw fileError('open', path, cause, CheckpointError)
  })
  let last: Promise<unknown> = Promise.resolve()
  const writer: JsonLinesWriter = {
    async append(value) {
      last = last.then(() => file.appendFile(toLine(value)))
      await last.catch((cause: unknown) => {
        throw fileError('append to', path, cause, CheckpointError)
      })
    },
    async close() {
      await last.catch(() => undefined)
      await file.close()
    },
  }
  return writer
}

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

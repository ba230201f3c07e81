import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { writeFileAtomic } from './atomic-write.ts'
import { type ErrorKind, fileError } from './file-error.ts'
import { parseJson } from './parse-json.ts'

/**
 * Reads a UTF-8 JSON file and checks it against a zod schema. Throws `Kind` with one line that names
 * the file, the key, what it got and what it wanted.
 */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, Kind: ErrorKind = CheckpointError) {
  return parseJson(await readText(path, Kind), schema, path, Kind)
}

/** Writes a value as indented JSON, atomically. Throws `Kind` with one line and the remedy. */
export async function writeJsonFile(path: string, value: unknown, Kind: ErrorKind = CheckpointError): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`, Kind)
}

/** Reads a text file as strict UTF-8, without its byte-order mark. Throws `Kind`. */
export async function readText(path: string, Kind: ErrorKind = CheckpointError): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw fileError('read', path, cause, Kind)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Kind(`read ${path}: it is not UTF-8 text; is it the right file?`, { path }, { cause })
  }
}

import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import { ConfigError, DataError } from '../errors.ts'
import { portableModelFolder, resolveModelFolder } from '../files/gallery-folder.ts'
import { folderHolding } from '../models/adapter.ts'
import { familyOfFolder } from '../models/checkpoint.ts'
import { CopyGuard, guardedBytes, guardFile } from '../sample/copy-guard.ts'
import { corpusOf, documentsOf, encodeText } from './measured-text.ts'

/** What to guard, and how. */
export interface GuardTextOptions {
  /** Text that is not to be copied, instead of what the run learned from; needed where there is no run. */
  readonly data?: readonly string[]
  /** Field of JSON, CSV and Parquet that holds the text; `text` by default. */
  readonly field?: string
  readonly signal?: AbortSignal
  /** Hears of ids read, of both readings. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/** What {@link guardText} tells. */
export interface GuardResult {
  readonly path: string
  /** Bytes after which, the first of a word among them, a copy breaks off. */
  readonly guardedBytes: number
  /** Of the file's filter. */
  readonly bytes: number
}

/**
 * Writes the {@link CopyGuard} of what a run learned from, or of other text, into a model's folder, where it is heeded
 * whenever the model writes, but for forms and where `allowCopies` is set. Throws DataError where there is no text, CheckpointError for the folder, ConfigError for a model
 * that fills gaps or is of the package's gallery, and for a field of nothing; an abort throws its reason.
 */
export async function guardText(named: string, options: GuardTextOptions = {}): Promise<GuardResult> {
  const { data, field, signal, onProgress } = options
  if (field !== undefined && !data)
    throw new ConfigError('guard: a field is of files; name them by --data, or leave --field out')
  const folder = resolve(resolveModelFolder(named))
  if (portableModelFolder(folder) !== folder)
    throw new ConfigError(`guard: ${named} belongs to the package; copy the folder, and guard the copy`, { folder })
  if ((await familyOfFolder(folder)) === 'masked')
    throw new ConfigError(`guard: ${folder} fills gaps, which copies little; guard a model that writes on`, { folder })
  const tokenizer = await readTokenizer(await folderHolding(folder, 'tokenizer.json'))
  const corpus = data ? undefined : await corpusOf(folder)
  try {
    const ids = data ? (await encodeText(tokenizer, data, { field, signal })).ids : corpus?.train
    if (!ids)
      throw new DataError(`guard: ${folder} holds no text that it learned from; name what it may not copy by --data`, {
        folder,
      })
    let before = 0
    const texts = () => {
      const begun = before
      before += ids.tokens
      return documentsOf(ids, tokenizer, (done) => {
        signal?.throwIfAborted()
        onProgress?.({ done: begun + done, total: 2 * ids.tokens })
      })
    }
    const guard = CopyGuard.of(texts)
    if (guard.bytes === 0)
      throw new DataError(
        `guard: no text is longer than ${guardedBytes} bytes; there is nothing to keep from being copied`,
      )
    const path = join(folder, guardFile)
    await guard.write(path)
    return { path, guardedBytes, bytes: guard.bytes }
  } finally {
    corpus?.close()
  }
}

/** Copies the guard of a model's folder, where there is one, into that of a model made of it. */
export async function takeGuardAlong(from: string, to: string): Promise<void> {
  const path = join(await folderHolding(from, guardFile), guardFile)
  if (existsSync(path)) await copyFile(path, join(to, guardFile))
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, writeJsonFile } from '../../files/json-file.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

/**
 * The tokenizer of a run or of a Hugging Face folder: `tokenizer.json` and, if it is there, `tokenizer_config.json`.
 * Throws CheckpointError, in one line with the remedy, for files that are missing or corrupt.
 */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const configPath = join(folder, 'tokenizer_config.json')
  const json = await readJsonFile(join(folder, 'tokenizer.json'), z.unknown())
  return loadTokenizer(json, existsSync(configPath) ? await readJsonFile(configPath, z.unknown()) : {})
}

/** Writes `tokenizer.json` and `tokenizer_config.json`, each atomically, for a model of this context. */
export async function writeTokenizer(folder: string, tokenizer: Tokenizer, contextLength?: number): Promise<void> {
  await writeJsonFile(join(folder, 'tokenizer.json'), tokenizer.toJSON())
  await writeJsonFile(join(folder, 'tokenizer_config.json'), tokenizer.configJson(contextLength))
}

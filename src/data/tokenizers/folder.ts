import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, readText, writeJsonFile } from '../../files/json-file.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

/**
 * The tokenizer of a run or of a Hugging Face folder: `tokenizer.json` and, if they are there, `tokenizer_config.json` and
 * the chat template in a file of its own, `chat_template.jinja`.
 * Throws CheckpointError, in one line with the remedy, for files that are missing or corrupt.
 */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const configPath = join(folder, 'tokenizer_config.json')
  const json = await readJsonFile(join(folder, 'tokenizer.json'), z.unknown())
  const config = existsSync(configPath) ? await readJsonFile(configPath, z.looseObject({})) : {}
  const templatePath = join(folder, 'chat_template.jinja')
  const apart = existsSync(templatePath) ? { chat_template: await readText(templatePath) } : {}
  return loadTokenizer(json, { ...config, ...apart })
}

/** Writes `tokenizer.json` and `tokenizer_config.json`, each atomically, for a model of this context. */
export async function writeTokenizer(folder: string, tokenizer: Tokenizer, contextLength?: number): Promise<void> {
  await writeJsonFile(join(folder, 'tokenizer.json'), tokenizer.toJSON())
  await writeJsonFile(join(folder, 'tokenizer_config.json'), tokenizer.configJson(contextLength))
}

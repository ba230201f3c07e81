import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readTokenizer, writeTokenizer } from '../data/tokenizers/folder.ts'
import { CheckpointError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { writeJsonFile } from '../files/json-file.ts'
import type { FloatStorage } from '../files/safetensors.ts'
import { familyOfFolder, loadMaskedModel, loadModel, loadSequenceModel, saveModel } from '../models/checkpoint.ts'
import { denseWeights } from '../models/quantized-weights.ts'

const load = { causal: loadModel, masked: loadMaskedModel, sequenceToSequence: loadSequenceModel }

/**
 * Fills a folder in Hugging Face's form from a run's or another Hugging Face folder: `config.json`,
 * `model.safetensors`, what {@link writeSidecars} writes, and the model's copy guard. Throws CheckpointError as loading does.
 */
export async function writeHuggingFace(folder: string, out: string, float: FloatStorage): Promise<void> {
  const loaded = await load[await familyOfFolder(folder)](folder)
  const { architecture, metadata } = loaded
  await saveModel(out, architecture, denseWeights(loaded), { float, metadata })
  await writeSidecars(folder, out, architecture.config)
  await pass(folder, out, 'copy-guard.safetensors')
}

/** Files that pass as they are, where the model has them. */
const passing = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
] as const

/** Keys of `config.json` that `generation_config.json` repeats. */
const generationKeys = ['bos_token_id', 'eos_token_id', 'pad_token_id', 'decoder_start_token_id']

/** The tokenizer's files and `generation_config.json`: the model's own, else as `config` has it. */
export async function writeSidecars(
  folder: string,
  out: string,
  config: Readonly<Record<string, unknown>>,
): Promise<void> {
  const tokenizer = await readTokenizer(folder)
  const { max_position_embeddings: long, n_positions: short } = config
  const contextLength = [long, short].find((length) => typeof length === 'number')
  await writeTokenizer(out, tokenizer, contextLength)
  const known = generationKeys.filter((key) => typeof config[key] === 'number')
  const generation = Object.fromEntries(known.map((key) => [key, config[key]]))
  await writeJsonFile(join(out, 'generation_config.json'), generation)
  for (const name of passing) await pass(folder, out, name)
}

/** Copies a file, where it is there. */
async function pass(folder: string, out: string, name: string): Promise<void> {
  if (!existsSync(join(folder, name))) return
  await copyFile(join(folder, name), join(out, name)).catch((cause: unknown) => {
    throw fileError('copy', join(folder, name), cause, CheckpointError)
  })
}

import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { openSafetensors, writeSafetensors } from '../files/safetensors-file.ts'
import type { Scope } from '../nn/parameters.ts'
import { type Adapted, type Architectures, matricesOf, withAdapters } from './lora.ts'
import { adapterNames, type LoraConfig } from './low-rank.ts'
import type { Family } from './registry.ts'
import { readWeights, type Weights } from './weights.ts'

/*
 * Adapters in PEFT's form: `adapter_config.json` says how and of which model, `adapter_model.safetensors` holds A and
 * B of each module that is adapted.
 */

const none = z.union([z.null(), z.array(z.unknown()).length(0), z.strictObject({})]).optional()
const off = z.literal(false).nullish()

const schema = z.object({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().positive(),
  lora_alpha: z.number(),
  lora_dropout: z.number().min(0).max(1).default(0),
  use_rslora: z.boolean().default(false),
  bias: z.literal('none').default('none'),
  use_dora: off,
  lora_bias: off,
  modules_to_save: none,
  rank_pattern: none,
  alpha_pattern: none,
  trainable_token_indices: none,
})

/** What `adapter_config.json` says. */
export interface AdapterConfig {
  /** The folder of the model that is adapted. */
  readonly base: string
  readonly lora: Omit<LoraConfig, 'targets'>
}

const configPath = (folder: string) => join(folder, 'adapter_config.json')
const weightsPath = (folder: string) => join(folder, 'adapter_model.safetensors')

/** Whether a folder holds an adapter and no model of its own. */
export function isAdapter(folder: string): boolean {
  return existsSync(configPath(folder)) && !existsSync(join(folder, 'config.json'))
}

/** Where the files beside a folder's weights lie, such as its tokenizer's: there, or with an adapter's base. */
export async function folderHolding(folder: string, file: string): Promise<string> {
  return isAdapter(folder) && !existsSync(join(folder, file)) ? (await readAdapterConfig(folder)).base : folder
}

/**
 * Reads `adapter_config.json`. Throws {@link CheckpointError} for a file that is missing, corrupt or asks for more than
 * low-rank matrices, and where the base is not there, as named or beside the adapter.
 */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const config = await readJsonFile(configPath(folder), schema)
  const { base_model_name_or_path: named, r: rank, lora_alpha: alpha, lora_dropout: dropout, use_rslora: slow } = config
  const scale = alpha / (slow ? Math.sqrt(rank) : rank)
  const places = named ? (isAbsolute(named) ? [named] : [resolve(folder, named), resolve(named)]) : []
  const base = places.find((place) => existsSync(join(place, 'config.json')))
  if (base !== undefined) return { base, lora: { rank, scale, dropout } }
  throw new CheckpointError(
    `${configPath(folder)}: its base_model_name_or_path ${JSON.stringify(named ?? null)} is no model’s folder here; write there where it lies`,
    { folder, base: named },
  )
}

/**
 * The base with the adapters that a folder holds, and their weights. Throws {@link CheckpointError} for tensors that
 * are no adapters of the base's linear layers, missing, misshapen or not finite.
 */
export async function readAdapter<F extends Family>(
  folder: string,
  family: F,
  base: Architectures[F],
  lora: AdapterConfig['lora'],
): Promise<{
  readonly architecture: Architectures[F] & Adapted
  readonly weights: Weights
  readonly metadata: Readonly<Record<string, string>>
}> {
  const path = weightsPath(folder)
  const reader = await openSafetensors(path)
  try {
    const targets = [...matricesOf(family, base).keys()].filter((name) => reader.tensors.has(adapterNames(name).a))
    if (targets.length === 0)
      throw new CheckpointError(
        `${path}: it holds no adapter of a linear layer of ${folder}'s base; is it of another model?`,
      )
    const architecture = withAdapters(family, base, { ...lora, targets })
    const weights = await readWeights(architecture.adapters, reader, folder, nothing)
    return { architecture, weights, metadata: reader.metadata }
  } finally {
    await reader.close()
  }
}

/** The weights that {@link saveAdapter} wrote for the parameters of `scope`. Throws {@link CheckpointError} for others. */
export async function loadAdapterWeights(folder: string, scope: Scope): Promise<Weights> {
  const reader = await openSafetensors(weightsPath(folder))
  try {
    return await readWeights(scope, reader, folder, nothing)
  } finally {
    await reader.close()
  }
}

/** Matches no name. */
const nothing = /(?!)/

/**
 * Writes `adapter_config.json`, then `adapter_model.safetensors`, each atomically: what PEFT reads. `base` is the
 * folder of the model that is adapted.
 */
export async function saveAdapter(
  folder: string,
  { lora, peftTask }: Pick<Adapted, 'lora' | 'peftTask'>,
  weights: Parameters<typeof writeSafetensors>[1],
  options: { readonly base: string; readonly metadata?: Readonly<Record<string, string>> },
): Promise<void> {
  await writeJsonFile(configPath(folder), {
    peft_type: 'LORA',
    task_type: peftTask,
    base_model_name_or_path: resolve(options.base),
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.scale * lora.rank,
    lora_dropout: lora.dropout,
    target_modules: lora.targets.map((target) => target.replace(/\.weight$/, '')),
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
  })
  await writeSafetensors(weightsPath(folder), weights, { metadata: { format: 'pt', ...options.metadata } })
}

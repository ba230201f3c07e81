import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { openCheckpoint, writeSafetensors } from '../files/safetensors-file.ts'
import type { Scope } from '../nn/parameters.ts'
import type { CausalArchitecture } from './architecture.ts'
import type { MaskedArchitecture } from './masked-architecture.ts'
import { type ArchitectureRow, type Family, familyOf, type MaskedRow, rowOf, type SequenceRow } from './registry.ts'
import type { SequenceToSequenceArchitecture } from './sequence-architecture.ts'
import { readWeights, type Weights } from './weights.ts'

/** A model read from a Hugging Face folder. */
export interface LoadedModel<Row = ArchitectureRow, Architecture = CausalArchitecture> {
  readonly row: Row
  readonly architecture: Architecture
  readonly weights: Weights
  /** What `model.safetensors` says of itself. */
  readonly metadata: Readonly<Record<string, string>>
}

/** A model that fills gaps, from a folder. */
export type LoadedMaskedModel = LoadedModel<MaskedRow, MaskedArchitecture>

/** A model that reads one text and writes another, from a folder. */
export type LoadedSequenceModel = LoadedModel<SequenceRow, SequenceToSequenceArchitecture>

/**
 * Reads `config.json` and `model.safetensors` (or its shards) of a model that continues texts, converting 16-bit
 * weights to float32. Throws {@link CheckpointError}, in one line, for files that are missing, corrupt, of an
 * unsupported architecture or of another family, and for weights that {@link readWeights} refuses.
 */
export function loadModel(folder: string): Promise<LoadedModel> {
  return load(folder, (config, source) => rowOf('causal', config, source))
}

/** {@link loadModel} of a model that fills gaps. */
export function loadMaskedModel(folder: string): Promise<LoadedMaskedModel> {
  return load(folder, (config, source) => rowOf('masked', config, source))
}

/** {@link loadModel} of a model that reads one text and writes another. */
export function loadSequenceModel(folder: string): Promise<LoadedSequenceModel> {
  return load(folder, (config, source) => rowOf('sequenceToSequence', config, source))
}

/** The family of a folder's model, by its `config.json`. Throws {@link CheckpointError} where none is supported. */
export async function familyOfFolder(folder: string): Promise<Family> {
  const source = join(folder, 'config.json')
  return familyOf(await readJsonFile(source, z.unknown()), source)
}

async function load<Config, Architecture extends { readonly scope: Scope }>(
  folder: string,
  choose: (config: unknown, source: string) => ArchitectureRow<Config, Architecture>,
): Promise<LoadedModel<ArchitectureRow<Config, Architecture>, Architecture>> {
  const source = join(folder, 'config.json')
  const config = await readJsonFile(source, z.unknown())
  const row = choose(config, source)
  const architecture = row.build(row.read(config, source))
  const reader = await openCheckpoint(folder)
  try {
    const weights = await readWeights(architecture.scope, reader, folder, row.unneeded)
    return { row, architecture, weights, metadata: reader.metadata }
  } finally {
    await reader.close()
  }
}

/** Writes `config.json`, then `model.safetensors`, each atomically; `float` says how weights are stored. */
export async function saveModel(
  folder: string,
  architecture: Pick<CausalArchitecture, 'config'>,
  weights: Parameters<typeof writeSafetensors>[1],
  options: { readonly float?: 'F32' | 'F16' | 'BF16'; readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { float = 'F32', metadata = {} } = options
  const dtype = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[float]
  await writeJsonFile(join(folder, 'config.json'), { ...architecture.config, torch_dtype: dtype })
  const path = join(folder, 'model.safetensors')
  await writeSafetensors(path, weights, { float, metadata: { format: 'pt', ...metadata } })
}

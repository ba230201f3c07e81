import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { toFloat32 } from '../files/safetensors.ts'
import { openCheckpoint, type TensorReader, writeSafetensors } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { CausalArchitecture } from './architecture.ts'
import { type ArchitectureRow, architectureOf } from './registry.ts'

/** Weights by parameter name. */
export type Weights = Readonly<Record<string, HostTensor>>

/** Tensors of published checkpoints that hold no weights. */
const buffersByName = /(\.attn\.(bias|masked_bias)|rotary_emb\.inv_freq)$/

/** A model read from a Hugging Face folder. */
export interface LoadedModel {
  readonly row: ArchitectureRow
  readonly architecture: CausalArchitecture
  readonly weights: Weights
  /** What `model.safetensors` says of itself. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Reads `config.json` and `model.safetensors` (or its shards), converting 16-bit weights to float32.
 * Throws {@link CheckpointError}, in one line, for files that are missing, corrupt, of an unsupported
 * architecture, or whose shapes do not match the configuration.
 */
export async function loadModel(folder: string): Promise<LoadedModel> {
  const source = join(folder, 'config.json')
  const config = await readJsonFile(source, z.unknown())
  const row = architectureOf(config, source)
  const architecture = row.build(row.read(config, source))
  const reader = await openCheckpoint(folder)
  try {
    return { row, architecture, weights: await readWeights(architecture, reader, folder), metadata: reader.metadata }
  } finally {
    await reader.close()
  }
}

/** Writes `config.json`, then `model.safetensors`, each atomically; `float` says how weights are stored. */
export async function saveModel(
  folder: string,
  architecture: CausalArchitecture,
  weights: Parameters<typeof writeSafetensors>[1],
  options: { readonly float?: 'F32' | 'F16' | 'BF16'; readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { float = 'F32', metadata = {} } = options
  const dtype = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[float]
  await writeJsonFile(join(folder, 'config.json'), { ...architecture.config, torch_dtype: dtype })
  const path = join(folder, 'model.safetensors')
  await writeSafetensors(path, weights, { float, metadata: { format: 'pt', ...metadata } })
}

async function readWeights(architecture: CausalArchitecture, reader: TensorReader, folder: string): Promise<Weights> {
  const weights: Record<string, HostTensor> = {}
  const stored = storedNames(architecture, reader, folder)
  for (const { name, shape } of architecture.scope.parameters.values()) {
    const tensor = await reader.read(stored.get(name)!)
    if (tensor.shape.join() !== shape.join())
      throw new CheckpointError(
        `${folder}: ${name} is [${tensor.shape}], config.json wants [${shape}]; do the files belong together?`,
        { name },
      )
    weights[name] = { dtype: 'float32', shape, data: toFloat32(tensor) }
  }
  return weights
}

/** Parameter name → name in the file, which may lack the outermost prefix (`transformer.`, `model.`). */
function storedNames({ scope }: CausalArchitecture, { tensors }: TensorReader, folder: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const name of scope.parameters.keys()) {
    const bare = name.slice(name.indexOf('.') + 1)
    const found = [name, bare].find((candidate) => tensors.has(candidate))
    if (found === undefined)
      throw new CheckpointError(`${folder}: the weights lack ${name}; is the download complete?`, { name })
    names.set(name, found)
  }
  const known = new Set(names.values())
  const extra = [...tensors.keys()].filter((name) => !known.has(name) && !isRedundant(name))
  if (extra.length === 0) return names
  throw new CheckpointError(
    `${folder}: the weights hold ${extra.length} tensors that config.json does not ask for, such as ${extra[0]}; is it the right config.json?`,
    { extra },
  )
}

/** Tied models may store their output layer all the same. */
function isRedundant(name: string): boolean {
  return name === 'lm_head.weight' || buffersByName.test(name)
}

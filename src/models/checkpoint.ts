import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { openCheckpoint, writeSafetensors } from '../files/safetensors-file.ts'
import type { Scope } from '../nn/parameters.ts'
import { folderHolding, isAdapter, readAdapter, readAdapterConfig } from './adapter.ts'
import type { CausalArchitecture } from './architecture.ts'
import { partsOf, type QuantizedMatrices } from './block-quantization.ts'
import type { Architectures } from './lora.ts'
import type { MaskedArchitecture } from './masked-architecture.ts'
import { modelDigest } from './model-digest.ts'
import { isQuantized, type MixedWeights, mixedTensors, quantizationConfig, readQuantized } from './quantized-weights.ts'
import { type ArchitectureRow, type Family, familyOf, type MaskedRow, rowOf, type SequenceRow } from './registry.ts'
import type { SequenceToSequenceArchitecture } from './sequence-architecture.ts'
import { readAndLeaveWeights, type StoredWeights } from './stored-weights.ts'
import { readWeights, type Weights } from './weights.ts'

/** A model read from a Hugging Face folder. */
export interface LoadedModel<Row = ArchitectureRow, Architecture = CausalArchitecture> {
  readonly row: Row
  readonly architecture: Architecture
  /** Parameters, but for those in few bits. */
  readonly weights: Weights
  /** Parameters that were left in their files, where {@link LoadOptions.leave} asked for it; `weights` has the others. */
  readonly stored?: StoredWeights
  /** Matrices in few bits, of a folder that `atelier quantize` made; none in others. */
  readonly quantized: QuantizedMatrices
  /** What `model.safetensors` says of itself. */
  readonly metadata: Readonly<Record<string, string>>
}

/** A model that fills gaps, from a folder. */
export type LoadedMaskedModel = LoadedModel<MaskedRow, MaskedArchitecture>

/** A model that reads one text and writes another, from a folder. */
export type LoadedSequenceModel = LoadedModel<SequenceRow, SequenceToSequenceArchitecture>

/** How a model is read. */
export interface LoadOptions {
  /** Leaves large float32 weights in their files, checked, for an engine that maps them; all are read by default. */
  readonly leave?: boolean
}

/**
 * Reads `config.json` and `model.safetensors` (or its shards) of a model that continues texts, converting 16-bit
 * weights to float32. Throws {@link CheckpointError}, in one line, for files that are missing, corrupt, of an
 * unsupported architecture or of another family, and for weights that {@link readWeights} refuses. A folder with an
 * adapter in PEFT's form gives a {@link LoraModel}, its base's weights and its own.
 */
export function loadModel(folder: string, options: LoadOptions = {}): Promise<LoadedModel> {
  return loadWithAdapter('causal', folder, (config, source) => rowOf('causal', config, source), options)
}

/** {@link loadModel} of a model that fills gaps. */
export function loadMaskedModel(folder: string, options: LoadOptions = {}): Promise<LoadedMaskedModel> {
  return loadWithAdapter('masked', folder, (config, source) => rowOf('masked', config, source), options)
}

/** {@link loadModel} of a model that reads one text and writes another. */
export function loadSequenceModel(folder: string, options: LoadOptions = {}): Promise<LoadedSequenceModel> {
  const choose = (config: unknown, source: string) => rowOf('sequenceToSequence', config, source)
  return loadWithAdapter('sequenceToSequence', folder, choose, options)
}

const loaders = { causal: loadModel, masked: loadMaskedModel, sequenceToSequence: loadSequenceModel } as const

/** {@link loadModel} of a model of any family. */
export function loadAnyModel(
  family: Family,
  folder: string,
): Promise<LoadedModel | LoadedMaskedModel | LoadedSequenceModel> {
  return loaders[family](folder)
}

/** The family of a folder's model, by its or its base's `config.json`. Throws {@link CheckpointError} where none is supported. */
export async function familyOfFolder(folder: string): Promise<Family> {
  const source = join(await folderHolding(folder, 'config.json'), 'config.json')
  return familyOf(await readJsonFile(source, z.unknown()), source)
}

/** The model of a folder, or, where it holds an adapter, its base with that. */
async function loadWithAdapter<F extends Family, Config>(
  family: F,
  folder: string,
  choose: (config: unknown, source: string) => ArchitectureRow<Config, Architectures[F]>,
  options: LoadOptions,
): Promise<LoadedModel<ArchitectureRow<Config, Architectures[F]>, Architectures[F]>> {
  if (!isAdapter(folder)) return load(folder, choose, options)
  const { base, lora } = await readAdapterConfig(folder)
  const loaded = await load(base, choose, options)
  const { architecture, weights, metadata } = await readAdapter(folder, family, loaded.architecture, lora)
  await checkBase(folder, base, metadata.baseDigest)
  return { ...loaded, architecture, weights: { ...loaded.weights, ...weights }, metadata }
}

/** Throws {@link CheckpointError} where an adapter says of which model it is and its base is another by now. */
async function checkBase(folder: string, base: string, wanted: string | undefined): Promise<void> {
  if (wanted === undefined) return
  const found = await modelDigest(base)
  if (found === wanted) return
  throw new CheckpointError(
    `${folder}: it adapts model ${wanted.slice(0, 16)}…, but ${base} is ${found.slice(0, 16)}… by now; put the first one back there, or train another adapter`,
    { folder, base, found, wanted },
  )
}

async function load<Config, Architecture extends { readonly scope: Scope }>(
  folder: string,
  choose: (config: unknown, source: string) => ArchitectureRow<Config, Architecture>,
  { leave = false }: LoadOptions,
): Promise<LoadedModel<ArchitectureRow<Config, Architecture>, Architecture>> {
  const source = join(folder, 'config.json')
  const config = await readJsonFile(source, z.unknown())
  const row = choose(config, source)
  const architecture = row.build(row.read(config, source))
  const reader = await openCheckpoint(folder)
  try {
    const all = architecture.scope.parameters
    const quantized = isQuantized(config) ? await readQuantized(all.values(), reader, folder) : {}
    const parts = new Set(Object.keys(partsOf(quantized)))
    const rest = { parameters: new Map([...all].filter(([name]) => !(name in quantized))) }
    const others = { ...reader, tensors: new Map([...reader.tensors].filter(([name]) => !parts.has(name))) }
    const read = leave
      ? await readAndLeaveWeights(rest, others, folder, row.unneeded)
      : { weights: await readWeights(rest, others, folder, row.unneeded) }
    return { row, architecture, ...read, quantized, metadata: reader.metadata }
  } finally {
    await reader.close()
  }
}

/** Matches no name. */
const nothing = /(?!)/

/** The weights that {@link saveModel} wrote for the parameters of `scope`. Throws {@link CheckpointError} for others. */
export async function loadWeights(folder: string, scope: Scope): Promise<Weights> {
  const reader = await openCheckpoint(folder)
  try {
    return await readWeights(scope, reader, folder, nothing)
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

/** {@link saveModel} of a model with matrices in few bits: those of its layers in `bits`. */
export async function saveQuantized(
  folder: string,
  { config }: Pick<CausalArchitecture, 'config'>,
  weights: MixedWeights,
  options: { readonly bits: 4 | 8; readonly metadata?: Readonly<Record<string, string>> },
): Promise<void> {
  const said = { ...config, quantization_config: quantizationConfig(options.bits) }
  await writeJsonFile(join(folder, 'config.json'), said)
  await writeSafetensors(join(folder, 'model.safetensors'), mixedTensors(weights), { metadata: options.metadata ?? {} })
}

import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { checkValue } from '../files/parse-json.ts'
import { toFloat32 } from '../files/safetensors.ts'
import { openCheckpoint, type TensorReader, writeSafetensors } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { Scope } from '../nn/parameters.ts'
import type { Gan, GanConfig } from './gan.ts'
import { type GanRow, ganArchitectures, ganNamed } from './gan-registry.ts'
import { checkFinite } from './weights.ts'

const size = z
  .number()
  .int()
  .min(1)
  .max(1 << 24)

const conditioning = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('class'), nClasses: size }),
  z.object({ kind: z.literal('text'), vocabSize: size, maxTokens: size }),
])

const configSchema = z.object({
  model_type: z.string(),
  imageSize: size.max(4096),
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  patch: size.max(16).default(1),
  latentSize: size,
  generatorWidth: size,
  discriminatorWidth: size,
  maxWidth: size,
  blocks: size.max(64),
  conditionWidth: size,
  textLayers: z.number().int().min(0).max(256),
  conditioning,
  /** Names of the classes, in the order of their indices; empty where there are none. */
  classes: z.array(z.string()).default([]),
})

/** What `config.json` of an image model holds: the settings of the pair, its architecture, the names of its classes. */
export type GanFile = z.infer<typeof configSchema>

/** A pair of networks read from a folder. */
export interface LoadedGan {
  readonly row: GanRow
  readonly gan: Gan
  /** Names of the classes by index; empty where pictures are not asked for by class. */
  readonly classes: readonly string[]
  /** The generator's weights by parameter name, float32: the moving average of training. */
  readonly generator: Readonly<Record<string, HostTensor>>
  /** The discriminator's; absent where the folder holds the generator alone. */
  readonly discriminator?: Readonly<Record<string, HostTensor>>
  /** What `model.safetensors` says of itself. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Whether a parsed `config.json` is that of an image model: its `model_type` is a row of {@link ganArchitectures}.
 */
export function isGanConfig(json: unknown): boolean {
  const { model_type: type } = (json ?? {}) as { model_type?: unknown }
  return ganArchitectures.some(({ name }) => name === type)
}

/** Reads `config.json` of an image model. Throws {@link CheckpointError} for what is missing, corrupt or unknown. */
export async function readGanConfig(folder: string): Promise<{ row: GanRow; config: GanConfig; classes: string[] }> {
  const source = join(folder, 'config.json')
  const json = await readJsonFile(source, z.unknown())
  if (!isGanConfig(json)) {
    const known = ganArchitectures.map(({ name }) => name).join(', ')
    const { model_type: found } = (json ?? {}) as { model_type?: unknown }
    throw new CheckpointError(
      `${source}: model_type is ${JSON.stringify(found)}, wanted ${known}; a model that writes is for atelier generate text`,
      { type: found },
    )
  }
  const { model_type: type, classes, ...config } = checkValue(json, configSchema, source, CheckpointError)
  const { conditioning: condition } = config
  if (condition.kind === 'class' && classes.length !== condition.nClasses)
    throw new CheckpointError(`${source}: it names ${classes.length} classes, nClasses is ${condition.nClasses}`)
  return { row: ganNamed(type), config, classes }
}

/**
 * Reads `config.json` and `model.safetensors`, converting 16-bit weights to float32. Throws {@link CheckpointError}, in
 * one line, for files that are missing, corrupt, of an unknown architecture, or whose shapes do not match.
 */
export async function loadGan(folder: string, options: { readonly discriminator?: boolean } = {}): Promise<LoadedGan> {
  const { row, config, classes } = await readGanConfig(folder)
  const gan = row.build(config)
  const reader = await openCheckpoint(folder)
  try {
    const generator = await readWeights(gan.generator, 'generator', reader, folder)
    const { metadata } = reader
    const wanted = options.discriminator && [...reader.tensors.keys()].some((name) => name.startsWith('discriminator.'))
    if (!wanted) return { row, gan, classes, generator, metadata }
    const discriminator = await readWeights(gan.discriminator, 'discriminator', reader, folder)
    return { row, gan, classes, generator, discriminator, metadata }
  } finally {
    await reader.close()
  }
}

/** What {@link saveGan} writes. */
export interface SavedGan {
  /** The architecture's row's name. */
  readonly modelType: string
  readonly config: GanConfig
  readonly classes?: readonly string[]
  /** By parameter name; the generator's alone, or both players'. */
  readonly weights: Parameters<typeof writeSafetensors>[1]
  readonly metadata?: Readonly<Record<string, string>>
  /** How weights are stored, F32 by default. */
  readonly float?: 'F32' | 'F16' | 'BF16'
}

/** Writes `config.json`, then `model.safetensors`, each atomically. Throws {@link CheckpointError}. */
export async function saveGan(folder: string, saved: SavedGan): Promise<void> {
  const { modelType, config, classes = [], weights, metadata = {}, float = 'F32' } = saved
  const file: GanFile = { model_type: modelType, ...config, classes: [...classes] }
  await writeJsonFile(join(folder, 'config.json'), file)
  await writeSafetensors(join(folder, 'model.safetensors'), weights, { float, metadata: { format: 'pt', ...metadata } })
}

async function readWeights(scope: Scope, player: string, reader: TensorReader, folder: string) {
  const weights: Record<string, HostTensor> = {}
  for (const { name, shape } of scope.parameters.values()) {
    if (!name.startsWith(`${player}.`)) continue
    if (!reader.tensors.has(name))
      throw new CheckpointError(`${folder}: the weights lack ${name}; do the files belong together?`, { name })
    const tensor = await reader.read(name)
    if (tensor.shape.join() !== shape.join())
      throw new CheckpointError(
        `${folder}: ${name} is [${tensor.shape}], config.json wants [${shape}]; do the files belong together?`,
        { name },
      )
    const data = toFloat32(tensor)
    checkFinite(data, name, folder)
    weights[name] = { dtype: 'float32', shape, data }
  }
  return weights
}

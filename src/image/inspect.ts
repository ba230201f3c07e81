import { z } from 'zod'
import { filesIn } from '../files/files-in.ts'
import { openCheckpoint } from '../files/safetensors-file.ts'
import { sizeOf } from '../graph/dtype.ts'
import type { GanConfig } from '../models/gan.ts'
import { readGanConfig } from '../models/gan-checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { Scope } from '../nn/parameters.ts'
import { pictureBatch } from '../sample/picture-sampler.ts'
import { hasCheckpoint, progressFields, readProgress } from '../train/checkpoint.ts'
import { readRunRecord, runExists, runRecordFields } from '../train/run-record.ts'

const recordSchema = z.object({ ...runRecordFields, craft: z.literal('image'), budget: z.unknown().optional() })
const progressSchema = z.object(progressFields)

/** Where an image run comes from. */
export interface ImageLineage extends Omit<z.infer<typeof recordSchema>, 'format' | 'craft' | 'version' | 'corpus'> {
  /** Version of Atelier that began it. */
  readonly atelier: string
  /** Rounds done; absent before the first checkpoint. */
  readonly steps?: number
  readonly seconds?: number
}

/** Bytes that a pair of networks takes. */
export interface ImageMemory {
  /** The generator's weights in each precision. */
  readonly generator: Readonly<Record<'float32' | 'float16', number>>
  /** A batch of pictures as they are painted, float32. */
  readonly batch: number
  /** Both players, two moments each, and the generator's moving average, float32: what a checkpoint holds. */
  readonly trainingState: number
}

/** What {@link inspectImageModel} finds. */
export interface ImageInspection {
  readonly folder: string
  readonly architecture: { readonly name: string; readonly title: string }
  readonly config: GanConfig
  readonly classes: readonly string[]
  /** Numbers of parameters; `kept` says whether the folder holds the discriminator's too. */
  readonly parameters: { readonly generator: number; readonly discriminator: number; readonly kept: boolean }
  readonly memory: ImageMemory
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** SHA-256 of configuration, tokenizer and weights: what artifacts name the model by. */
  readonly digest: string
  /** Of runs only. */
  readonly lineage?: ImageLineage
}

/**
 * Tells what an image run or a folder of the gallery holds, from its files alone: no weights are loaded. Throws
 * CheckpointError for files that are missing, corrupt or of an unknown architecture.
 */
export async function inspectImageModel(folder: string): Promise<ImageInspection> {
  const { row, config, classes } = await readGanConfig(folder)
  const gan = row.build(config)
  const reader = await openCheckpoint(folder)
  await reader.close()
  const kept = [...reader.tensors.keys()].some((name) => name.startsWith('discriminator.'))
  const generator = count(gan.generator, 'generator.')
  const discriminator = count(gan.discriminator, 'discriminator.')
  return {
    folder,
    architecture: { name: row.name, title: row.title },
    config,
    classes,
    parameters: { generator, discriminator, kept },
    memory: {
      generator: { float32: 4 * generator, float16: 2 * generator },
      batch: 4 * pictureBatch(config.imageSize) * config.channels * config.imageSize ** 2,
      trainingState: 4 * (4 * generator + 3 * discriminator),
    },
    files: await filesIn(folder),
    digest: await modelDigest(folder),
    ...((await runExists(folder)) ? { lineage: await lineageOf(folder) } : {}),
  }
}

function count({ parameters }: Scope, prefix: string): number {
  const own = [...parameters.values()].filter(({ name }) => name.startsWith(prefix))
  return own.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}

async function lineageOf(folder: string): Promise<ImageLineage> {
  const record = await readRunRecord(folder, 'image', recordSchema)
  const { format: _, craft: __, corpus: ___, version: atelier, ...rest } = record
  const lineage = { ...rest, atelier }
  if (!hasCheckpoint(folder)) return lineage
  const { step, elapsedMs } = await readProgress(folder, progressSchema)
  return { ...lineage, steps: step, seconds: elapsedMs / 1000 }
}

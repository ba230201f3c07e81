import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { recoverFolder, writeFolderAtomic } from '../files/atomic-write.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { openSafetensors, writeSafetensors } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { DeviceBuffer } from '../runtime/engine.ts'

const count = z.number().int().nonnegative()

/** What `last/progress.json` says whatever is trained; each loop extends it by what it goes on with. */
export const progressFields = {
  step: count,
  elapsedMs: z.number().nonnegative(),
  plans: z.array(z.object({ step: count, total: count })),
}

const progressSchema = z.object({
  ...progressFields,
  tokensSeen: count,
  best: z.object({ step: count, validationLoss: z.number() }).optional(),
})

/** Where a run stands: what a checkpoint holds besides tensors. */
export type Progress = z.infer<typeof progressSchema>

/** What can be saved and gone on with: a trainer of any kind. */
export interface Resumable {
  /** Names of all that a checkpoint must hold. */
  readonly stateNames: readonly string[]
  buffer(name: string): DeviceBuffer
  /** Puts values in place of the state; `step` updates made them. */
  load(step: number, read: (name: string) => Promise<HostTensor>): Promise<void>
}

const folderOf = (run: string) => join(run, 'last')

/** Where a checkpoint may stand, for who only reads: while it is replaced it is called `last.previous` for an instant. */
const standing = ['last', 'last.previous', 'last'].map((name) => join(name, 'progress.json'))

/** Saves all state of a trainer to `RUN/last`, whole or not at all. Throws {@link CheckpointError}. */
export async function saveCheckpoint<P extends { readonly step: number }>(
  run: string,
  trainer: Resumable,
  progress: P,
): Promise<void> {
  const tensors = Object.fromEntries(trainer.stateNames.map((name) => [name, lazily(trainer, name)]))
  await writeFolderAtomic(
    folderOf(run),
    async (folder) => {
      await writeSafetensors(join(folder, 'state.safetensors'), tensors)
      await writeJsonFile(join(folder, 'progress.json'), progress)
    },
    CheckpointError,
  )
}

function lazily(trainer: Resumable, name: string) {
  const buffer = trainer.buffer(name)
  return { dtype: buffer.dtype, shape: buffer.shape, read: async () => buffer.host ?? (await buffer.read()) }
}

/** Whether `RUN` holds a checkpoint to resume from. Changes nothing: the run may be in training. */
export function hasCheckpoint(run: string): boolean {
  return standing.some((path) => existsSync(join(run, path)))
}

/** Where the last checkpoint stands; changes nothing. Throws {@link CheckpointError} for a file that is missing or corrupt. */
export async function readProgress(run: string): Promise<Progress>
export async function readProgress<P>(run: string, schema: z.ZodType<P>): Promise<P>
export async function readProgress(run: string, schema: z.ZodType = progressSchema): Promise<unknown> {
  let failure: unknown
  for (const path of standing) {
    try {
      return await readJsonFile(join(run, path), schema)
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

/** Puts a trainer where `RUN/last` left off. Throws {@link CheckpointError} for files that are missing, corrupt or of another model. */
export async function loadCheckpoint(run: string, trainer: Resumable): Promise<Progress>
export async function loadCheckpoint<P extends { readonly step: number }>(
  run: string,
  trainer: Resumable,
  schema: z.ZodType<P>,
): Promise<P>
export async function loadCheckpoint(
  run: string,
  trainer: Resumable,
  schema: z.ZodType<{ readonly step: number }> = progressSchema,
): Promise<{ readonly step: number }> {
  await recoverFolder(folderOf(run))
  const progress = await readProgress(run, schema)
  const path = join(folderOf(run), 'state.safetensors')
  const reader = await openSafetensors(path)
  try {
    await trainer.load(progress.step, async (name) => {
      const tensor = await reader.read(name)
      const { dtype, shape } = trainer.buffer(name)
      if (tensor.shape.join() === shape.join() && tensor.dtype === dtype) return tensor
      throw new CheckpointError(
        `${path}: ${name} is ${tensor.dtype} [${tensor.shape}], the run's settings want ${dtype} [${shape}]; restore run.json`,
        { name },
      )
    })
  } finally {
    await reader.close()
  }
  return progress
}

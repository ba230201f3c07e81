import { existsSync } from 'node:fs'
import { readTokenizer, writeTokenizer } from '../data/tokenizers/folder.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { writeFolderAtomic } from '../files/atomic-write.ts'
import { folderHolding } from '../models/adapter.ts'
import { familyOfFolder, loadAnyModel, saveModel } from '../models/checkpoint.ts'
import { asAdapted, mergedWeights } from '../models/lora.ts'
import { denseWeights } from '../models/quantized-weights.ts'
import { takeGuardAlong } from './guard-text.ts'

/** What {@link mergeText} tells. */
export interface MergeResult {
  readonly out: string
  readonly architecture: string
  readonly rank: number
  /** Matrices that the adapter changed. */
  readonly matrices: number
}

/**
 * Makes one model of an adapter in PEFT's form and its base, W + s · B · A in 32 bits, in a folder of its own. Throws
 * CheckpointError for the folders, ConfigError where there is no adapter or `out` is there already.
 */
export async function mergeText(folder: string, { out }: { readonly out: string }): Promise<MergeResult> {
  if (existsSync(out)) throw new ConfigError(`merge: ${out} is there already; choose another --out`, { out })
  const loaded = await loadAnyModel(await familyOfFolder(folder), folder)
  const { architecture, row, metadata } = loaded
  const adapted = asAdapted(architecture)
  if (!adapted) throw new ConfigError(`merge: ${folder} is a whole model; name the folder of an adapter`, { folder })
  const tokenizer = await readTokenizer(await folderHolding(folder, 'tokenizer.json'))
  const weights = mergedWeights(adapted, denseWeights(loaded))
  await writeFolderAtomic(
    out,
    async (temporary) => {
      await writeTokenizer(temporary, tokenizer, architecture.dimensions.contextLength)
      await saveModel(temporary, architecture, weights, { metadata })
      await takeGuardAlong(folder, temporary)
    },
    CheckpointError,
  )
  const { rank, targets } = adapted.lora
  return { out, architecture: row.name, rank, matrices: targets.length }
}

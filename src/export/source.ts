import { readTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'
import { CheckpointError } from '../errors.ts'
import { isAdapter } from '../models/adapter.ts'
import type { CausalConfig } from '../models/architecture.ts'
import { type LoadedModel, loadModel } from '../models/checkpoint.ts'
import { denseWeights } from '../models/quantized-weights.ts'
import type { Weights } from '../models/weights.ts'

/** A decoder that is to be exported, with all that belongs to it. */
export interface CausalSource extends LoadedModel {
  readonly folder: string
  readonly settings: CausalConfig
  /** All of them, in 32 bits. */
  readonly weights: Weights
  readonly tokenizer: Tokenizer
}

/** Reads a run's or a Hugging Face folder's decoder. Throws CheckpointError for what is missing, corrupt or of another family. */
export async function readCausalSource(folder: string): Promise<CausalSource> {
  if (isAdapter(folder))
    throw new CheckpointError(`export: ${folder} is an adapter; make one model of it and its base: atelier merge`)
  const tokenizer = await readTokenizer(folder)
  const loaded = await loadModel(folder)
  const { vocabSize } = loaded.architecture.dimensions
  if (tokenizer.vocabSize > vocabSize)
    throw new CheckpointError(
      `export: the tokenizer of ${folder} has ${tokenizer.vocabSize} tokens, the model ${vocabSize}; do the files belong together?`,
    )
  const weights = denseWeights(loaded)
  return { ...loaded, weights, folder, tokenizer, settings: loaded.row.read(loaded.architecture.config, folder) }
}

import { join } from 'node:path'
import { z } from 'zod'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import { filesIn } from '../files/files-in.ts'
import { readJsonFile } from '../files/json-file.ts'
import { openCheckpoint } from '../files/safetensors-file.ts'
import { sizeOf } from '../graph/dtype.ts'
import { type CausalArchitecture, type CausalConfig, isInLayer } from '../models/architecture.ts'
import { modelDigest } from '../models/model-digest.ts'
import { architectureOf } from '../models/registry.ts'
import { hasCheckpoint, type Progress, readProgress } from '../train/checkpoint.ts'
import type { Plan } from '../train/pace.ts'
import { runExists } from '../train/run-record.ts'
import { type RunRecord, readRun } from './run.ts'
import { resolveTextSettings } from './settings.ts'
import { optimizerOf } from './text-run.ts'

/** Numbers of parameters. A table that serves as output layer too is counted once, as an embedding. */
export interface ParameterCounts {
  readonly total: number
  /** Tables of tokens and, where they are learned, of positions. */
  readonly embedding: number
  readonly perLayer: number
  /** Of the matrix that gives logits, `dModel · vocabSize`, shared with an embedding or not. */
  readonly output: number
}

/** Bytes that a model takes. */
export interface MemoryNeeds {
  /** All parameters in each precision; 8 and 4 bits with a scale in 16 bits for each block of 32. */
  readonly weights: Readonly<Record<'float32' | 'float16' | 'bits8' | 'bits4', number>>
  /** Keys and values of one token of one sequence, float32: `2 · nLayers · nKvHeads · dHead · 4`. */
  readonly cachePerToken: number
  readonly cacheAtFullContext: number
  /** Weights, optimizer state and moving average in training, float32: what a checkpoint holds; AdamW's without a run. */
  readonly trainingState: number
}

/** Where a run comes from. */
export interface Lineage
  extends Pick<RunRecord, 'created' | 'preset' | 'sources' | 'licence' | 'dataDigest' | 'tokenizerDigest' | 'seed'>,
    Pick<RunRecord, 'budget' | 'settings' | 'engine'> {
  /** Version of Atelier that began it. */
  readonly atelier: string
  /** Updates done, those after the best included; absent before the first checkpoint. */
  readonly steps?: number
  readonly tokensSeen?: number
  readonly seconds?: number
  /** The schedule that was realised: from which step on how many in all were expected. */
  readonly plans?: readonly Plan[]
  /** The step of the weights that were kept, and their loss on what evaluations read of the held-out text. */
  readonly best?: { readonly step: number; readonly validationLoss: number }
}

/** What {@link inspectModel} finds. */
export interface ModelInspection {
  readonly folder: string
  readonly architecture: { readonly name: string; readonly title: string }
  readonly dimensions: CausalConfig & { readonly dHead: number }
  readonly parameters: ParameterCounts
  /** Floating-point operations a token at full context: see {@link flopsPerToken}. */
  readonly flopsPerToken: { readonly forward: number; readonly training: number }
  readonly memory: MemoryNeeds
  readonly tokenizer: { readonly kind: string; readonly vocabulary: number }
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** SHA-256 of configuration, tokenizer and weights: what artifacts name the model by. */
  readonly digest: string
  /** Of runs only. */
  readonly lineage?: Lineage
}

/**
 * Tells what a run or a Hugging Face folder holds, from its files alone: no weights are loaded.
 * Throws CheckpointError for files that are missing, corrupt or of an unsupported architecture.
 */
export async function inspectModel(folder: string): Promise<ModelInspection> {
  const source = join(folder, 'config.json')
  const json = await readJsonFile(source, z.unknown())
  const row = architectureOf(json, source)
  const config = row.read(json, source)
  const architecture = row.build(config)
  const tokenizer = await readTokenizer(folder)
  const reader = await openCheckpoint(folder)
  await reader.close()
  const record = (await runExists(folder)) ? await readRun(folder) : undefined
  const parameters = countOf(architecture)
  return {
    folder,
    architecture: { name: row.name, title: row.title },
    dimensions: { ...config, dHead: architecture.dimensions.dHead },
    parameters,
    flopsPerToken: flopsPerToken(architecture, parameters),
    memory: memoryOf(architecture, parameters, record),
    tokenizer: { kind: tokenizer.kind, vocabulary: tokenizer.vocabSize },
    files: await filesIn(folder),
    digest: await modelDigest(folder),
    ...(record ? { lineage: await lineageOf(folder, record, reader.metadata) } : {}),
  }
}

function countOf({ scope, dimensions }: CausalArchitecture): ParameterCounts {
  const all = [...scope.parameters.values()]
  const count = (parameters: typeof all) => parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  const tables = all.filter(({ name, shape }) => !isInLayer(name) && shape.length === 2 && name !== 'lm_head.weight')
  return {
    total: count(all),
    embedding: count(tables),
    perLayer: count(all.filter(({ name }) => isInLayer(name))) / dimensions.nLayers,
    output: dimensions.vocabSize * dimensions.dModel,
  }
}

/**
 * forward = 2 · (nLayers · perLayer + output) + 2 · nLayers · contextLength · nHeads · dHead; training = 3 · forward.
 *
 * Each weight that multiplies costs a multiplication and an addition a token; attention's two products cost
 * 4 · nHeads · dHead operations for each position seen, of which there are contextLength / 2 on average
 * (Kaplan et al. 2020, section 2.1, which leaves the output layer out); the backward pass costs twice the forward.
 */
export function flopsPerToken(
  { dimensions }: CausalArchitecture,
  { perLayer, output }: Pick<ParameterCounts, 'perLayer' | 'output'>,
): { forward: number; training: number } {
  const { nLayers, contextLength, nHeads, dHead } = dimensions
  const forward = 2 * (nLayers * perLayer + output) + 2 * nLayers * contextLength * nHeads * dHead
  return { forward, training: 3 * forward }
}

function memoryOf(architecture: CausalArchitecture, { total }: ParameterCounts, record?: RunRecord): MemoryNeeds {
  const { nLayers, nKvHeads, dHead, contextLength } = architecture.dimensions
  const cachePerToken = 2 * nLayers * nKvHeads * dHead * 4
  return {
    weights: { float32: 4 * total, float16: 2 * total, bits8: (1 + 1 / 16) * total, bits4: (1 / 2 + 1 / 16) * total },
    cachePerToken,
    cacheAtFullContext: cachePerToken * contextLength,
    trainingState: trainingStateOf(architecture, record),
  }
}

const adamWSlots = ['moment1', 'moment2']

function trainingStateOf({ scope }: CausalArchitecture, record?: RunRecord): number {
  const settings = record && resolveTextSettings(record.preset, record.settings)
  const slotsOf = settings ? optimizerOf(settings).slots : () => adamWSlots
  const copies = 1 + ((settings?.emaDecay ?? 0) > 0 ? 1 : 0)
  return [...scope.parameters.values()].reduce(
    (sum, parameter) => sum + 4 * sizeOf(parameter.shape) * (copies + slotsOf(parameter).length),
    0,
  )
}

async function lineageOf(
  folder: string,
  record: RunRecord,
  metadata: Readonly<Record<string, string>>,
): Promise<Lineage> {
  const { created, version: atelier, preset, sources, licence, dataDigest, tokenizerDigest, seed } = record
  const progress = (await hasCheckpoint(folder)) ? await readProgress(folder) : undefined
  const best = { step: Number(metadata.step), validationLoss: Number(metadata.validationLoss) }
  return {
    created,
    atelier,
    preset,
    sources,
    ...(licence === undefined ? {} : { licence }),
    dataDigest,
    tokenizerDigest,
    seed,
    budget: record.budget,
    settings: record.settings,
    engine: record.engine,
    ...(progress ? realised(progress) : {}),
    ...(Number.isInteger(best.step) && Number.isFinite(best.validationLoss) ? { best } : {}),
  }
}

function realised({ step, tokensSeen, elapsedMs, plans }: Progress) {
  return { steps: step, tokensSeen, seconds: elapsedMs / 1000, plans }
}

import { join } from 'node:path'
import { z } from 'zod'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import { filesIn } from '../files/files-in.ts'
import { readJsonFile } from '../files/json-file.ts'
import { openCheckpoint } from '../files/safetensors-file.ts'
import { type AdapterConfig, folderHolding, isAdapter, readAdapter, readAdapterConfig } from '../models/adapter.ts'
import type { CausalConfig } from '../models/architecture.ts'
import type { MaskedConfig } from '../models/masked-architecture.ts'
import { modelDigest } from '../models/model-digest.ts'
import { type ArchitectureRow, type Family, familyOf, rowOf } from '../models/registry.ts'
import type { SequenceConfig } from '../models/sequence-architecture.ts'
import { hasCheckpoint, type Progress, readProgress } from '../train/checkpoint.ts'
import { countParameters } from '../train/held-out.ts'
import type { Plan } from '../train/pace.ts'
import { runExists } from '../train/run-record.ts'
import {
  type AnyArchitecture,
  costsOf,
  countOf,
  type FlopsPerToken,
  type MemoryNeeds,
  type ParameterCounts,
} from './model-costs.ts'
import { type RunRecord, readRun } from './run.ts'

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

/** An adapter in PEFT's form. */
export interface AdapterFacts {
  /** The folder of the model that it adapts. */
  readonly base: string
  readonly rank: number
  /** What the product of its matrices is multiplied by. */
  readonly scale: number
  /** Linear layers that it adapts. */
  readonly matrices: number
  readonly parameters: number
}

type Settings = CausalConfig | MaskedConfig | SequenceConfig

/** What {@link inspectModel} finds. */
export interface ModelInspection {
  readonly folder: string
  readonly architecture: { readonly name: string; readonly title: string; readonly family: Family }
  readonly dimensions: Settings & { readonly dHead: number }
  readonly parameters: ParameterCounts
  readonly flopsPerToken: FlopsPerToken
  readonly memory: MemoryNeeds
  readonly tokenizer: { readonly kind: string; readonly vocabulary: number }
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** SHA-256 of configuration, tokenizer and weights: what artifacts name the model by. */
  readonly digest: string
  /** Where the folder holds one; what is said of the model is said of its base with it. */
  readonly adapter?: AdapterFacts
  /** Of runs only. */
  readonly lineage?: Lineage
}

/**
 * Tells what a run, a Hugging Face folder or an adapter in PEFT's form holds, from its files alone: no model's weights
 * are loaded. Throws CheckpointError for files that are missing, corrupt or of an unsupported architecture.
 */
export async function inspectModel(folder: string): Promise<ModelInspection> {
  const config = isAdapter(folder) ? await readAdapterConfig(folder) : undefined
  const modelFolder = config?.base ?? folder
  const source = join(modelFolder, 'config.json')
  const json = await readJsonFile(source, z.unknown())
  const family = familyOf(json, source)
  const row: ArchitectureRow<Settings, AnyArchitecture> = rowOf(family, json, source)
  const settings = row.read(json, source)
  const architecture = row.build(settings)
  const tokenizer = await readTokenizer(await folderHolding(folder, 'tokenizer.json'))
  const reader = await openCheckpoint(modelFolder)
  await reader.close()
  const adapter = config && (await adapterOf(folder, family, architecture, config))
  const record = (await runExists(folder)) ? await readRun(folder) : undefined
  const parameters = countOf(architecture, adapter?.adapters)
  return {
    folder,
    architecture: { name: row.name, title: row.title, family },
    dimensions: { ...settings, dHead: architecture.dimensions.dHead },
    parameters,
    ...costsOf(family, architecture, parameters, { adapters: adapter?.adapters, record }),
    tokenizer: { kind: tokenizer.kind, vocabulary: tokenizer.vocabSize },
    files: await filesIn(folder),
    digest: await modelDigest(folder),
    ...(adapter ? { adapter: adapter.facts } : {}),
    ...(record ? { lineage: await lineageOf(folder, record, (adapter ?? reader).metadata) } : {}),
  }
}

async function adapterOf(folder: string, family: Family, base: AnyArchitecture, config: AdapterConfig) {
  const { architecture, metadata } = await readAdapter(folder, family, base, config.lora)
  const { adapters, lora } = architecture
  const { rank, scale, targets } = lora
  const parameters = countParameters({ scope: adapters })
  return { adapters, metadata, facts: { base: config.base, rank, scale, matrices: targets.length, parameters } }
}

async function lineageOf(
  folder: string,
  record: RunRecord,
  metadata: Readonly<Record<string, string>>,
): Promise<Lineage> {
  const { created, version: atelier, preset, sources, licence, dataDigest, tokenizerDigest, seed } = record
  const progress = hasCheckpoint(folder) ? await readProgress(folder) : undefined
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

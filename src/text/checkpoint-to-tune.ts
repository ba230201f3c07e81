import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { readJsonFile } from '../files/json-file.ts'
import { isAdapter } from '../models/adapter.ts'
import { familyOfFolder, loadAnyModel } from '../models/checkpoint.ts'
import { type Architectures, matricesOf, withAdapters } from '../models/lora.ts'
import { type LoraModules, targetsAmong } from '../models/low-rank.ts'
import { modelDigest } from '../models/model-digest.ts'
import { isQuantized } from '../models/quantized-weights.ts'
import { type ArchitectureRow, type Family, familyNamed, rowNamed, rowOf } from '../models/registry.ts'
import type { Weights } from '../models/weights.ts'
import type { From, LoraRecord } from './run.ts'
import { fineTuning, resolveTextSettings, type TextSettings } from './settings.ts'

/** A model that a run begins from: what decides how the run is made, without its weights. */
export interface CheckpointToTune {
  readonly from: From
  /** Name of its row. */
  readonly architecture: string
  readonly tokenizer: Tokenizer
  /** Positions that it sees at once. */
  readonly contextLength: number
  /** Those of its settings that a run's settings know. */
  readonly sizes: Partial<TextSettings>
}

/** Settings that are the model's own. */
const sizeNames = [
  'dModel',
  'nLayers',
  'nHeads',
  'nKvHeads',
  'dFf',
  'tieEmbeddings',
  'ropeTheta',
  'normEpsilon',
  'gated',
] as const satisfies (keyof TextSettings)[]

/**
 * Reads what a run or a Hugging Face folder is, to go on learning from there. Throws CheckpointError for a folder that
 * is none, or holds an adapter, weights in few bits or a tokenizer of another model.
 */
export async function readCheckpointToTune(named: string): Promise<CheckpointToTune> {
  const path = resolve(resolveModelFolder(named))
  const source = join(path, 'config.json')
  if (isAdapter(path))
    throw new CheckpointError(`from: ${named} is an adapter; make one model of it and its base: atelier merge`)
  if (!existsSync(source))
    throw new CheckpointError(`from: ${named} holds no config.json; name a run or a model's folder`, { path })
  const config = await readJsonFile(source, z.record(z.string(), z.unknown()))
  const row = rowOf(await familyOfFolder(path), config, source)
  if (isQuantized(config))
    throw new CheckpointError(`from: ${named} is in few bits, which can't be trained; name what it was made of`)
  const own: Readonly<Record<string, unknown>> & { readonly contextLength: number; readonly vocabSize: number } = {
    ...row.read(config, source),
  }
  const tokenizer = await readTokenizer(path)
  if (tokenizer.vocabSize > own.vocabSize)
    throw new CheckpointError(
      `from: the tokenizer of ${named} has ${tokenizer.vocabSize} tokens, the model ${own.vocabSize}; do the files belong together?`,
    )
  const sizes = { nKvHeads: own.nHeads, ...own } as Record<string, unknown>
  return {
    from: { path, digest: await modelDigest(path), config },
    architecture: row.name,
    tokenizer,
    contextLength: own.contextLength,
    sizes: Object.fromEntries(sizeNames.filter((name) => name in sizes).map((name) => [name, sizes[name]])),
  }
}

/** What was asked for beside a model to begin from. */
export interface AskedBeside {
  readonly preset?: string | undefined
  readonly architecture?: string | undefined
  readonly tokenizer?: object | undefined
  readonly set?: Readonly<Record<string, unknown>> | undefined
  readonly lora?: LoraAsked | undefined
}

/** Adapters that are asked for. */
export interface LoraAsked {
  /** 8 by default. */
  readonly rank?: number | undefined
  /** What their share is multiplied by is alpha / rank; 16 by default. */
  readonly alpha?: number | undefined
  /** Share of what they see that training drops; 0 by default. */
  readonly dropout?: number | undefined
  /** `attention` by default. */
  readonly modules?: LoraModules | undefined
}

/** The adapters of a model that are to be trained, in full. Throws ConfigError for a rank, a dropout or layers that can't be. */
export function adaptersToTune({ architecture, from }: CheckpointToTune, asked: LoraAsked): LoraRecord {
  const { rank = 8, alpha = 16, dropout = 0, modules = 'attention' } = asked
  const family = familyNamed(architecture)
  const row = rowNamed(family, architecture) as ArchitectureRow<object, Architectures[Family]>
  const base = row.build(row.read(from.config, from.path))
  const targets = targetsAmong(matricesOf(family, base), modules)
  if (!(alpha > 0)) throw new ConfigError(`lora: alpha is ${alpha}, wanted a number above 0`)
  withAdapters(family, base, { rank, scale: alpha / rank, dropout, targets })
  return { rank, alpha, dropout, modules: typeof modules === 'string' ? modules : [...modules], targets }
}

/** Learning rate of adapters, which begin at nothing and are few. */
const adapterRate = 5e-4

/**
 * Settings of a run that begins from a model: the model's sizes, and windows of at most 256 tokens unless asked
 * otherwise. Throws ConfigError for what would make another model of it.
 */
export function settingsToTune(checkpoint: CheckpointToTune, asked: AskedBeside): TextSettings {
  const { sizes, contextLength, architecture, from } = checkpoint
  const comesWith = (what: string) => new ConfigError(`${what} with ${from.path}; leave it out`)
  if (asked.preset !== undefined && asked.preset !== fineTuning)
    throw comesWith(`preset: ${asked.preset} says sizes, which come`)
  if (asked.tokenizer) throw comesWith('tokenizer: it comes')
  if (asked.architecture !== undefined && asked.architecture !== architecture)
    throw comesWith(`architecture: got ${asked.architecture}, but ${architecture} comes`)
  const usual = resolveTextSettings(fineTuning, sizes)
  const windows = { contextLength: Math.min(usual.contextLength, contextLength) }
  const faster = asked.lora ? { learningRate: adapterRate } : {}
  const settings = resolveTextSettings(fineTuning, { ...sizes, ...windows, ...faster, ...asked.set })
  const other = sizeNames.find((name) => settings[name] !== usual[name])
  if (other) throw comesWith(`set: ${other} is ${settings[other]}, but ${usual[other]} comes`)
  if (settings.contextLength <= contextLength) return settings
  throw new ConfigError(
    `set: contextLength is ${settings.contextLength}, but ${from.path} sees ${contextLength} tokens at once; lower it`,
  )
}

/**
 * The weights that a run begins from. Throws CheckpointError where the model is gone or is another by now, and for
 * weights that are missing, misshapen or not finite.
 */
export async function weightsToTune({ path, digest }: From, family: Family): Promise<Weights> {
  const remedy = 'put it back there, or begin another run'
  if (!existsSync(join(path, 'config.json')))
    throw new CheckpointError(`from: ${path}, which the run begins from, is gone; ${remedy}`, { path })
  const found = await modelDigest(path)
  if (found !== digest)
    throw new CheckpointError(
      `from: ${path} was model ${digest.slice(0, 16)}… when the run began, now it is ${found.slice(0, 16)}…; ${remedy}`,
      { path, found, digest },
    )
  return (await loadAnyModel(family, path)).weights
}

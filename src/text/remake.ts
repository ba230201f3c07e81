import { existsSync } from 'node:fs'
import { z } from 'zod'
import { CheckpointError, DataError } from '../errors.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { readJsonFile } from '../files/json-file.ts'
import { checkValue } from '../files/parse-json.ts'
import type { EngineName } from '../runtime/engine.ts'
import { type ChangedCircumstance, changedSince } from '../sample/changed-circumstances.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import { artifactSchema, type TextArtifact } from './artifact.ts'
import { galleryFolder, TextModel } from './text-model.ts'

/** How to remake artifacts elsewhere than their record says. */
export interface RemakeOptions {
  /** The model's folder; by default the recorded one, or the gallery's where that is gone. */
  readonly model?: string
  /** As recorded by default. */
  readonly engine?: EngineName
  /** As recorded by default. */
  readonly threads?: number
}

/** One artifact, made again. */
export interface Remake {
  /** Text, ids, reason of the end and log-probability, bit for bit. */
  readonly identical: boolean
  /** What is not as recorded: names of the artifact's fields. */
  readonly differing: readonly string[]
  /** The first id that is another, counted from 0 in the continuation; absent where all ids agree. */
  readonly firstDifferentToken?: number
  /**
   * How far apart the computations are: |ln P recorded − ln P here| of the recorded ids, natural logarithms; absent
   * where the recorded ids can't be this model's.
   */
  readonly logProbabilityDifference?: number
  readonly changed: readonly ChangedCircumstance[]
  readonly recorded: StoredArtifact
  readonly remade: TextArtifact
}

/** What {@link remakeArtifact} tells. */
export interface RemakeResult {
  /** Whether all artifacts of the file are identical. */
  readonly identical: boolean
  readonly remakes: readonly Remake[]
}

/** An artifact's record as a file holds it. */
type StoredArtifact = z.infer<typeof artifactSchema>

const fileSchema = z.object({ artifacts: z.array(artifactSchema).nonempty() })

/** The artifacts of a file: of `artifacts`, or the one that it is. */
async function readArtifacts(path: string): Promise<readonly StoredArtifact[]> {
  const json = await readJsonFile(path, z.unknown(), DataError)
  if (typeof json === 'object' && json !== null && 'artifacts' in json)
    return checkValue(json, fileSchema, path, DataError).artifacts
  return [checkValue(json, artifactSchema, path, DataError)]
}

/**
 * Makes the artifacts of a file again, each by the call that made it, and says whether they are the same. They must
 * be on the same library, instruction set and number of threads.
 *
 * `path` is the JSON of one artifact, or of an object with `artifacts`. Throws CheckpointError where the model is gone
 * or another, DataError for what is no artifact, ConfigError for settings that can't be.
 */
export async function remakeArtifact(path: string, options: RemakeOptions = {}): Promise<RemakeResult> {
  const remakes: Remake[] = []
  for (const group of callsOf(await readArtifacts(path))) remakes.push(...(await remakeCall(group, options)))
  return { identical: remakes.every((remake) => remake.identical), remakes }
}

/** Artifacts that one call made, together. */
function callsOf(artifacts: readonly StoredArtifact[]): StoredArtifact[][] {
  const calls = new Map<string, StoredArtifact[]>()
  const cut = artifacts.filter((artifact) => isAborted(artifact) && artifact.settings.beams !== 1)
  const cutBeams = new Map(cut.map((artifact) => [beamsOf(artifact), lengthOf(artifact)]))
  for (const artifact of artifacts) {
    const { model, engine, settings } = artifact
    const { lookup, draft } = artifact.speculation ?? {}
    const made = [
      model.path,
      model.digest,
      model.guard,
      engine,
      settings,
      promptsOf(artifact),
      lengthOf(artifact) ?? cutBeams.get(beamsOf(artifact)),
      lookup,
      draft,
    ]
    const key = JSON.stringify([...made, artifact.chat])
    calls.set(key, [...(calls.get(key) ?? []), artifact])
  }
  return [...calls.values()]
}

const promptsOf = ({ prompt, prompts }: StoredArtifact) => prompts ?? [prompt]

const isAborted = ({ finishReason }: StoredArtifact) => finishReason === 'aborted'

/** Names the search that an artifact comes from, one of a prompt by its beams: where it was cut short, all that it gave was. */
function beamsOf({ model, settings, row, prompt, promptIds }: StoredArtifact): string | undefined {
  if (settings.beams === 1) return undefined
  return JSON.stringify([model.digest, settings, Math.floor(row / Number(settings.n)), prompt, promptIds])
}

/** Where an aborted artifact ends; others end by their settings. */
function lengthOf({ finishReason, ids }: StoredArtifact): number | undefined {
  if (finishReason !== 'aborted') return undefined
  if (ids.length > 0) return ids.length
  throw new DataError('remake: the artifact was aborted before its first token; there is nothing to remake')
}

async function remakeCall(group: readonly StoredArtifact[], options: RemakeOptions): Promise<Remake[]> {
  const first = group[0]!
  const abortAfter = group.map(lengthOf).find((length) => length !== undefined)
  const { lookup, draft: recorded } = first.speculation ?? {}
  const model = await loadRecorded(first.model, first.engine, options)
  let draft: TextModel | undefined
  try {
    const unguarded = model.guard && first.model.guard === undefined ? { allowCopies: true } : {}
    const settings = resolveSamplerSettings({ ...first.settings, ...unguarded })
    if (recorded) draft = await loadRecorded(recorded, first.engine, { ...options, model: recorded.path })
    const speculation = draft ? { draft } : lookup === undefined ? undefined : { lookup }
    const how = {
      ...(speculation ? { speculation } : {}),
      ...(first.chat ? { chat: first.chat } : {}),
      ...(abortAfter === undefined ? {} : { abortAfter }),
    }
    const made = await model.complete(promptsOf(first), settings, how)
    const remakes: Remake[] = []
    for (const recorded of group) remakes.push(await compare(recorded, rowOf(made, recorded), model))
    return remakes
  } finally {
    await draft?.release()
    await model.release()
  }
}

function rowOf(made: readonly TextArtifact[], { row }: StoredArtifact): TextArtifact {
  const remade = made.find((one) => one.row === row)
  if (remade) return remade
  throw new DataError(`remake: the record names row ${row}, its call makes ${made.length} text(s); was it edited?`, {
    row,
  })
}

/** Loads the model that a record names and checks that it is the one. */
async function loadRecorded(
  model: Pick<StoredArtifact['model'], 'path' | 'digest' | 'guard'>,
  engine: StoredArtifact['engine'],
  options: RemakeOptions,
): Promise<TextModel> {
  const own = resolveModelFolder(model.path)
  const folder = options.model ?? [own, galleryFolder].find((place) => existsSync(place))
  if (folder === undefined)
    throw new CheckpointError(`remake: the model's folder ${model.path} is gone; name it by --model`, { model })
  const found = await TextModel.load(folder, {
    engine: options.engine ?? engine.name,
    threads: options.threads ?? engine.threads,
  })
  const digest = await found.digest()
  if (digest === model.digest && (model.guard === undefined || model.guard === found.guard?.digest)) return found
  await found.release()
  if (digest === model.digest)
    throw new CheckpointError(
      `remake: the artifact was written under copy guard ${model.guard?.slice(0, 16)}…, ${folder} holds ${found.guard?.digest.slice(0, 16) ?? 'none'}; put the first one back there`,
      { folder, wanted: model.guard },
    )
  const remedy = 'name its folder by --model'
  if (options.model === undefined && folder !== own)
    throw new CheckpointError(
      `remake: the model's folder ${model.path} is gone, and the gallery's model is another; ${remedy}`,
      { model },
    )
  throw new CheckpointError(
    `remake: ${folder} holds model ${digest.slice(0, 16)}…, the artifact was made by ${model.digest.slice(0, 16)}… ` +
      `(${model.path}); ${remedy}`,
    { folder, digest, wanted: model.digest },
  )
}

const compared = ['text', 'ids', 'promptIds', 'tokens', 'seed', 'finishReason', 'logProbability'] as const

async function compare(recorded: StoredArtifact, remade: TextArtifact, model: TextModel): Promise<Remake> {
  const differing = compared.filter((name) => !isSame(recorded[name], remade[name]))
  const firstDifferentToken = firstDifference(recorded.ids, remade.ids)
  const ends = recorded.finishReason === 'endOfText'
  const sum = differing.length === 0 ? 0 : await distance(recorded, remade, model, ends)
  return {
    identical: differing.length === 0,
    differing,
    ...(firstDifferentToken === undefined ? {} : { firstDifferentToken }),
    ...(sum === undefined ? {} : { logProbabilityDifference: sum }),
    changed: changedSince(recorded, model.describeEngine()),
    recorded,
    remade,
  }
}

async function distance(recorded: StoredArtifact, remade: TextArtifact, model: TextModel, ends: boolean) {
  if (isSame(recorded.ids, remade.ids)) return Math.abs(recorded.logProbability - remade.logProbability)
  const here = await model.logProbability(remade.promptIds, recorded.ids, ends)
  return here === undefined ? undefined : Math.abs(recorded.logProbability - here)
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const longest = Math.max(a.length, b.length)
  for (let i = 0; i < longest; i++) if (a[i] !== b[i]) return i
  return undefined
}

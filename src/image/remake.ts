import { existsSync } from 'node:fs'
import { z } from 'zod'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { readJsonFile } from '../files/json-file.ts'
import { checkValue } from '../files/parse-json.ts'
import type { EngineName } from '../runtime/engine.ts'
import { type ChangedCircumstance, changedSince } from '../sample/changed-circumstances.ts'
import { drawLatent } from '../sample/latents.ts'
import { type ImageArtifact, imageArtifactSchema } from './artifact.ts'
import { ImageModel, pixelDigest } from './image-model.ts'
import type { Pictures } from './render/canvas.ts'

/** How to remake pictures elsewhere than their record says. */
export interface RemakeImageOptions {
  /** The model's folder; by default the recorded one. */
  readonly model?: string
  /** As recorded by default. */
  readonly engine?: EngineName
  /** As recorded by default. */
  readonly threads?: number
  readonly signal?: AbortSignal
}

/** One picture or animation, painted again. */
export interface ImageRemake {
  /** Whether its pixels have the recorded SHA-256. */
  readonly identical: boolean
  readonly recorded: ImageArtifact
  /** The pixels that came out: of one picture, or of all frames. */
  readonly pictures: Pictures
  /** Their SHA-256. */
  readonly pixels: string
  readonly changed: readonly ChangedCircumstance[]
}

/** What {@link remakeImages} tells. */
export interface ImageRemakeResult {
  /** Whether all artifacts of the file are identical. */
  readonly identical: boolean
  readonly remakes: readonly ImageRemake[]
}

const fileSchema = z.object({ artifacts: z.array(imageArtifactSchema).nonempty() })

/** The records of a file: of `artifacts`, or the one that it is. Throws {@link DataError} for what is no picture's record. */
export async function readImageArtifacts(path: string): Promise<readonly ImageArtifact[]> {
  const json = await readJsonFile(path, z.unknown(), DataError)
  if (typeof json === 'object' && json !== null && 'artifacts' in json)
    return checkValue(json, fileSchema, path, DataError).artifacts
  return [checkValue(json, imageArtifactSchema, path, DataError)]
}

/**
 * Paints the artifacts of a file again and says whether their pixels are the same, bit for bit: on the same library,
 * instruction set and number of threads they must be. Throws CheckpointError where the model is gone or another,
 * DataError for what is no artifact, ConfigError for settings that can't be.
 */
export async function remakeImages(path: string, options: RemakeImageOptions = {}): Promise<ImageRemakeResult> {
  const remakes: ImageRemake[] = []
  for (const group of byModel(await readImageArtifacts(path))) {
    const model = await loadRecorded(group[0]!, options)
    try {
      for (const recorded of group) remakes.push(await remake(model, recorded, options.signal))
    } finally {
      await model.release()
    }
  }
  return { identical: remakes.every(({ identical }) => identical), remakes }
}

/** Artifacts of the same model on the same engine, together. */
function byModel(artifacts: readonly ImageArtifact[]): ImageArtifact[][] {
  const groups = new Map<string, ImageArtifact[]>()
  for (const artifact of artifacts) {
    const key = JSON.stringify([artifact.model.path, artifact.model.digest, artifact.engine])
    groups.set(key, [...(groups.get(key) ?? []), artifact])
  }
  return [...groups.values()]
}

/** Loads the model that a record names and checks that it is the one. Throws CheckpointError. */
async function loadRecorded({ model, engine }: ImageArtifact, options: RemakeImageOptions): Promise<ImageModel> {
  const folder = options.model ?? model.path
  if (!existsSync(resolveModelFolder(folder)))
    throw new CheckpointError(`remake: the model's folder ${folder} is gone; name it by --model`, { model })
  const found = await ImageModel.load(folder, {
    engine: options.engine ?? engine.name,
    threads: options.threads ?? engine.threads,
  })
  const digest = await found.digest()
  if (digest === model.digest) return found
  await found.release()
  throw new CheckpointError(
    `remake: ${folder} holds model ${digest.slice(0, 16)}…, the picture was painted by ${model.digest.slice(0, 16)}… ` +
      `(${model.path}); name its folder by --model`,
    { folder, digest, wanted: model.digest },
  )
}

async function remake(model: ImageModel, recorded: ImageArtifact, signal?: AbortSignal): Promise<ImageRemake> {
  const pictures = await paintRecorded(model, recorded, signal)
  const pixels = pixelDigest(pictures.pixels)
  const changed = changedSince(recorded, model.engine.describe())
  return { identical: pixels === recorded.pixels, recorded, pictures, pixels, changed }
}

/** Paints what a record describes: one picture at its place in the batch, or all frames of a way. */
async function paintRecorded(model: ImageModel, recorded: ImageArtifact, signal?: AbortSignal): Promise<Pictures> {
  const { loop, settings, index } = recorded
  const stop = signal ? { signal } : {}
  const asked = { ...askedOf(recorded), ...definedOf(settings), ...stop }
  if (loop) {
    const stops = loop.stops.map((latent) => Float32Array.from(latent))
    return (await model.interpolate({ ...asked, stops, frames: loop.frames })).pictures
  }
  const [condition] = model.conditions(asked)
  const request = { latent: latentOf(model, recorded), place: index }
  return model.paint([condition?.values ? { ...request, condition: condition.values } : request], asked)
}

/** The latent that a record's picture was painted from. Throws ConfigError where it is not one of the model's. */
export function latentOf(model: ImageModel, { latent, seed, index, settings }: ImageArtifact): Float32Array {
  const { latentSize } = model.loaded.gan.config
  if (latent === undefined) return drawLatent(seed, index, latentSize, settings.truncation)
  if (latent.length === latentSize) return Float32Array.from(latent)
  throw new ConfigError(`latent: got ${latent.length} numbers, the model takes ${latentSize}; is it of another model?`)
}

/** What a record's picture was asked for by. */
function askedOf({ prompt, class: asked }: ImageArtifact) {
  return { ...(prompt === undefined ? {} : { prompt }), ...(asked ? { className: asked.index } : {}) }
}

function definedOf({ truncation, guidance }: ImageArtifact['settings']) {
  return { ...(truncation === undefined ? {} : { truncation }), ...(guidance === undefined ? {} : { guidance }) }
}

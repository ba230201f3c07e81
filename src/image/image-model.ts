import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { portableModelFolder, resolveModelFolder } from '../files/gallery-folder.ts'
import { type LoadedGan, loadGan } from '../models/gan-checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import { modelRemedy } from '../models/model-remedy.ts'
import type { Engine, EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { checkTruncation, drawLatent, latentLoop } from '../sample/latents.ts'
import { type PictureRequest, PictureSampler } from '../sample/picture-sampler.ts'
import { version } from '../version.ts'
import type { ImageArtifact } from './artifact.ts'
import { type Asked, type Condition, conditionsOf, countAsked } from './asking.ts'
import type { Pictures } from './render/canvas.ts'

/** The model that pictures come from where none is named: it comes with the package. */
export const galleryModel = 'gallery/emoji'

/** How far guidance can go: 0 leaves the condition out, 1 is as trained. */
export const guidanceRange = [0, 20] as const

/** How pictures are painted. */
export interface PaintSettings extends Asked {
  /** No element of a latent lies further from 0: more usual pictures, less diverse. Drawn freely by default. */
  readonly truncation?: number
  /** How far the condition is pushed away from no condition; 1, as trained, by default. */
  readonly guidance?: number
  readonly signal?: AbortSignal
  /** Hears how many of the pictures or frames are painted. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What {@link ImageModel.generate} is asked for. */
export interface GenerateImages extends PaintSettings {
  /** How many pictures, by default one of each thing that is asked for; these take turns over them. */
  readonly n?: number
  /** What randomness starts from, an integer from 0 to 2^53 − 1. */
  readonly seed: number
  /** Latents to paint instead of those of the seed, each [latentSize]: a picture each. */
  readonly latents?: readonly Float32Array[]
}

/** What {@link ImageModel.interpolate} is asked for. */
export interface InterpolateImages extends PaintSettings {
  /** Where the way leads through: seeds (of each its first picture's latent), or latents. */
  readonly stops: readonly (number | Float32Array)[]
  readonly frames: number
}

/** Pictures with their records, in order. */
export interface Painted {
  readonly pictures: Pictures
  readonly artifacts: readonly ImageArtifact[]
}

/** A model that paints: a run, or a folder of the gallery, ready on an engine. */
export class ImageModel {
  readonly folder: string
  readonly loaded: LoadedGan
  /** Of models that take words. */
  readonly tokenizer: Tokenizer | undefined
  readonly engine: Engine
  readonly #samplers = new Map<boolean, Promise<PictureSampler>>()
  #digest: Promise<string> | undefined

  private constructor(folder: string, loaded: LoadedGan, tokenizer: Tokenizer | undefined, engine: Engine) {
    this.folder = folder
    this.loaded = loaded
    this.tokenizer = tokenizer
    this.engine = engine
  }

  /**
   * Loads a folder; the gallery's model where none is named. Throws CheckpointError for files that are missing, corrupt,
   * or do not belong together, EngineError where the engine cannot run.
   */
  static async load(
    folder: string = galleryModel,
    options: { readonly engine?: EngineName; readonly threads?: number; readonly discriminator?: boolean } = {},
  ): Promise<ImageModel> {
    const found = resolveModelFolder(folder)
    if (!existsSync(join(found, 'config.json')))
      throw new CheckpointError(`load: ${folder} holds no config.json; ${modelRemedy(folder)}`, { folder })
    const loaded = await loadGan(found, { discriminator: options.discriminator ?? false })
    const { conditioning } = loaded.gan.config
    const tokenizer = conditioning.kind === 'text' ? await readTokenizer(found) : undefined
    if (conditioning.kind === 'text' && tokenizer && tokenizer.vocabSize > conditioning.vocabSize)
      throw new CheckpointError(
        `load: the tokenizer of ${folder} has ${tokenizer.vocabSize} tokens, the model ${conditioning.vocabSize}; do the files belong together?`,
      )
    const engine = await createEngine(options.engine ?? 'cpu', options.threads ? { threads: options.threads } : {})
    return new ImageModel(found, loaded, tokenizer, engine)
  }

  /**
   * Paints pictures. The bytes of the i-th depend on the seed, i and what is asked for, not on how many are painted.
   * Throws ConfigError, in one line, for settings and for what the model can't be asked for.
   */
  async generate(asked: GenerateImages): Promise<Painted> {
    const { seed, latents, truncation } = asked
    const n = latents?.length ?? asked.n ?? countAsked(asked)
    if (!Number.isInteger(n) || n < 1) throw new ConfigError(`generate: n is ${n}, wanted a whole number from 1`, { n })
    if (latents && truncation !== undefined)
      throw new ConfigError('truncation: latents are painted as they are; leave it out')
    const conditions = this.conditions(asked)
    const { latentSize } = this.loaded.gan.config
    const planned = Array.from({ length: n }, (_, index) => {
      const latent = this.#checkedLatent(latents?.[index] ?? drawLatent(seed, index, latentSize, truncation))
      return { index, latent, condition: conditions[index % conditions.length]! }
    })
    const pictures = await this.paint(
      planned.map(({ index, latent, condition }) => requestOf(index, latent, condition)),
      asked,
    )
    const digest = await this.digest()
    const artifacts = planned.map(({ index, latent, condition }) => ({
      ...this.record(asked, { seed, index, condition, digest }),
      ...(latents ? { latent: [...latent] } : {}),
      pixels: pixelDigest(pictureBytes(pictures, index)),
    }))
    return { pictures, artifacts }
  }

  /**
   * Paints the frames of a closed way through latents, by arcs: see {@link latentLoop}. One artifact, of all frames, asked
   * for by one thing: the first where there are several. Throws ConfigError.
   */
  async interpolate(asked: InterpolateImages): Promise<{ pictures: Pictures; artifact: ImageArtifact }> {
    const { latentSize } = this.loaded.gan.config
    const [condition] = this.conditions(asked)
    const stops = asked.stops.map((stop) =>
      this.#checkedLatent(typeof stop === 'number' ? drawLatent(stop, 0, latentSize, asked.truncation) : stop),
    )
    const requests = latentLoop(stops, asked.frames).map((latent, place) => requestOf(place, latent, condition!))
    const pictures = await this.paint(requests, asked)
    const [first] = asked.stops
    const seed = typeof first === 'number' ? first : 0
    const artifact = {
      ...this.record(asked, { seed, index: 0, condition: condition!, digest: await this.digest() }),
      loop: { stops: stops.map((stop) => [...stop]), frames: asked.frames },
      pixels: pixelDigest(pictures.pixels),
    }
    return { pictures, artifact }
  }

  /** Paints requests, in their order. */
  async paint(requests: readonly PictureRequest[], settings: PaintSettings = {}): Promise<Pictures> {
    const { guidance = 1, signal, onProgress } = settings
    const sampler = await this.#sampler(guidance !== 1)
    const pixels = await sampler.paint(requests, {
      guidance,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onPainted: (done: number) => onProgress(done, requests.length) } : {}),
    })
    const { channels, imageSize } = this.loaded.gan.config
    return { pixels, channels, imageSize }
  }

  /**
   * The things that pictures are asked for by. Throws ConfigError for what the model can't be asked for, see
   * {@link conditionsOf}, and for a truncation or a guidance out of range.
   */
  conditions(asked: Omit<PaintSettings, 'signal' | 'onProgress'>): readonly Condition[] {
    checkTruncation(asked.truncation)
    this.#checkGuidance(asked.guidance)
    const { gan, classes } = this.loaded
    const { conditioning } = gan.config
    return conditionsOf({ conditioning, classes, ...(this.tokenizer ? { tokenizer: this.tokenizer } : {}) }, asked)
  }

  /** SHA-256 of the model's files. */
  digest(): Promise<string> {
    this.#digest ??= modelDigest(this.folder)
    return this.#digest
  }

  /** Frees the model and its engine. */
  async release(): Promise<void> {
    for (const sampler of this.#samplers.values()) await (await sampler.catch(() => undefined))?.release()
    await this.engine.close()
  }

  /** A record without what was painted. */
  record(
    { truncation, guidance }: PaintSettings,
    {
      seed,
      index,
      condition,
      digest,
    }: { readonly seed: number; readonly index: number; readonly condition: Condition; readonly digest: string },
  ): ImageArtifact {
    const { gan, row, metadata } = this.loaded
    const { dataDigest } = metadata
    return {
      format: 'atelier-artifact-1',
      kind: 'image',
      seed,
      index,
      ...(condition.prompt === undefined ? {} : { prompt: condition.prompt }),
      ...(condition.class ? { class: condition.class } : {}),
      settings: {
        ...(truncation === undefined ? {} : { truncation }),
        ...(guidance === undefined ? {} : { guidance }),
      },
      imageSize: gan.config.imageSize,
      channels: gan.config.channels,
      pixels: '',
      model: {
        path: portableModelFolder(this.folder),
        digest,
        architecture: row.name,
        ...(dataDigest === undefined ? {} : { dataDigest }),
      },
      engine: this.engine.describe(),
      atelier: version,
      marks: [],
    }
  }

  #checkGuidance(guidance: number | undefined): void {
    if (guidance === undefined) return
    const [least, most] = guidanceRange
    if (!(guidance >= least && guidance <= most))
      throw new ConfigError(`guidance: got ${guidance}, wanted ${least} to ${most}; 1 is as trained`, { guidance })
    if (guidance !== 1 && this.loaded.gan.config.conditioning.kind === 'none')
      throw new ConfigError(
        'guidance: the model takes neither words nor classes, so there is nothing to push towards; leave it out',
      )
  }

  #checkedLatent(latent: Float32Array): Float32Array {
    const { latentSize } = this.loaded.gan.config
    if (latent.length === latentSize) return latent
    throw new ConfigError(
      `latent: got ${latent.length} numbers, the model takes ${latentSize}; is it of another model?`,
      {
        got: latent.length,
        wanted: latentSize,
      },
    )
  }

  #sampler(guided: boolean): Promise<PictureSampler> {
    const known = this.#samplers.get(guided)
    if (known) return known
    const made = PictureSampler.create(this.engine, this.loaded.gan, this.loaded.generator, { guided })
    this.#samplers.set(guided, made)
    return made
  }
}

function requestOf(place: number, latent: Float32Array, { values }: Condition): PictureRequest {
  return { latent, place, ...(values ? { condition: values } : {}) }
}

/** SHA-256 (hex) of pixels. */
export function pixelDigest(pixels: Uint8Array): string {
  return createHash('sha256').update(pixels).digest('hex')
}

function pictureBytes({ pixels, channels, imageSize }: Pictures, index: number): Uint8Array {
  const each = channels * imageSize * imageSize
  return pixels.subarray(index * each, (index + 1) * each)
}

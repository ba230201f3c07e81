import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { ConfigError, DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { add, maximum, minimum, mul, sub } from '../graph/operations/elementwise.ts'
import { mean, sum } from '../graph/operations/reduce.ts'
import { averagePool2d } from '../graph/operations/resampling.ts'
import { constant, inputName, inputsFirst, type Tensor } from '../graph/tensor.ts'
import { Scope } from '../nn/parameters.ts'
import { adamW } from '../optim/adamw.ts'
import { drawLatent } from '../sample/latents.ts'
import { Trainer } from '../train/trainer.ts'
import type { ImageArtifact } from './artifact.ts'
import type { Asked, Condition } from './asking.ts'
import { decodePicture } from './codec/decode-picture.ts'
import { type ImageModel, type PaintSettings, pixelDigest } from './image-model.ts'
import { type Pictures, pictureAt } from './render/canvas.ts'

/** How a latent is searched for. */
export interface ProjectOptions extends Asked {
  readonly guidance?: number
  /** What the first latents are drawn from. */
  readonly seed: number
  /** Steps of Adam; 300 by default. */
  readonly steps?: number
  /** Latents that are moved side by side, the best of {@link candidates}; 8 by default. */
  readonly starts?: number
  /** Learning rate at the beginning; it goes down along half a cosine. 0.1 by default. */
  readonly learningRate?: number
  readonly signal?: AbortSignal
  /** Hears of every step: of how many, and the distance of the starts on average. */
  readonly onProgress?: (done: number, total: number, distance: number) => void
}

/** What a search found. */
export interface Projection {
  /** The picture at the model's size and planes. */
  readonly original: Pictures
  /** What the model paints from the latent. */
  readonly reconstruction: Pictures
  readonly latent: Float32Array
  /** Mean squared difference over all {@link scales}, of values from −1 to 1. */
  readonly distance: number
  /** The record of the reconstruction, which holds the latent. */
  readonly artifact: ImageArtifact
}

/** Latents drawn at first, of which the nearest are moved. */
const candidates = 64
/** Pixels a side of the squares whose means are compared: details, and where they are as a whole. */
const scales = [1, 2, 4, 8] as const
/** Weight of (|z|² / latentSize − 1)², which keeps latents where the generator was trained. */
const priorWeight = 0.02

/** {@link project} of a picture's file, in any format that data can be in. Throws DataError for what is no picture. */
export async function projectFile(model: ImageModel, path: string, options: ProjectOptions): Promise<Projection> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw fileError('read', path, cause, DataError)
  })
  const { channels, imageSize } = model.loaded.gan.config
  const shape = { size: imageSize, planes: channels, fit: 'cover', background: [255, 255, 255] } as const
  const pixels = await decodePicture({ kind: 'file', bytes }, shape).catch((cause: unknown) => {
    throw new DataError(
      `read ${path}: ${cause instanceof Error ? cause.message : cause}; give a picture`,
      { path },
      { cause },
    )
  })
  return project(model, { pixels, channels, imageSize }, { ...options, name: basename(path) })
}

/**
 * Finds a latent from which the model paints nearly the given picture (Zhu et al. 2016, section 4.1): the nearest of
 * some drawn latents are moved by Adam down the mean squared difference of pixels and of their means over squares, with
 * a pull towards latents as long as normal ones are; the best in the end is kept. A function of the seed. Departs: no
 * network's features take part. Throws ConfigError for settings, AbortError where `signal` asks to stop.
 */
export async function project(
  model: ImageModel,
  original: Pictures,
  { name = 'picture', ...options }: ProjectOptions & { readonly name?: string },
): Promise<Projection> {
  const { seed, guidance, steps = 300, starts = 8, signal } = options
  checkProject(model, original, steps, starts)
  const [condition] = model.conditions(options) as [Condition]
  const paint = paintSettings(guidance, signal)
  const drawn = Array.from({ length: Math.max(candidates, starts) }, (_, i) =>
    drawLatent(seed, i, model.loaded.gan.config.latentSize),
  )
  const first = (await rank(model, original, drawn, condition, paint)).slice(0, starts)
  const moved = await move(model, original, first, condition, options)
  const [latent] = await rank(model, original, [...moved, first[0]!], condition, paint)
  const reconstruction = await paintAll(model, [latent!], condition, paint)
  const distance = distanceTo(original, reconstruction, 0)
  const digest = await model.digest()
  const artifact = {
    ...model.record(paint, { seed, index: 0, condition, digest }),
    latent: [...latent!],
    projection: { of: name, pixels: pixelDigest(original.pixels), distance, steps, starts },
    pixels: pixelDigest(reconstruction.pixels),
  }
  return { original, reconstruction, latent: latent!, distance, artifact }
}

function checkProject(model: ImageModel, { pixels, channels, imageSize }: Pictures, steps: number, starts: number) {
  const { config } = model.loaded.gan
  if (channels !== config.channels || imageSize !== config.imageSize || pixels.length !== channels * imageSize ** 2)
    throw new ConfigError(
      `project: got a picture of ${channels} × ${imageSize} × ${imageSize}, the model paints ${config.channels} × ${config.imageSize} × ${config.imageSize}; resize it`,
    )
  for (const [name, value] of Object.entries({ steps, starts }))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`project: ${name} is ${value}, wanted a whole number from 1`)
}

function paintSettings(guidance: number | undefined, signal: AbortSignal | undefined): PaintSettings {
  return { ...(guidance === undefined ? {} : { guidance }), ...(signal ? { signal } : {}) }
}

function paintAll(model: ImageModel, latents: readonly Float32Array[], { values }: Condition, paint: PaintSettings) {
  const requests = latents.map((latent, place) => ({ latent, place, ...(values ? { condition: values } : {}) }))
  return model.paint(requests, paint)
}

/** Latents by how near their pictures come, the nearest first. */
async function rank(
  model: ImageModel,
  original: Pictures,
  latents: readonly Float32Array[],
  condition: Condition,
  paint: PaintSettings,
): Promise<Float32Array[]> {
  const pictures = await paintAll(model, latents, condition, paint)
  const distances = latents.map((_, i) => distanceTo(original, pictures, i))
  return [...latents.keys()].sort((a, b) => distances[a]! - distances[b]! || a - b).map((i) => latents[i]!)
}

/** Moves latents by Adam, all at once: their losses are added, so that each goes its own way. */
async function move(
  model: ImageModel,
  original: Pictures,
  first: readonly Float32Array[],
  condition: Condition,
  { seed, guidance = 1, steps = 300, learningRate = 0.1, signal, onProgress }: ProjectOptions,
): Promise<Float32Array[]> {
  const { latentSize } = model.loaded.gan.config
  const scope = new Scope()
  const latents = scope.parameter('projection.latents', [first.length, latentSize], { kind: 'zeros' })
  const loss = lossOf(model, original, latents, condition, guidance)
  const trainer = await Trainer.create(model.engine, {
    loss,
    parameters: scope.parameters,
    optimizer: adamW({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }),
    gradientClip: Number.POSITIVE_INFINITY,
    seed,
  })
  try {
    const buffer = () => trainer.buffer('projection.latents')
    await buffer().write(Float32Array.from(first.flatMap((latent) => [...latent])))
    const weights = weightsOf(model, loss)
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted()
      const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / steps))
      const { loss: total } = await trainer.train([weights], rate)
      onProgress?.(step + 1, steps, total / first.length)
    }
    const found = (await buffer().read()) as Float32Array
    return first.map((_, i) => found.slice(i * latentSize, (i + 1) * latentSize))
  } finally {
    await trainer.release()
  }
}

/** Σ over latents of the distance at all scales and of the prior: a scalar. */
function lossOf(
  model: ImageModel,
  original: Pictures,
  latents: Tensor,
  condition: Condition,
  guidance: number,
): Tensor {
  const { gan } = model.loaded
  const { channels, imageSize, latentSize } = gan.config
  const [n] = latents.shape as [number]
  const shape = [1, channels, imageSize, imageSize]
  const data = Float32Array.from(original.pixels, (value) => value / 127.5 - 1)
  const given =
    guidance === 1 ? {} : { guidance: constant({ dtype: 'float32', shape: [], data: Float32Array.of(guidance) }) }
  const painted = gan.generate(latents, conditionTensor(condition, n), given)
  const difference = shownDifference(painted, { dtype: 'float32', shape, data })
  const terms = scalesOf(imageSize).map((kernel) => {
    const coarse = kernel === 1 ? difference : averagePool2d(difference, { kernel })
    return mean(mul(coarse, coarse))
  })
  const distance = mul(
    terms.reduce((a, b) => add(a, b)),
    n / terms.length,
  )
  const length = sub(mul(sum(mul(latents, latents), { axes: [1] }), 1 / latentSize), 1)
  return add(distance, mul(sum(mul(length, length)), priorWeight))
}

/** Painted − wanted, but 0 where the picture is quite black or white and what is painted lies beyond: it shows the same. */
function shownDifference(painted: Tensor, wanted: HostTensor & { readonly data: Float32Array }): Tensor {
  const far = 1e9
  const bound = (end: number) =>
    constant({ ...wanted, data: wanted.data.map((value) => (value === end ? end : end * far)) })
  return sub(minimum(maximum(painted, bound(-1)), bound(1)), constant(wanted))
}

function conditionTensor({ values, class: asked }: Condition, n: number): Tensor | undefined {
  if (!values) return undefined
  const data = Int32Array.from({ length: n * values.length }, (_, i) => values[i % values.length]!)
  return constant({ dtype: 'int32', shape: asked ? [n] : [n, values.length], data })
}

/** Weights of the generator that a loss reads, as a batch's feeds: they stay as they are. */
function weightsOf(model: ImageModel, loss: Tensor) {
  const names = [...inputsFirst([loss.node])].flatMap(({ outputs }) => outputs.map(inputName))
  const { generator } = model.loaded
  return Object.fromEntries(names.flatMap((name) => (name && generator[name] ? [[name, generator[name].data]] : [])))
}

const scalesOf = (imageSize: number) => scales.filter((kernel) => imageSize % kernel === 0)

/** The same distance of the index-th picture, of pixels as they are. */
function distanceTo(original: Pictures, pictures: Pictures, index: number): number {
  const { channels, imageSize: size } = original
  const { pixels } = pictureAt(pictures, index)
  const difference = Float64Array.from(pixels, (value, i) => (value - original.pixels[i]!) / 127.5)
  const each = scalesOf(size).map((kernel) => meanSquare(difference, channels, size, kernel))
  return each.reduce((a, b) => a + b, 0) / each.length
}

/** The mean of the squares of means over kernel × kernel pixels of planes [channels, size, size]. */
function meanSquare(planes: Float64Array, channels: number, size: number, kernel: number): number {
  const side = size / kernel
  const means = new Float64Array(channels * side * side)
  for (let i = 0; i < planes.length; i++) {
    const [plane, y, x] = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size]
    means[(plane * side + Math.floor(y / kernel)) * side + Math.floor(x / kernel)]! += planes[i]! / kernel ** 2
  }
  return means.reduce((total, value) => total + value ** 2, 0) / means.length
}

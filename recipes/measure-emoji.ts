/**
 * Measures a model that paints from words: whether what it paints is what was asked for, in several spaces.
 *
 *     npm run recipe -- measure-emoji [RUN]
 *
 * - Known emoji: a picture is painted for each of 200 training emoji from its name, English and French in turn. Recall at
 *   5: how often that very emoji is among the 5 nearest of 50 (itself and 49 others at random); chance is 10 %.
 * - Held-out emoji, whose pictures were never seen: how often one of the 5 nearest training pictures is of the same
 *   subgroup (such as `food-fruit`), beside 5 training pictures at random, which is the base rate.
 *
 * The spaces: pixels; features of InceptionV3; the same of pictures averaged over 2 × 2 pixels, which a pattern of single
 * pixels does not reach. Writes RUN/words.json, and the same into the card of gallery/emoji.
 */
import { join } from 'node:path'
import { writeJsonFile } from '../src/files/json-file.ts'
import { type ImageSet, openImages } from '../src/image/data/image-corpus.ts'
import { InceptionFeatures } from '../src/image/features/inception-features.ts'
import { ImageModel } from '../src/image/image-model.ts'
import { readImageRun } from '../src/image/run.ts'
import { Random } from '../src/random/random.ts'
import { noteInCard } from './image-gallery.ts'

const [run = 'runs/emoji'] = process.argv.slice(2)
const known = 200
const candidates = 50
const nearest = 5

const model = await ImageModel.load(run)
const corpus = await openImages(join(run, (await readImageRun(run)).corpus))
const { train, heldOut, channels, imageSize } = corpus
const each = channels * imageSize ** 2
const random = Random.seed(5)

const asked = random.split('asked').permutation(train.length).slice(0, known)
const unknown = Int32Array.from({ length: heldOut.length }, (_, i) => i)
const pixels = {
  train: train.pixels(Int32Array.from({ length: train.length }, (_, i) => i)),
  known: await paint(train, asked),
  heldOut: await paint(heldOut, unknown),
}

const inception = await InceptionFeatures.load(model.engine, { onNote: console.error })
const result = {
  asked: { known, heldOut: heldOut.length },
  pixels: await measure(pixelRows),
  inception: await measure((bytes) => inceptionRows(bytes)),
  inceptionOfHalves: await measure((bytes) => inceptionRows(averaged(bytes))),
}
await writeJsonFile(join(run, 'words.json'), result)
const rows = (['pixels', 'inception', 'inceptionOfHalves'] as const).flatMap((space) => {
  const { known, heldOut, base } = result[space]
  return [
    [`${space}: known emoji among the 5 nearest of 50`, percent(known)],
    [`${space}: subgroup of emoji never seen`, `${percent(heldOut)} (${percent(base)} by chance)`],
  ] as const
})
await noteInCard('emoji', { by: 'recipes/measure-emoji.ts', rows, ...result })
console.log(result)
await inception.release()
corpus.close()
await model.release()

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Pictures painted from the names of some of a set, English and French in turn. */
async function paint(set: ImageSet, places: ArrayLike<number>): Promise<Uint8Array> {
  const prompts = Array.from(places, (place, i) => {
    const names = set.captions(place).filter((caption) => !caption.includes(', '))
    return (i % 2 === 0 ? names[0] : names.at(-1)) ?? set.captions(place)[0]!
  })
  return (await model.generate({ seed: 0, n: prompts.length, prompt: prompts })).pictures.pixels
}

/** Both recalls, and the base rate, in the space that `rowsOf` takes pictures to. */
async function measure(rowsOf: (bytes: Uint8Array) => Promise<Float32Array[]>) {
  const rows = {
    train: await rowsOf(pixels.train),
    known: await rowsOf(pixels.known),
    heldOut: await rowsOf(pixels.heldOut),
  }
  const subgroup = (i: number) => heldOut.record(i).subgroup
  return {
    known: mean(Array.from(asked, (place, i) => isFound(rows.known[i]!, rows.train, place, i))),
    heldOut: mean(rows.heldOut.map((row, i) => hasSubgroup(closest(row, rows.train), subgroup(i)))),
    base: mean(rows.heldOut.map((_, i) => hasSubgroup(anyFive(i), subgroup(i)))),
  }
}

async function pixelRows(bytes: Uint8Array): Promise<Float32Array[]> {
  const rows = Array.from({ length: bytes.length / each }, (_, i) => bytes.subarray(i * each, (i + 1) * each))
  return rows.map((row) => Float32Array.from(row, (value) => value / 255))
}

async function inceptionRows(bytes: Uint8Array): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  for (let begin = 0; begin < bytes.length; begin += each * 32) {
    const part = await inception.extract({ pixels: bytes.subarray(begin, begin + each * 32), channels, imageSize })
    for (let at = 0; at < part.length; at += inception.width) rows.push(part.subarray(at, at + inception.width))
  }
  return rows
}

/** Every pixel as the mean of the 2 × 2 that it stands in. */
function averaged(bytes: Uint8Array): Uint8Array {
  const mean = new Uint8Array(bytes.length)
  for (let line = 0; line < bytes.length; line += 2 * imageSize)
    for (let x = 0; x < imageSize; x += 2) {
      const places = [line + x, line + x + 1, line + imageSize + x, line + imageSize + x + 1]
      const value = places.reduce((sum, at) => sum + bytes[at]!, 0) / 4
      for (const at of places) mean[at] = Math.round(value)
    }
  return mean
}

function distance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
}

/** Whether the asked emoji is among the nearest of it and some others at random. */
function isFound(row: Float32Array, all: readonly Float32Array[], place: number, i: number): boolean {
  const others = random
    .split('others')
    .at(i)
    .permutation(train.length)
    .filter((other) => other !== place)
  const own = distance(row, all[place]!)
  return others.slice(0, candidates - 1).filter((other) => distance(row, all[other]!) < own).length < nearest
}

/** The training pictures that lie nearest. */
function closest(row: Float32Array, all: readonly Float32Array[]): number[] {
  const distances = all.map((other) => distance(row, other))
  return [...distances.keys()].sort((a, b) => distances[a]! - distances[b]!).slice(0, nearest)
}

function anyFive(i: number): number[] {
  return [...random.split('any').at(i).permutation(train.length).slice(0, nearest)]
}

function hasSubgroup(places: readonly number[], subgroup: string | undefined): boolean {
  return places.some((place) => train.record(place).subgroup === subgroup)
}

function mean(hits: readonly boolean[]): number {
  return hits.filter(Boolean).length / hits.length
}

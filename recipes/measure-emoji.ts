/**
 * Measures a model that paints from words: whether what it paints is what was asked for, in the space of InceptionV3.
 *
 *     npm run recipe -- measure-emoji [RUN]
 *
 * - Known emoji: a picture is painted for each of 200 training emoji from its name, English and French in turn. Recall at
 *   5: how often that very emoji is among the 5 nearest of 50 (itself and 49 others at random); chance is 10 %.
 * - Held-out emoji, whose pictures and names were never seen: how often one of the 5 nearest training pictures is of the
 *   same subgroup (such as `food-fruit`), beside 5 training pictures at random, which is the base rate.
 */
import { join } from 'node:path'
import { writeJsonFile } from '../src/files/json-file.ts'
import { type ImageSet, openImages } from '../src/image/data/image-corpus.ts'
import { InceptionFeatures } from '../src/image/features/inception-features.ts'
import { ImageModel } from '../src/image/image-model.ts'
import { readImageRun } from '../src/image/run.ts'
import { Random } from '../src/random/random.ts'

const [run = 'runs/emoji'] = process.argv.slice(2)
const known = 200
const candidates = 50
const nearest = 5

const model = await ImageModel.load(run)
const corpus = await openImages(join(run, (await readImageRun(run)).corpus))
const { train, heldOut, channels, imageSize } = corpus
const extractor = await InceptionFeatures.load(model.engine, { onNote: console.error })
const random = Random.seed(5)

const trainFeatures = await features(train.pixels(Int32Array.from({ length: train.length }, (_, i) => i)))
const asked = random.split('asked').permutation(train.length).slice(0, known)
const paintedKnown = await paint(train, asked)
const paintedHeldOut = await paint(
  heldOut,
  Int32Array.from({ length: heldOut.length }, (_, i) => i),
)

const result = {
  known: { asked: known, recallAt5: mean(Array.from(asked, (place, i) => isFound(paintedKnown[i]!, place, i))) },
  heldOut: {
    asked: heldOut.length,
    recallAt5: mean(paintedHeldOut.map((row, i) => hasSubgroup(closest(row), subgroupOf(heldOut, i)))),
    base: mean(paintedHeldOut.map((_, i) => hasSubgroup(anyFive(i), subgroupOf(heldOut, i)))),
  },
}
await writeJsonFile(join(run, 'words.json'), result)
console.log(result)
await extractor.release()
corpus.close()
await model.release()

/** Features of pictures painted from the names of some of a set, English and French in turn. */
async function paint(set: ImageSet, places: ArrayLike<number>): Promise<Float32Array[]> {
  const prompts = Array.from(places, (place, i) => {
    const names = set.captions(place).filter((caption) => !caption.includes(', '))
    return (i % 2 === 0 ? names[0] : names.at(-1)) ?? set.captions(place)[0]!
  })
  const { pictures } = await model.generate({ seed: 0, n: prompts.length, prompt: prompts })
  return features(pictures.pixels)
}

async function features(pixels: Uint8Array): Promise<Float32Array[]> {
  const each = channels * imageSize ** 2
  const rows: Float32Array[] = []
  for (let begin = 0; begin < pixels.length; begin += each * 32) {
    const part = await extractor.extract({ pixels: pixels.subarray(begin, begin + each * 32), channels, imageSize })
    for (let at = 0; at < part.length; at += extractor.width) rows.push(part.subarray(at, at + extractor.width))
  }
  return rows
}

function distance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
}

/** Whether the asked emoji is among the nearest of it and some others at random. */
function isFound(row: Float32Array, place: number, i: number): boolean {
  const others = random
    .split('others')
    .at(i)
    .permutation(train.length)
    .filter((other) => other !== place)
  const own = distance(row, trainFeatures[place]!)
  const nearer = others.slice(0, candidates - 1).filter((other) => distance(row, trainFeatures[other]!) < own)
  return nearer.length < nearest
}

/** The training pictures that lie nearest. */
function closest(row: Float32Array): number[] {
  const distances = trainFeatures.map((other) => distance(row, other))
  return [...distances.keys()].sort((a, b) => distances[a]! - distances[b]!).slice(0, nearest)
}

function anyFive(i: number): number[] {
  return [...random.split('any').at(i).permutation(train.length).slice(0, nearest)]
}

function subgroupOf(set: ImageSet, place: number): string | undefined {
  return set.record(place).subgroup
}

function hasSubgroup(places: readonly number[], subgroup: string | undefined): boolean {
  return places.some((place) => subgroupOf(train, place) === subgroup)
}

function mean(hits: readonly boolean[]): number {
  return hits.filter(Boolean).length / hits.length
}

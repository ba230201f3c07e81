import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageClassifier, saveClassifier } from '../models/image-classifier.ts'
import { initializeAll } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import { prepareImages } from './data/prepare-images.ts'
import { type EvaluateImageProgress, evaluateImage, type ImageEvaluation } from './evaluate-image.ts'
import { ImageModel } from './image-model.ts'
import { tinyClasses, writeTinyGan } from './testing/tiny-gan.ts'

let folder: string
let run: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-evaluate-'))
  run = join(folder, 'run')
  await writeTinyGan(run, 'class')
  await writePictures(join(folder, 'pictures'))
  const corpus = await prepareImages({
    paths: [join(folder, 'pictures')],
    size: 16,
    channels: 3,
    heldOut: 0.3,
    folder: join(run, 'corpus'),
  })
  await writeFile(join(run, 'run.json'), JSON.stringify(recordOf(relative(run, corpus.folder), corpus.digest)))
  corpus.close()
  await writeClassifier(join(folder, 'classifier'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Noise in a folder a class; eight of the pictures are what the model itself paints. */
async function writePictures(to: string) {
  const model = await ImageModel.load(run)
  const { pictures } = await model.generate({ n: 8, seed: 0 })
  await model.release()
  const random = Random.seed(1)
  for (const [i, name] of tinyClasses.entries()) {
    await mkdir(join(to, name), { recursive: true })
    for (let k = 0; k < 24; k++) {
      const noise = Buffer.from(Array.from({ length: 768 }, () => random.integer(256)))
      await sharp(noise, { raw: { width: 16, height: 16, channels: 3 } })
        .png()
        .toFile(join(to, name, `${i}-${k}.png`))
    }
  }
  for (let k = 0; k < 8; k++) {
    const planes = pictures.pixels.subarray(k * 768, (k + 1) * 768)
    const mixed = Buffer.from(Array.from({ length: 768 }, (_, at) => planes[(at % 3) * 256 + Math.floor(at / 3)]!))
    await sharp(mixed, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toFile(join(to, tinyClasses[0]!, `own-${k}.png`))
  }
}

async function writeClassifier(to: string) {
  const attributes = [{ name: 'class', values: tinyClasses }]
  const classifier = new ImageClassifier({ imageSize: 16, channels: 3, width: 4, attributes })
  const weights = await initializeAll(classifier.scope.parameters.values(), Random.seed(1))
  await saveClassifier(to, classifier, Object.fromEntries(weights))
}

function recordOf(corpus: string, dataDigest: string) {
  const engine = { name: 'cpu', library: 'test', platform: 'test', threads: 1 }
  const version = 'test'
  return {
    ...{ format: 'atelier-run-1', craft: 'image', version, created: 'now', architecture: 'r3gan', preset: 'tiny' },
    ...{ settings: {}, seed: 0, sources: ['pictures'], corpus, dataDigest, engine, budget: { steps: 1 } },
    ...{ size: 16, fit: 'cover', condition: 'class' },
  }
}

describe('evaluateImage', () => {
  let evaluation: ImageEvaluation
  const heard: EvaluateImageProgress[] = []
  beforeAll(async () => {
    const classifier = join(folder, 'classifier')
    const onProgress = (progress: EvaluateImageProgress) => void heard.push(progress)
    evaluation = await evaluateImage(run, { samples: 40, classifier, threads: 1, onProgress })
  })

  it('measures samples beside held-out pictures, and training pictures beside them', () => {
    const { quality, baseline, pictures } = evaluation
    expect(pictures).toMatchObject({ samples: 40, real: 'held-out', train: { all: pictures.train?.inFeatures } })
    expect(pictures.compared).toBeGreaterThanOrEqual(6)
    expect(baseline!.frechetDistance).toBeLessThan(quality.frechetDistance)
    expect(baseline!.kernelDistance.mean).toBeLessThan(quality.kernelDistance.mean)
    expect(baseline!.coverage).toBeGreaterThan(quality.coverage)
  })

  it('finds the copies, by pixels and by features', () => {
    const { copying, nearest } = evaluation
    const [first] = nearest!
    expect(first!.picture).toMatch(/own-\d\.png/)
    expect(first!.distance).toBeLessThan(0.15) // noise is 0.29 or more from any picture
    expect(copying!.pixels.ratio.estimate).toBeGreaterThan(1)
    expect(copying!.features.threshold).toBeGreaterThan(0)
  })

  it('tells classes, and whether they are those asked for', () => {
    const [attribute] = evaluation.attributes!
    expect(attribute).toMatchObject({ attribute: 'class', values: tinyClasses, nClasses: 3 })
    expect(attribute!.shares.reduce((a, b) => a + b)).toBeCloseTo(1, 10)
    expect(attribute!.agreement).toBeGreaterThanOrEqual(0)
  })

  it('writes the run its evaluation and a sheet of pairs, and tells of every stage to its end', async () => {
    expect(JSON.parse(await readFile(join(run, 'evaluation.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(evaluation)),
    )
    const { width, height } = await sharp(join(run, 'evaluation-nearest.png')).metadata()
    expect(Math.min(width, height)).toBeGreaterThan(3 * 64)
    for (const stage of ['samples', 'features', 'measures', 'copies'] as const) {
      const last = heard.findLast((progress) => progress.stage === stage)!
      expect(last.done).toBe(last.total)
    }
  })

  it('repeats with its seed', async () => {
    const again = await evaluateImage(run, { samples: 40, classifier: join(folder, 'classifier'), threads: 1 })
    expect({ ...again, created: '' }).toEqual({ ...evaluation, created: '' })
  })

  it('compares a folder that is no run with pictures that are named, without copies', async () => {
    const bare = join(folder, 'bare')
    await writeTinyGan(bare, 'none')
    const options = { samples: 10, classifier: join(folder, 'classifier'), threads: 1 }
    await expect(evaluateImage(bare, options)).rejects.toThrow(/no held-out pictures; name real ones by --data/)
    const found = await evaluateImage(bare, { ...options, data: [join(folder, 'pictures')], sources: ['pictures'] })
    expect(found.pictures).toEqual({ samples: 10, compared: 10, real: ['pictures'] })
    expect(found.copying).toBeUndefined()
  })

  it('refuses too few samples, and features of a classifier that is not there', async () => {
    await expect(evaluateImage(run, { samples: 5 })).rejects.toThrow(/samples is 5, wanted a whole number from 6/)
    await expect(evaluateImage(run, { samples: 8, features: 'classifier' })).rejects.toThrow(/name one by --classifier/)
  })
})

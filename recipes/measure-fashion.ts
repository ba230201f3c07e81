/**
 * Measures a model of clothes: quality and diversity beside 5,000 held-out pictures, copies, and whether a classifier of
 * our own finds the class that was asked for.
 *
 *     npm run recipe -- measure-fashion [RUN] [SAMPLES]
 *
 * Trains the classifier into RUN/classifier first, where there is none; writes RUN/evaluation.json.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openImages } from '../src/image/data/image-corpus.ts'
import { evaluateImage } from '../src/image/evaluate-image.ts'
import { readImageRun } from '../src/image/run.ts'
import { trainClassifier } from '../src/image/train-classifier.ts'
import { createEngine } from '../src/runtime/index.ts'

const [run = 'runs/fashion', samples = '5000', classifier = join(run, 'classifier')] = process.argv.slice(2)

if (!existsSync(join(classifier, 'config.json'))) {
  const engine = await createEngine('cpu')
  const corpus = await openImages(join(run, (await readImageRun(run)).corpus))

  const { accuracy } = await trainClassifier(engine, corpus, { folder: classifier, picturesSeen: 360_000 })
  console.log({ accuracy })
  corpus.close()
  await engine.close()
}
const { quality, baseline, copying, attributes } = await evaluateImage(run, { samples: Number(samples), classifier })
console.log(JSON.stringify({ quality, baseline, copying, attributes }, null, 2))

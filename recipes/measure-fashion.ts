/**
 * Measures a model of clothes: quality and diversity beside 5,000 held-out pictures, copies, and whether a classifier of
 * our own finds the class that was asked for.
 *
 *     npm run recipe -- measure-fashion [RUN] [SAMPLES] [CLASSIFIER]
 *
 * Trains the classifier into CLASSIFIER (RUN/classifier) first, where there is none. Writes RUN/evaluation.json, and what it
 * found into the card of gallery/fashion where RUN asks for classes.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attributeRows, copyRows, qualityRows } from '../src/cli/image-evaluation-rows.ts'
import { writeJsonFile } from '../src/files/json-file.ts'
import { openImages } from '../src/image/data/image-corpus.ts'
import { evaluateImage } from '../src/image/evaluate-image.ts'
import { readImageRun } from '../src/image/run.ts'
import { trainClassifier } from '../src/image/train-classifier.ts'
import { createEngine } from '../src/runtime/index.ts'
import { noteInCard } from './image-gallery.ts'

const [run = 'runs/fashion', samples = '5000', classifier = join(run, 'classifier')] = process.argv.slice(2)

if (!existsSync(join(classifier, 'config.json'))) {
  const engine = await createEngine('cpu')
  const corpus = await openImages(join(run, (await readImageRun(run)).corpus))

  const { accuracy } = await trainClassifier(engine, corpus, { folder: classifier, picturesSeen: 360_000 })
  await writeJsonFile(join(classifier, 'accuracy.json'), accuracy)
  corpus.close()
  await engine.close()
}
const { quality, baseline, copying, attributes } = await evaluateImage(run, { samples: Number(samples), classifier })
const classifierAccuracy: unknown = JSON.parse(await readFile(join(classifier, 'accuracy.json'), 'utf8'))
const result = { classifierAccuracy, samples: Number(samples), quality, baseline, copying, attributes }
console.log(JSON.stringify(result, null, 2))
const rows = [
  ['accuracy of the classifier on held-out pictures', String(classifierAccuracy)],
  ['samples, and held-out pictures', samples],
  ...qualityRows(quality, baseline),
  ...attributeRows(attributes ?? []),
  ...(copying ? copyRows(copying).map(([by, rates]) => [`copies ${by}`, rates] as const) : []),
] as const
if ((await readImageRun(run)).condition === 'class')
  await noteInCard('fashion', { by: 'recipes/measure-fashion.ts', rows, ...result })

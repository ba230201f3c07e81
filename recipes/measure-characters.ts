/**
 * Measures a model of characters: asks for combinations of attributes that were never in the training data, and lets a
 * classifier of our own, trained on real drawings of all combinations, say which attributes it finds.
 *
 *     npm run recipe -- measure-characters [RUN] [SAMPLES]
 *
 * The classifier sees the held-out combinations too, as it must tell them; the generator never does. Trains it into
 * RUN/classifier first, where there is none. Attributes that it tells of fewer than 95 % of real drawings do not count.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeJsonFile } from '../src/files/json-file.ts'
import { PictureClassifier } from '../src/image/classify-pictures.ts'
import { prepareImages } from '../src/image/data/prepare-images.ts'
import { ImageModel } from '../src/image/image-model.ts'
import { trainClassifier } from '../src/image/train-classifier.ts'
import { Random } from '../src/random/random.ts'
import { createEngine } from '../src/runtime/index.ts'
import { type Attributes, attributeValues, drawCharacter, english, french, isHeldOut } from './characters-data.ts'
import { drawCharactersFolder } from './characters-folder.ts'
import { noteInCard } from './image-gallery.ts'

const [run = 'runs/characters', asked = '1000'] = process.argv.slice(2)
const folder = join(run, 'classifier')
const names = Object.keys(attributeValues) as (keyof Attributes)[]

if (!existsSync(join(folder, 'config.json'))) {
  const all = `${run}-classifier-data`
  await drawCharactersFolder(all, { seed: 2, apart: () => false })
  const packed = join(run, 'classifier-corpus')
  const corpus = await prepareImages({ paths: [all], size: 32, channels: 3, folder: packed, seed: 0 })
  const engine = await createEngine('cpu')
  const trained = await trainClassifier(engine, corpus, {
    folder,
    flip: true,
    picturesSeen: 400_000,
    attributes: names,
  })
  await writeJsonFile(join(folder, 'accuracy.json'), trained.accuracy)
  corpus.close()
  await engine.close()
}

const model = await ImageModel.load(run)
const classifier = await PictureClassifier.open(model.engine, folder)
const wanted = heldOutAttributes(Number(asked))
const random = Random.seed(9)
const prompts = wanted.map((attributes, i) => (i % 2 === 0 ? english : french)(attributes, random.at(i)))
const { pictures } = await model.generate({ seed: 0, n: wanted.length, prompt: prompts })
const { values } = await classifier.classify(pictures)
const found = Object.fromEntries(
  classifier.config.attributes.map(({ name, values: words }, a) => {
    const right = wanted.filter((attributes, i) => {
      return words[values[i * classifier.config.attributes.length + a]!] === attributes[name as keyof Attributes]
    })
    return [name, right.length / wanted.length]
  }),
)
const shares = Object.values(found)
const result = { asked: wanted.length, found, mean: shares.reduce((a, b) => a + b, 0) / shares.length }
await writeJsonFile(join(run, 'attributes.json'), result)
const classifierAccuracy: unknown = JSON.parse(await readFile(join(folder, 'accuracy.json'), 'utf8'))
const rows = [
  ['pictures asked for by combinations that training never saw', String(wanted.length)],
  ...Object.entries(found).map(([name, share]) => [`${name} as asked for`, percent(share)] as const),
  ['of all', percent(result.mean)],
] as const
await noteInCard('characters', { by: 'recipes/measure-characters.ts', rows, classifierAccuracy, ...result })
console.log(result)
await classifier.release()
await model.release()

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Attributes of characters whose combinations training never saw. */
function heldOutAttributes(count: number): Attributes[] {
  const found: Attributes[] = []
  for (let i = 0; found.length < count; i++) {
    const { attributes } = drawCharacter(3, i)
    if (isHeldOut(attributes)) found.push(attributes)
  }
  return found
}

import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sheetFile, writeImageCard } from '../src/cli/image-card.ts'
import { evaluateImage } from '../src/image/evaluate-image.ts'
import type { ImageRunResult } from '../src/image/image-run.ts'
import { type ImageCard, imageCard } from '../src/image/model-card.ts'
import { type TrainImageOptions, trainImage } from '../src/image/train-image.ts'
import { loadGan, saveGan } from '../src/models/gan-checkpoint.ts'
import type { FurtherMeasures } from '../src/train/card-facts.ts'

/** A model of the gallery: where it goes, and how it is trained. */
export interface GalleryRecipe {
  /** Folder below `gallery/`. */
  readonly name: string
  /** In a few words, for its card. */
  readonly title: { readonly en: string; readonly fr: string }
  /** A command that shows it. */
  readonly example: string
  /** What the samples of its card are asked for by, in turn; each class by default. */
  readonly asked?: readonly string[]
  /** What is done to words before they are spelled, as in Hugging Face's `tokenizer.json`: what its captions never hold. */
  readonly normalizers?: readonly object[]
  /** What it is bad at, for its card. */
  readonly limits: readonly string[]
  /** What its data lets it repeat, for its card. */
  readonly biases: readonly string[]
  /** Folder of the run; a run that is there is gone on with. */
  readonly out: string
  readonly options: Omit<TrainImageOptions, 'out' | 'resume'>
}

/** Trains a model, or goes on with its training, then writes it in 16 bits with a card to `gallery/NAME`. */
export async function trainForGallery(recipe: GalleryRecipe): Promise<void> {
  await trainToEnd(recipe.out, recipe.options)
  await writeGallery(recipe)
}

/** Trains into a folder, or goes on with the run that it holds; prints events, every fiftieth round's only. */
export async function trainToEnd(out: string, options: GalleryRecipe['options']): Promise<ImageRunResult> {
  const { budget, ...rest } = options
  const resumed = existsSync(join(out, 'run.json'))
  const run = trainImage({ ...(resumed ? { resume: true } : rest), ...(budget ? { budget } : {}), out })
  for (;;) {
    const { done, value } = await run.next()
    if (!done && value.type !== 'prepare' && (value.type !== 'round' || value.step % 50 === 0))
      console.log(JSON.stringify(value))
    if (!done) continue
    console.log(value)
    return value
  }
}

/** Writes what a recipe measured of a run into the card of the gallery's model that came of it. */
export async function noteInCard(
  name: string,
  measured: FurtherMeasures & Readonly<Record<string, unknown>>,
): Promise<void> {
  const gallery = folderOf(name)
  const card = JSON.parse(await readFile(join(gallery, 'card.json'), 'utf8')) as GalleryCard
  await writeImageCard(gallery, { ...card, measured }, { ...card, title: card.name.en })
}

/** A card, with what {@link writeGallery} adds. */
interface GalleryCard extends ImageCard, Pick<GalleryRecipe, 'example' | 'limits' | 'biases'> {
  readonly name: GalleryRecipe['title']
}

const folderOf = (name: string) => fileURLToPath(new URL(`../gallery/${name}`, import.meta.url))

async function writeGallery(recipe: GalleryRecipe): Promise<void> {
  const { name, title, example, limits, biases, asked = [], normalizers = [], out } = recipe
  const gallery = folderOf(name)
  await mkdir(gallery, { recursive: true })
  const { row, gan, classes, generator, metadata } = await loadGan(out)
  await saveGan(gallery, {
    modelType: row.name,
    config: gan.config,
    classes,
    weights: generator,
    metadata,
    float: 'F16',
  })
  for (const file of ['tokenizer_config.json', 'tokenizer.json'])
    if (existsSync(join(out, file))) await cp(join(out, file), join(gallery, file))
  await finishTokenizer(join(gallery, 'tokenizer.json'), normalizers)
  const evaluation = await evaluateImage(out, { features: 'inception', onNote: console.error })
  const { card, sheet } = await imageCard(out, evaluation, { folder: gallery, asked })
  const whole: GalleryCard = { name: title, example, limits, biases, ...card }
  await writeFile(join(gallery, sheetFile), sheet)
  await writeImageCard(gallery, whole, { ...whole, title: title.en })
}

/** Adds to a tokenizer's normalizer, where there is one, and takes the indentation out of its file: half of its size. */
async function finishTokenizer(path: string, normalizers: readonly object[]): Promise<void> {
  if (!existsSync(path)) return
  const tokenizer = JSON.parse(await readFile(path, 'utf8'))
  if (normalizers.length > 0)
    tokenizer.normalizer = { type: 'Sequence', normalizers: [tokenizer.normalizer, ...normalizers] }
  await writeFile(path, JSON.stringify(tokenizer))
}

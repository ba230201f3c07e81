import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeJsonFile } from '../src/files/json-file.ts'
import type { ImageRunResult } from '../src/image/image-run.ts'
import { readImageRun } from '../src/image/run.ts'
import { type TrainImageOptions, trainImage } from '../src/image/train-image.ts'
import { loadGan, saveGan } from '../src/models/gan-checkpoint.ts'
import { hardware } from '../src/train/run-record.ts'

/** A model of the gallery: where it goes, and how it is trained. */
export interface GalleryRecipe {
  /** Folder below `gallery/`. */
  readonly name: string
  /** In a few words, for its card. */
  readonly title: { readonly en: string; readonly fr: string }
  /** A command that shows it. */
  readonly example: string
  /** Folder of the run; a run that is there is gone on with. */
  readonly out: string
  readonly options: Omit<TrainImageOptions, 'out' | 'resume'>
}

/** Trains a model, or goes on with its training, then writes it in 16 bits with a card to `gallery/NAME`. */
export async function trainForGallery(recipe: GalleryRecipe): Promise<void> {
  const { out, options } = recipe
  const { run: _run, report: _report, sheet: _sheet, ...measured } = await trainToEnd(out, options)
  await writeGallery(recipe, measured)
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

/** Writes what was measured of a run into the card of the gallery's model that came of it. */
export async function noteInCard(name: string, measured: object): Promise<void> {
  const path = fileURLToPath(new URL(`../gallery/${name}/card.json`, import.meta.url))
  await writeJsonFile(path, { ...JSON.parse(await readFile(path, 'utf8')), measured })
}

async function writeGallery({ name, title, example, out }: GalleryRecipe, result: object): Promise<void> {
  const gallery = fileURLToPath(new URL(`../gallery/${name}`, import.meta.url))
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
  await compact(join(gallery, 'tokenizer.json'))
  const { settings, licence, dataDigest, sources, engine } = await readImageRun(out)
  const data = { sources, licence, digest: dataDigest }
  await writeJsonFile(join(gallery, 'card.json'), {
    name: title,
    example,
    data,
    settings,
    result,
    engine,
    hardware: hardware(),
  })
}

/** Takes the indentation out of a JSON file, where there is one: half of a tokenizer's size. */
async function compact(path: string): Promise<void> {
  if (existsSync(path)) await writeFile(path, JSON.stringify(JSON.parse(await readFile(path, 'utf8'))))
}

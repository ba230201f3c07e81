import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeJsonFile } from '../src/files/json-file.ts'
import { readImageRun } from '../src/image/run.ts'
import { type TrainImageOptions, trainImage } from '../src/image/train-image.ts'
import { loadGan, saveGan } from '../src/models/gan-checkpoint.ts'
import { hardware } from '../src/train/run-record.ts'

/** A model of the gallery: where it goes, and how it is trained. */
export interface GalleryRecipe {
  /** Folder below `gallery/`. */
  readonly name: string
  /** In a few words, for its card. */
  readonly title: string
  /** Folder of the run; a run that is there is gone on with. */
  readonly out: string
  readonly options: Omit<TrainImageOptions, 'out' | 'resume'>
}

/** Trains a model, or goes on with its training, then writes it in 16 bits with a card to `gallery/NAME`. */
export async function trainForGallery({ name, title, out, options }: GalleryRecipe): Promise<void> {
  const { budget, ...rest } = options
  const resumed = existsSync(join(out, 'run.json'))
  const run = trainImage({ ...(resumed ? { resume: true } : rest), ...(budget ? { budget } : {}), out })
  let result: Awaited<ReturnType<typeof run.next>>
  do {
    result = await run.next()
    const event = result.value
    if (
      !result.done &&
      'type' in event &&
      event.type !== 'prepare' &&
      (event.type !== 'round' || event.step % 50 === 0)
    )
      console.log(JSON.stringify(event))
  } while (!result.done)
  const { run: _run, report: _report, ...measured } = result.value
  await writeGallery(name, title, out, measured)
  console.log(result.value)
}

async function writeGallery(name: string, title: string, out: string, result: object): Promise<void> {
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
  await writeJsonFile(join(gallery, 'card.json'), { name: title, data, settings, result, engine, hardware: hardware() })
}

/** Takes the indentation out of a JSON file, where there is one: half of a tokenizer's size. */
async function compact(path: string): Promise<void> {
  if (existsSync(path)) await writeFile(path, JSON.stringify(JSON.parse(await readFile(path, 'utf8'))))
}

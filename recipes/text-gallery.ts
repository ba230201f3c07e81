import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeTextCard } from '../src/cli/text-card.ts'
import { exportModel } from '../src/export/export-model.ts'
import { evaluateText } from '../src/text/evaluate-text.ts'
import { guardText } from '../src/text/guard-text.ts'
import { type TextCard, textCard } from '../src/text/model-card.ts'
import type { TextRunResult } from '../src/text/text-run.ts'
import { type TrainTextOptions, trainText } from '../src/text/train-text.ts'
import type { FurtherMeasures } from '../src/train/card-facts.ts'

/** A model of the gallery that writes: where it goes, and how it is trained. */
export interface TextRecipe {
  /** Folder below `gallery/`. */
  readonly name: string
  /** In a few words, for its card. */
  readonly title: { readonly en: string; readonly fr: string }
  /** A command that shows it. */
  readonly example: string
  /** What the samples of its card begin from, in turn. */
  readonly prompts: readonly string[]
  /** What its data spells otherwise, and how: done to all that it reads. */
  readonly spelled?: Readonly<Record<string, string>>
  /** What it is bad at, for its card. */
  readonly limits: readonly string[]
  /** What its data lets it repeat, for its card. */
  readonly biases: readonly string[]
  /** Whether what it writes is kept from copying its data. */
  readonly guarded?: boolean
  /** Folder of the run; a run that is there is gone on with. */
  readonly out: string
  readonly options: Omit<TrainTextOptions, 'out' | 'resume'>
}

/** Trains a model, or goes on with its training, then writes it in 16 bits with a card to `gallery/NAME`. */
export async function trainTextForGallery(recipe: TextRecipe): Promise<void> {
  const { name, title, example, spelled = {}, guarded = false, out, options, ...card } = recipe
  await trainTextToEnd(out, options)
  if (guarded) await guardText(out)
  const gallery = fileURLToPath(new URL(`../gallery/${name}`, import.meta.url))
  await rm(gallery, { recursive: true, force: true })
  await exportModel(out, 'hf', gallery, 'f16')
  await finishTokenizer(join(gallery, 'tokenizer.json'), spelled)
  const evaluation = await evaluateText(out)
  const { prompts, limits, biases } = card
  const told = await textCard(out, evaluation, { folder: gallery, prompts })
  const whole = { name: title, example, limits, biases, ...told }
  await writeTextCard(gallery, whole, { ...whole, title: title.en })
}

/** Writes what a recipe measured into the card of a model of the gallery. */
export async function noteInTextCard(
  name: string,
  measured: FurtherMeasures & Readonly<Record<string, unknown>>,
): Promise<void> {
  const gallery = fileURLToPath(new URL(`../gallery/${name}`, import.meta.url))
  const card = JSON.parse(await readFile(join(gallery, 'card.json'), 'utf8')) as TextCard &
    Pick<TextRecipe, 'example' | 'limits' | 'biases'> & { name: TextRecipe['title'] }
  await writeTextCard(gallery, { ...card, measured }, { ...card, title: card.name.en })
}

/** Trains into a folder, or goes on with the run that it holds; prints events, every twentieth step's only. */
export async function trainTextToEnd(out: string, options: TextRecipe['options']): Promise<TextRunResult> {
  const { budget, ...rest } = options
  const resumed = existsSync(join(out, 'run.json'))
  const run = trainText({ ...(resumed ? { resume: true } : rest), ...(budget ? { budget } : {}), out })
  for (;;) {
    const { done, value } = await run.next()
    if (!done && value.type !== 'prepare' && (value.type !== 'step' || value.step % 20 === 0))
      console.log(JSON.stringify(value))
    if (!done) continue
    console.log(value)
    return value
  }
}

/** Adds spellings to a tokenizer's normalizer, and takes the indentation out of its file: half of its size. */
async function finishTokenizer(path: string, spelled: Readonly<Record<string, string>>): Promise<void> {
  const tokenizer = JSON.parse(await readFile(path, 'utf8'))
  const replace = Object.entries(spelled).map(([from, content]) => {
    return { type: 'Replace', pattern: { String: from }, content }
  })
  if (replace.length > 0) tokenizer.normalizer = { type: 'Sequence', normalizers: [tokenizer.normalizer, ...replace] }
  await writeFile(path, JSON.stringify(tokenizer))
}

import { join } from 'node:path'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { writeJsonFile } from '../files/json-file.ts'
import type { ImageCard } from '../image/model-card.ts'
import { type CardWords, cardPage, codeSpan, markdownTable, type Rows } from './card-page.ts'
import { count } from './format.ts'
import { attributeRows, copyRows, qualityRows } from './image-evaluation-rows.ts'

/** Name of the sheet of samples that stands beside a card. */
export const sheetFile = 'card.png'

/** Writes a card into a folder, beside its sheet: `card.json` for programs, with what else it says, `card.md` for people. */
export async function writeImageCard(folder: string, card: ImageCard, words: CardWords): Promise<void> {
  const { nearest: _, ...evaluation } = card.evaluation
  await writeJsonFile(join(folder, 'card.json'), { ...card, evaluation })
  await writeFileAtomic(join(folder, 'card.md'), imageCardPage(card, words))
}

/** The card of a model that paints, as a page of Markdown. */
export function imageCardPage(card: ImageCard, words: CardWords): string {
  return cardPage(card, words, { facts: facts(card), measured: measured(card), samples: samples(card) })
}

function facts({ architecture, settings }: ImageCard): Rows {
  const { latentSize, generatorWidth, discriminatorWidth } = settings
  return [['model', `${architecture}, latents of ${latentSize}, widths ${generatorWidth} and ${discriminatorWidth}`]]
}

function measured({ evaluation }: ImageCard): string[] {
  const { pictures, quality, baseline, features, copying, attributes = [] } = evaluation
  const real = pictures.real === 'held-out' ? 'pictures that were held out' : 'other pictures'
  return [
    `${count(pictures.samples)} samples beside ${real}, ${count(pictures.compared)} of both compared, as ${features.name} sees them; in brackets, training pictures in place of samples.`,
    markdownTable(['measure', ''], [...qualityRows(quality, baseline), ...attributeRows(attributes)]),
    ...(copying
      ? [
          'Copies of training pictures, beside those among held-out pictures:',
          markdownTable(['', ''], copyRows(copying)),
        ]
      : []),
  ]
}

function samples({ samples }: ImageCard): string[] {
  const asked = samples.map(({ prompt, class: name }) => prompt ?? name)
  const last = samples.length - 1
  return [
    `![samples of the seeds 0 to ${last}](${sheetFile})`,
    `Of the seeds 0 to ${last}, row by row; none was left out or chosen.`,
    ...(asked.some((ask) => ask !== undefined)
      ? [`Asked for: ${asked.map((ask) => (ask === undefined ? 'nothing' : codeSpan(ask))).join(', ')}.`]
      : []),
  ]
}

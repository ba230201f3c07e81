import { join } from 'node:path'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { writeJsonFile } from '../files/json-file.ts'
import type { TextCard } from '../text/model-card.ts'
import { type CardWords, cardPage, codeSpan, fenced, markdownTable, type Rows } from './card-page.ts'
import { figureRows, sampleRows } from './evaluation-rows.ts'
import { count } from './format.ts'

/**
 * Writes a card into a folder: `card.json` for programs, with what else it says but without what it holds of each pair,
 * and `card.md` for people.
 */
export async function writeTextCard(folder: string, card: TextCard, words: CardWords): Promise<void> {
  const { logProbabilities: _, ...evaluation } = { logProbabilities: undefined, ...card.evaluation }
  await writeJsonFile(join(folder, 'card.json'), { ...card, evaluation })
  await writeFileAtomic(join(folder, 'card.md'), textCardPage(card, words))
}

/** The card of a model that writes, as a page of Markdown. */
export function textCardPage(card: TextCard, words: CardWords): string {
  return cardPage(card, words, { facts: facts(card), measured: measured(card), samples: samples(card) })
}

function facts({ architecture, task, settings, from }: TextCard): Rows {
  const { nLayers, dModel, contextLength } = settings
  return [
    ...(from ? [['begun from', begunFrom(from)] as const] : []),
    ['model', `${architecture}, ${nLayers} layers, width ${dModel}, context ${contextLength}`],
    ['task', task ?? 'next'],
  ]
}

function begunFrom({ path, digest, training }: NonNullable<TextCard['from']>): string {
  const model = `${codeSpan(path)}, digest \`${digest.slice(0, 16)}…\``
  if (!training) return model
  const { steps, seconds, wattHours } = training
  return `${model}, whose training took ${count(steps)} steps, ${count(seconds / 60)} minutes, about ${count(wattHours)} Wh`
}

function measured({ evaluation }: TextCard): string[] {
  const { text, samples, baseline } = evaluation
  const source = text.source === 'held-out' ? 'text that was held out' : 'other text'
  const ofText = [
    `On ${source}: ${count(text.tokens)} tokens. In brackets, the interval of 95 %.`,
    markdownTable(['measure', ''], figureRows(evaluation)),
  ]
  if (!samples) return ofText
  return [
    ...ofText,
    `Of ${samples.samples} texts of its own; in brackets, people's texts of the same length:`,
    markdownTable(['measure', ''], sampleRows(samples, baseline)),
  ]
}

function samples({ samples }: TextCard): string[] {
  if (samples.length === 0) return []
  const shown = samples.flatMap(({ seed, prompt, text }) => [
    prompt === '' ? `Seed ${seed}` : `Seed ${seed}, ${codeSpan(prompt)}`,
    fenced(text),
  ])
  return [`Of the seeds 0 to ${samples.length - 1}; none was left out or chosen.`, ...shown]
}

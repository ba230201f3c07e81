import { join } from 'node:path'
import { writeFileAtomic } from '../files/atomic-write.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { type TextCard, wattsPerCore } from '../text/model-card.ts'
import { figureRows, sampleRows } from './evaluation-rows.ts'
import { bytes, count, short } from './format.ts'

/** What people say of a model, and no measure finds. */
export interface CardWords {
  readonly title: string
  /** A command that shows it. */
  readonly example?: string
  /** What it is bad at. */
  readonly limits?: readonly string[]
  /** What its data will let it repeat. */
  readonly biases?: readonly string[]
}

/** Writes a card into a folder: `card.json` for programs, without what it holds of each pair, and `card.md` for people. */
export async function writeCard(folder: string, card: TextCard, words: CardWords, more: object = {}): Promise<void> {
  const { logProbabilities: _, ...evaluation } = { logProbabilities: undefined, ...card.evaluation }
  await writeJsonFile(join(folder, 'card.json'), { ...more, ...card, evaluation })
  await writeFileAtomic(join(folder, 'card.md'), cardPage(card, words))
}

/** A card as a page of Markdown. */
export function cardPage(card: TextCard, { title, example, limits = [], biases = [] }: CardWords): string {
  const parts = [
    `# ${title}`,
    ...(example === undefined ? [] : [`    ${example}`]),
    markdownTable(['', ''], factRows(card)),
    '## Measured',
    `On ${card.evaluation.text.source === 'held-out' ? 'text that was held out' : 'other text'}: ${count(card.evaluation.text.tokens)} tokens. In brackets, the interval of 95 %.`,
    markdownTable(['measure', ''], figureRows(card.evaluation)),
    ...writing(card),
    ...list('## What it is bad at', limits),
    ...list('## What its data lets it repeat', biases),
    ...samples(card),
  ]
  return `${parts.join('\n\n')}\n`
}

function factRows({
  data,
  architecture,
  task,
  settings,
  weightBytes,
  training,
  hardware,
}: TextCard): [string, string][] {
  const { nLayers, dModel, contextLength } = settings
  const { steps, tokens, seconds, wattHours } = training
  return [
    ['learned from', data.sources.join('; ')],
    ['licence of the data', data.licence ?? 'not told'],
    ['digest of the data', `\`${data.digest.slice(0, 16)}…\``],
    ['model', `${architecture}, ${nLayers} layers, width ${dModel}, context ${contextLength}; ${bytes(weightBytes)}`],
    ['task', task ?? 'next'],
    ['training', `${count(steps)} steps, ${short(tokens)} tokens, ${count(seconds / 60)} minutes`],
    ['machine', `${hardware.processor}, ${hardware.cores} cores`],
    ['energy', `about ${count(wattHours)} Wh, at ${wattsPerCore} W a core: an estimate`],
  ]
}

function writing({ evaluation: { samples, baseline } }: TextCard): string[] {
  if (!samples) return []
  return [
    `Of ${samples.samples} texts of its own; in brackets, people's texts of the same length:`,
    markdownTable(['measure', ''], sampleRows(samples, baseline)),
  ]
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length > 0 ? [heading, items.map((item) => `- ${item}`).join('\n')] : []
}

function samples({ samples }: TextCard): string[] {
  if (samples.length === 0) return []
  const shown = samples.flatMap(({ seed, prompt, text }) => [
    prompt === '' ? `Seed ${seed}` : `Seed ${seed}, ${codeSpan(prompt)}`,
    fenced(text),
  ])
  return ['## Samples', `Of the seeds 0 to ${samples.length - 1}; none was left out or chosen.`, ...shown]
}

/** A block of text as it is, whatever backticks it holds. */
function fenced(text: string): string {
  const fence = fenceFor(text, 3)
  return `${fence}text\n${text}\n${fence}`
}

/** Text in a line as it is, but for its line breaks. */
function codeSpan(text: string): string {
  const fence = fenceFor(text, 1)
  const line = text.replace(/\s*\n\s*/g, ' ⏎ ')
  return fence.length > 1 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`
}

/** Backticks, `least` of them or more than stand together in `text`. */
function fenceFor(text: string, least: number): string {
  return '`'.repeat(Math.max(least, ...(text.match(/`+/g) ?? []).map(({ length }) => length + 1)))
}

function markdownTable(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')
  return [head, ['---', '---'], ...rows].map(([name, value]) => `| ${cell(name!)} | ${cell(value!)} |`).join('\n')
}

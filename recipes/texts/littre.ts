import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { debianFile } from './debian-package.ts'
import { syllables, versesOf } from './french-verse.ts'

/** What {@link readLittre} reads, for a card. */
export const littreSource = "quotations in Littré's dictionary (stardict-xmlittre)"

export const littreLicence = 'public domain (texts whose terms are over)'

/** A passage that the dictionary quotes for a word. */
export interface Quotation {
  /** The word, in small letters. */
  readonly word: string
  /** Whom it is from, by a name that people know; nothing where the dictionary names none. */
  readonly author?: string
  /** Lines of verse are told by `\n`; prose has none. */
  readonly text: string
  readonly verse: boolean
}

/**
 * Quotations in Émile Littré's dictionary of French, 1872 to 1877 (public domain; package stardict-xmlittre, whose mark-up
 * is not copied), of modern French, each once: what stands under the history of a word is older, and is left out, and so is
 * a passage most of which an earlier one holds.
 */
export async function readLittre(): Promise<Quotation[]> {
  const folder = 'usr/share/stardict/dic/XMLittre'
  const index = await readFile(debianFile('stardict-xmlittre', `${folder}.idx`))
  const text = gunzipSync(await readFile(debianFile('stardict-xmlittre', `${folder}.dict.dz`)))
  const isNew = newcomers()
  return entriesIn(index).flatMap(({ word, offset, size }) =>
    quotationsIn(text.toString('utf8', offset, offset + size), word).filter((quotation) => isNew(quotation.text)),
  )
}

interface Entry {
  readonly word: string
  readonly offset: number
  readonly size: number
}

/** Entries by place; of several spellings of one, with accents rather than without and without endings added. */
function entriesIn(index: Buffer): Entry[] {
  const found = new Map<number, Entry>()
  for (let at = 0; at < index.length; ) {
    const end = index.indexOf(0, at)
    const word = index.toString('utf8', at, end).toLowerCase()
    const entry = { word, offset: index.readUInt32BE(end + 1), size: index.readUInt32BE(end + 5) }
    const known = found.get(entry.offset)
    if (!known || worth(word) > worth(known.word)) found.set(entry.offset, entry)
    at = end + 9
  }
  return [...found.values()].filter(({ word }) => /^\p{L}[\p{L}' -]*$/u.test(word))
}

function worth(word: string): number {
  return (/[,([]/.test(word) ? -100 : 0) + (word.match(/[^\x20-\x7e]/g)?.length ?? 0)
}

const quotation =
  /<span foreground="#0000CD">([\s\S]*?)<\/span>(?:, <span foreground="#B22222">(.*?)<\/span>)?(?:, <span foreground="#556B2F">.*?<\/span>)?/g

function quotationsIn(entry: string, word: string): Quotation[] {
  const [modern = ''] = entry.split('<big>HISTORIQUE')
  const quotations: Quotation[] = []
  let last: string | undefined
  for (const [, raw = '', abbreviation] of modern.matchAll(quotation)) {
    const author = abbreviation === 'ID.' ? last : authors[(abbreviation ?? '').replace(/\.+$/, '.')]
    last = author
    const text = clean(raw)
    if (text.length < 40 || text.length > 420) continue
    const isPoet = poets.has(author ?? '')
    if (isPoet && syllables(text) <= 13) continue // a single verse: no poem, and no prose either
    const lines = isPoet ? versesOf(text) : undefined
    const named = author === undefined ? {} : { author }
    quotations.push({ word, ...named, text: closed(lines?.join('\n') ?? text), verse: lines !== undefined })
  }
  return quotations
}

/** What is written, without the dictionary's remarks and marks of omission. */
function clean(raw: string): string {
  const text = raw
    .replace(/<[^>]*>/g, '')
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&lt;|&gt;/g, '')
    .replace(/&amp;/g, '&')
    .replace(/\[[^\]]*\]|\([^)]*\)/g, ' ')
    .replace(/[’]/g, "'")
    .replace(/\s*\.{2,}\s*/g, '… ')
    .replace(/^[\s….,;:!?-]+/, '')
    .replace(/\s+([,.])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function closed(text: string): string {
  return /[.!?…]["»]?$/.test(text) ? text : `${text.replace(/[\s,;:]+$/, '')}.`
}

/** Whether most of a passage has not been seen in those asked about before, by stretches of five words. */
function newcomers(): (text: string) => boolean {
  const seen = new Set<string>()
  return (text) => {
    const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
    const stretches = words.slice(4).map((_, i) => words.slice(i, i + 5).join(' '))
    const known = stretches.filter((stretch) => seen.has(stretch)).length
    for (const stretch of stretches) seen.add(stretch)
    return stretches.length > 0 && known < stretches.length / 3
  }
}

/** Those who are quoted most, as the dictionary shortens their names. */
const authors: Readonly<Record<string, string>> = {
  'VOLT.': 'Voltaire',
  BOSSUET: 'Bossuet',
  'BOSS.': 'Bossuet',
  'CORN.': 'Corneille',
  'RAC.': 'Racine',
  'SÉV.': 'Madame de Sévigné',
  'MOL.': 'Molière',
  'LA FONT.': 'La Fontaine',
  BOILEAU: 'Boileau',
  'BOIL.': 'Boileau',
  'J. J. ROUSS.': 'Rousseau',
  'PASC.': 'Pascal',
  'MASS.': 'Massillon',
  'SAINT-SIMON': 'Saint-Simon',
  'FÉN.': 'Fénelon',
  'BUFF.': 'Buffon',
  'LA BRUY.': 'La Bruyère',
  'MONTESQ.': 'Montesquieu',
  RÉGNIER: 'Régnier',
  'FLÉCH.': 'Fléchier',
  'BÉRANG.': 'Béranger',
  ROLLIN: 'Rollin',
  'DIDER.': 'Diderot',
  DIDEROT: 'Diderot',
  'FONTEN.': 'Fontenelle',
  "D'ALEMB.": "D'Alembert",
  'HAMILT.': 'Hamilton',
  'MALH.': 'Malherbe',
  GENLIS: 'Madame de Genlis',
  'LAMART.': 'Lamartine',
  RAYNAL: 'Raynal',
  'BOURDAL.': 'Bourdaloue',
  'BOURD.': 'Bourdaloue',
  REGNARD: 'Regnard',
  'CHATEAUB.': 'Chateaubriand',
  'CHATEAUBR.': 'Chateaubriand',
  MARMONTEL: 'Marmontel',
  'SCARR.': 'Scarron',
  SCARRON: 'Scarron',
  'BALZ.': 'Guez de Balzac',
  DELILLE: 'Delille',
  'P. L. COUR.': 'Courier',
  'V. HUGO': 'Hugo',
  LESAGE: 'Lesage',
  SÉGUR: 'Ségur',
  'VOIT.': 'Voiture',
  MAINTENON: 'Madame de Maintenon',
  'ROTR.': 'Rotrou',
  ROTROU: 'Rotrou',
  DANCOURT: 'Dancourt',
  'DESC.': 'Descartes',
  STAËL: 'Madame de Staël',
  RETZ: 'Retz',
  'MARIV.': 'Marivaux',
  MARIVAUX: 'Marivaux',
  'TH. CORN.': 'Thomas Corneille',
  'A. CHÉN.': 'Chénier',
  'M. J. CHÉN.': 'Marie-Joseph Chénier',
  'J. B. ROUSS.': 'Jean-Baptiste Rousseau',
  'BEAUMARCH.': 'Beaumarchais',
  'C. DELAV.': 'Delavigne',
  DUCIS: 'Ducis',
  GRESSET: 'Gresset',
  TRISTAN: "Tristan L'Hermite",
  MAIRET: 'Mairet',
  'VAUVENARGUES.': 'Vauvenargues',
}

/** Those who wrote in verse, some of them often, some always. */
const poets: ReadonlySet<string> = new Set([
  'Voltaire',
  'Corneille',
  'Racine',
  'Molière',
  'La Fontaine',
  'Boileau',
  'Régnier',
  'Béranger',
  'Malherbe',
  'Lamartine',
  'Regnard',
  'Scarron',
  'Delille',
  'Hugo',
  'Rotrou',
  'Thomas Corneille',
  'Chénier',
  'Marie-Joseph Chénier',
  'Jean-Baptiste Rousseau',
  'Delavigne',
  'Ducis',
  'Gresset',
  "Tristan L'Hermite",
  'Mairet',
])

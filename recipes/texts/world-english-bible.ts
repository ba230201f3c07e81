import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianFile } from './debian-package.ts'

/** A chapter of a book. */
export interface Chapter {
  /** As the book heads its pages, such as "Psalms". */
  readonly book: string
  readonly number: number
  /** Paragraphs of prose, and stanzas of verse, line by line. */
  readonly parts: readonly { readonly verse: boolean; readonly text: string }[]
}

/** All chapters of the World English Bible (public domain, CC0-1.0; package bibledit-data), in the order of the books. */
export async function readBible(): Promise<Chapter[]> {
  const folder = debianFile('bibledit-data', 'usr/share/bibledit/demo')
  const files = (await readdir(folder)).filter((name) => /^\d+-.*eng-web\.usfm$/.test(name)).sort()
  const books = files.filter((name) => !/-(FRT|GLO)eng/.test(name)) // what stands before and after the books
  const texts = await Promise.all(books.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap(chaptersOf)
}

/** Marks that begin a paragraph of prose, and a line of verse. */
const [prose, verse] = [/^(p|m|pi\d?|mi|nb|pc|li\d?)$/, /^q[\dcrm]?$/]

function chaptersOf(usfm: string): Chapter[] {
  const book = /^\\h (.*)$/m.exec(usfm)?.[1]?.trim() ?? ''
  return usfm
    .split(/^\\c /m)
    .slice(1)
    .map((chapter) => ({ book, number: Number.parseInt(chapter, 10), parts: partsOf(chapter) }))
}

function partsOf(chapter: string): Chapter['parts'] {
  const parts: { verse: boolean; text: string }[] = []
  let isOpen = false
  for (const line of chapter.split('\n').slice(1)) {
    const [, mark = '', rest = ''] = /^\\(\w+)\s*(.*)$/.exec(line) ?? [undefined, '', line]
    const text = withoutMarks(mark === 'v' ? rest.replace(/^[\d\-–,]+\s*/, '') : rest)
    const last = isOpen ? parts.at(-1) : undefined
    if (mark === 'v' || mark === '') {
      if (last) last.text += last.text.endsWith('\n') || last.text === '' ? text : ` ${text}`
    } else if (verse.test(mark)) {
      if (last?.verse) last.text += `\n${text}`
      else parts.push({ verse: true, text })
      isOpen = true
    } else {
      isOpen = prose.test(mark) // or a heading, or what parts stanzas
      if (isOpen) parts.push({ verse: false, text })
    }
  }
  return parts.map((part) => ({ ...part, text: tidy(part.text) })).filter(({ text }) => text !== '')
}

function withoutMarks(text: string): string {
  return text
    .replace(/\\([fx]) .*?\\\1\*/g, '') // footnotes and references
    .replace(/\\\+?w ([^|\\]*)(\|[^\\]*)?\\\+?w\*/g, '$1')
    .replace(/\\\+?\w+\*?\s?/g, '')
}

function tidy(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim())
  return lines.filter((line) => line !== '').join('\n')
}

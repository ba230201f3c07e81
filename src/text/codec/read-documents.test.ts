import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError } from '../../errors.ts'
import { type ReadDocumentsOptions, readDocuments } from './read-documents.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-read-'))
afterAll(() => rmSync(root, { recursive: true }))

let made = 0
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = join(root, `folder-${made++}`)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

const fileOf = (name: string, content: string | Uint8Array) => join(folderOf({ [name]: content }), name)

async function read(paths: string | string[], options: ReadDocumentsOptions = {}) {
  const { segments, report } = readDocuments([paths].flat(), options)
  const documents: string[] = []
  let text = ''
  for await (const segment of segments) {
    text += segment.text
    if (!segment.last) continue
    documents.push(text)
    text = ''
  }
  expect(text).toBe('')
  return { documents, report }
}

it('reads conversations whose marks follow the end of a line, which are no part of JSON', async () => {
  const content = 'first\n\u0303second\t\u030c \u001f\u0307'
  const line = JSON.stringify({ prompt: 'hi e\u0301', completion: content })
  const { documents } = await read(fileOf('talk.jsonl', `${line}\n`), { chats: true })
  expect(JSON.parse(documents[0]!)).toEqual([
    { role: 'user', content: 'hi é' },
    { role: 'assistant', content: content.normalize('NFC') },
  ])
})

const rows = [{ text: 'One, "quoted"\nline' }, { text: 'Zwei – ü' }, { text: '三 🙂' }]
const texts = rows.map(({ text }) => text)
const parquet = (column: string, data: unknown[], codec?: 'SNAPPY' | 'UNCOMPRESSED') =>
  new Uint8Array(parquetWriteBuffer({ columnData: [{ name: column, data }], rowGroupSize: 2, ...(codec && { codec }) }))
const forms: Record<string, string | Uint8Array> = {
  'a.jsonl': rows.map((row) => JSON.stringify(row)).join('\r\n'),
  'a.ndjson': `${rows.map((row) => JSON.stringify(row)).join('\n\n')}\n`,
  'a.json': JSON.stringify(rows, null, 2),
  'strings.json': JSON.stringify(texts),
  'lines.json': rows.map((row) => JSON.stringify(row)).join('\n'),
  'objects.json': rows.map((row) => JSON.stringify(row, null, 1)).join(''),
  'a.csv': 'id,text\n1,"One, ""quoted""\nline"\n2,Zwei – ü\n\n3,三 🙂\n',
  'a.tsv': 'text\tid\n"One, ""quoted""\nline"\t1\nZwei – ü\t2\n三 🙂\t3',
  'a.parquet': parquet('text', texts),
  'plain.parquet': parquet('text', texts, 'UNCOMPRESSED'),
}

describe('formats', () => {
  it.each(Object.keys(forms))('%s and the same gzipped hold the same documents', async (name) => {
    const content = forms[name]!
    expect((await read(fileOf(name, content))).documents).toEqual(texts)
    expect((await read(fileOf(`${name}.gz`, gzipSync(content)))).documents).toEqual(texts)
  })

  it('text is one document a file, in NFC, without mark, with plain line ends', async () => {
    const folder = folderOf({
      'a.txt': '\ufeffCafe\u0301\r\nau lait\r',
      'b.md': '# B',
      'c/d': 'no extension',
      'e.txt.gz': gzipSync('packed'),
    })
    expect((await read(folder)).documents).toEqual(['Caf\u00e9\nau lait\r', '# B', 'no extension', 'packed'])
  })

  it('standard input is text, JSON lines when a field is named, packed or not', async () => {
    const stdin = async function* (bytes: Uint8Array) {
      for (const byte of bytes) yield Uint8Array.of(byte)
    }
    const lines = Buffer.from('{"body":"été"}\n{"body":"hiver"}\n')
    expect((await read('-', { stdin: stdin(Buffer.from('été\n')) })).documents).toEqual(['été\n'])
    expect((await read('-', { stdin: stdin(gzipSync('été\n')) })).documents).toEqual(['été\n'])
    expect((await read('-', { stdin: stdin(lines), field: 'body' })).documents).toEqual(['été', 'hiver'])
  })

  it('finds fields by dotted paths', async () => {
    const row = { data: [{ body: 'deep' }], 'a.b': 'dotted', text: null }
    const path = fileOf('x.jsonl', JSON.stringify(row))
    expect((await read(path, { field: 'data.0.body' })).documents).toEqual(['deep'])
    expect((await read(path, { field: 'a.b' })).documents).toEqual(['dotted'])
    await expect(read(path)).rejects.toThrow(/no document found \(1 files read, 1 of them empty/)
    await expect(read(path, { field: 'nope' })).rejects.toThrow(
      /x\.jsonl line 1: no field "nope"; name one with --field: data\.0\.body, a\.b/,
    )
    await expect(read(path, { field: 'data' })).rejects.toThrow(/field "data" is a list, wanted text/)
    const table = fileOf('x.parquet', parquet('body', texts))
    expect((await read(table, { field: 'body' })).documents).toEqual(texts)
    await expect(read(table)).rejects.toThrow(/no field "text"; name one with --field: body/)
    const csv = fileOf('x.csv', 'title,body\na,b\n')
    await expect(read(csv)).rejects.toThrow(/x\.csv row 1: no field "text"; name one with --field: title, body/)
  })
})

describe('pairs', () => {
  const pairs = [
    ['One, "quoted"', 'Eins'],
    ['Zwei – ü', 'two'],
    ['三 🙂', 'three'],
  ] as const
  const columns = (names: readonly string[]) => {
    const columnData = names.map((name, at) => ({ name, data: pairs.map((pair) => pair[at] ?? 'other') }))
    return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 }))
  }
  const tsv = (names: readonly string[]) =>
    [names, ...pairs.map((pair) => names.map((_, at) => `"${(pair[at] ?? 'other').replaceAll('"', '""')}"`))]
      .map((cells) => `${cells.join('\t')}\n`)
      .join('')
  const lines = (names: readonly string[]) =>
    pairs
      .map((pair) => JSON.stringify(Object.fromEntries(names.map((name, at) => [name, pair[at] ?? 'other']))))
      .join('\n')
  const written = { 'a.parquet': columns, 'a.tsv': tsv, 'a.jsonl': lines }

  it.each(Object.entries(written))(
    '%s holds them in the usual fields, in two, in those named, gzipped too',
    async (name, write) => {
      for (const [names, field] of [
        [['source', 'target', 'more']],
        [['input', 'output', 'more']],
        [['anglais', 'deutsch']],
        [['a', 'b', 'c'], 'a,b'],
      ] as const) {
        const content = write(names)
        for (const path of [fileOf(name, content), fileOf(`${name}.gz`, gzipSync(content))]) {
          const { segments } = readDocuments([path], { pairs: true, field })
          const parts: string[] = []
          for await (const { text } of segments) parts.push(text)
          expect(parts).toEqual(pairs.flat())
        }
      }
    },
  )

  it.each(Object.entries(written))(
    '%s is refused in one line where a field is not there, or one alone is named',
    async (name, write) => {
      const path = fileOf(name, write(['a', 'b', 'c']))
      const read = (field?: string) =>
        readDocuments([path], { pairs: true, field }).segments[Symbol.asyncIterator]().next()
      await expect(read()).rejects.toThrow(/no field "input"; name one with --field: a, b, c$/)
      await expect(read('a,d')).rejects.toThrow(/no field "d"; name one with --field: a, b, c$/)
      await expect(read('a')).rejects.toThrow(
        '--field: got "a", wanted two names for pairs, such as --field question,answer',
      )
    },
  )
})

describe('folders', () => {
  it('walks in order, once each, through links but not in circles, and names what it leaves', async () => {
    const folder = folderOf({
      'b/2.txt': 'two',
      'a.txt': 'one',
      'c.png': Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0),
      '.git/x': 'hidden',
      'empty.txt': '',
      'latin.dat': Uint8Array.of(0x63, 0xe9, 0x20),
    })
    symlinkSync(folder, join(folder, 'b/loop'))
    symlinkSync(join(folder, 'a.txt'), join(folder, 'z.txt'))
    symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'))
    const { documents, report } = await read([folder, join(folder, '*.txt'), join(folder, 'a.txt')])
    expect(documents).toEqual(['one', 'two'])
    expect(report.emptyFiles).toEqual([join(folder, 'empty.txt')])
    expect(report.skippedFiles.map(({ path, reason }) => [path.slice(folder.length + 1), reason])).toEqual([
      ['.git', 'hidden'],
      ['b/loop', 'a link to a folder that holds it'],
      ['broken', 'it does not exist; check the path'],
      ['c.png', 'not UTF-8 text'],
      ['latin.dat', 'not UTF-8 text'],
    ])
  })

  it('says what is missing', async () => {
    await expect(read(join(root, 'absent.txt'))).rejects.toThrow(/absent\.txt: it does not exist; check the path/)
    await expect(read(join(root, '*.absent'))).rejects.toThrow(/no file matches the pattern/)
    await expect(read(folderOf({ 'a.txt': '', 'b.txt': '' }))).rejects.toThrow(
      /2 files read, 2 of them empty, 0 skipped/,
    )
    await expect(read([])).rejects.toThrow(DataError)
  })
})

describe('bad input gets one line', () => {
  const bad: [string, string | Uint8Array, RegExp][] = [
    ['a.txt', Buffer.from('abc\xe9 def', 'latin1'), /a\.txt: byte 3 \(0xe9\) is not UTF-8; .*iconv/],
    ['b.txt', Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xe2, 0x82]), /b\.txt: byte 4 \(0xe2\) is not UTF-8/],
    ['c.txt', Buffer.from('\ufeffhi', 'utf16le'), /c\.txt: got UTF-16LE, wanted UTF-8; convert it: iconv/],
    ['d.txt', Buffer.from([0xfe, 0xff, 0, 0x41]), /d\.txt: got UTF-16BE/],
    ['e.bin', Buffer.from('ab\0c'), /e\.bin: NUL at byte 2, wanted text; is it binary/],
    ['f.txt.gz', gzipSync('x'.repeat(9999)).subarray(0, 20), /f\.txt\.gz: the gzip file is cut short/],
    ['g.txt.gz', 'not gzip', /g\.txt\.gz: it is not a sound gzip file/],
    ['h.jsonl', '{"text":"a"}\n{"text":', /h\.jsonl line 2: it is not JSON, or cut short/],
    ['i.json', '[{"text":"a"},{"text":"b"}', /i\.json: the JSON is cut short after item 1; get/],
    ['i-inside.json', '[{"text":"a"},{"text":"b', /i-inside\.json: the JSON is cut short after item 1; get/],
    ['j.json', '[{"text":"a"},,{"text":"b"}]', /j\.json item 2: it is not JSON/],
    ['k.csv', 'text,n\n"open,1\n', /k\.csv: .*[Qq]uote.*; repair the table/],
    ['l.csv', 'text,n\na,1\nb\n', /l\.csv: .*; repair the table/],
    ['m.parquet', 'PAR1 nothing PAR1', /m\.parquet: not readable as Parquet/],
    ['n.parquet', parquet('text', texts).subarray(0, 60), /n\.parquet: not readable as Parquet/],
    ['o.jsonl', '{"text":"\\ud800"}', /o\.jsonl line 1: its text holds NUL or half a surrogate pair/],
    ['p.jsonl', '[1,2]', /p\.jsonl line 1: no field "text"; no field holds text/],
    ['q.jsonl', `{"text":"${'x'.repeat(2000)}"}`, /q\.jsonl line 1: more than 1000 characters in one value; split/],
    ['r.json', `[{"text":"${'x'.repeat(2000)}"}]`, /r\.json item 1: more than 1000 characters/],
    ['s.csv', `text\n"${'x'.repeat(2000)}"\n`, /s\.csv: .*; repair the table/],
  ]
  it.each(bad)('%s', async (name, content, message) => {
    const failure = await read(fileOf(name, content), { longestRow: 1000 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DataError)
    expect((failure as DataError).message).toMatch(message)
    expect((failure as DataError).message).not.toContain('\n')
  })

  it('whatever the bytes, they are documents or a DataError', { timeout: 60_000 }, async () => {
    const names = fc.constantFrom('a.txt', 'a.jsonl', 'a.json', 'a.csv', 'a.parquet', 'a.txt.gz', 'a')
    const mostlyText = fc
      .string({ unit: fc.constantFrom(...'{}[]",:\\\n\r0ae\u0301 ') })
      .map((text) => Buffer.from(text))
    await fc.assert(
      fc.asyncProperty(names, fc.oneof(fc.uint8Array({ maxLength: 60 }), mostlyText), async (name, bytes) => {
        const path = join(root, name)
        writeFileSync(path, bytes)
        const failure = await read(path).catch((error: unknown) => error)
        if (failure instanceof Error) expect(failure).toBeInstanceOf(DataError)
      }),
      { numRuns: 700 },
    )
  })

  it('a Parquet file with any one byte changed is read or a DataError', { timeout: 60_000 }, async () => {
    const sound = parquet('text', texts)
    const path = join(root, 'changed.parquet')
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = sound.slice()
        changed[at]! ^= change
        writeFileSync(path, changed)
        const failure = await read(path).catch((error: unknown) => error)
        if (failure instanceof Error) expect(failure).toBeInstanceOf(DataError)
      }),
      { numRuns: 500 },
    )
  })
})

describe('large files', () => {
  it('a text larger than its pieces comes back whole, normalised across every cut', async () => {
    const text = 'e\u0301\u0323 한국어 \u1112\u1161\u11ab word\r\n🙂'.repeat(60_000)
    const { segments } = readDocuments([fileOf('long.txt', text)])
    const pieces: string[] = []
    for await (const segment of segments) pieces.push(segment.text)
    expect(pieces.length).toBeGreaterThan(3)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(1 << 18)
    expect(pieces.join('') === text.replaceAll('\r\n', '\n').normalize('NFC')).toBe(true)
  })

  it('a gigabyte in a few kilobytes of gzip streams through bounded memory', { timeout: 60_000 }, async () => {
    const member = gzipSync(`${'All work and no play makes Jack a dull boy.\n'.repeat(400_000)}`)
    const path = fileOf('big.txt.gz', Buffer.concat(Array.from({ length: 12 }, () => member)))
    const before = process.memoryUsage().rss
    let [characters, most] = [0, 0]
    for await (const segment of readDocuments([path]).segments) {
      characters += segment.text.length
      most = Math.max(most, process.memoryUsage().rss)
    }
    expect(characters).toBe(12 * 400_000 * 44)
    expect((most - before) / 1e6).toBeLessThan(150)
  })
})

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ImageCorpus, type ImageSet, openImages } from './image-corpus.ts'
import { type ImageProgress, type PrepareImagesOptions, prepareImages } from './prepare-images.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-images-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const fresh = () => join(root, `folder-${made++}`)

/** PNG files of one colour each, 4 × 4: number i is (8 i, 255 − 8 i, i), or grey. */
const colours: Buffer[] = []
const greys: Buffer[] = []
beforeAll(async () => {
  for (let i = 0; i < 30; i++) {
    const create = (r: number, g: number, b: number) =>
      sharp({ create: { width: 4, height: 4, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer()
    colours.push(await create(8 * i, 255 - 8 * i, i))
    greys.push(await create(5 * i, 5 * i, 5 * i))
  }
})

/** A new folder with files by their paths in it. */
const folderOf = (files: Readonly<Record<string, string | Buffer>>) => {
  const folder = fresh()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}
const numbered = (pictures: readonly Buffer[], count: number, name = (i: number) => `${i + 10}.png`) =>
  Object.fromEntries(pictures.slice(0, count).map((bytes, i) => [name(i), bytes]))
const prepare = (paths: string | readonly string[], options: Partial<PrepareImagesOptions> = {}) =>
  prepareImages({ paths: typeof paths === 'string' ? [paths] : paths, size: 4, folder: fresh(), ...options })
const everyone = (set: ImageSet) => Array.from({ length: set.length }, (_, index) => index)
const sources = (set: ImageSet) => everyone(set).map((index) => set.record(index).source)
const byName = (corpus: ImageCorpus) => {
  const entries = [corpus.train, corpus.heldOut].flatMap((set) =>
    everyone(set).map((index) => [set.record(index).source.replace(/^.*\//, ''), set.record(index)] as const),
  )
  return Object.fromEntries(entries)
}

describe('prepareImages', () => {
  it('packs each picture once, a tenth held out, and gives back pixels by index', async () => {
    const folder = folderOf({ ...numbered(colours, 30), 'again.png': colours[3]!, 'notes.pdf': 'no picture' })
    const corpus = await prepare(folder)
    expect(corpus).toMatchObject({ imageSize: 4, channels: 3, classes: [], captioned: false })
    expect([corpus.train.length, corpus.heldOut.length]).toEqual([27, 3])
    expect(corpus.statistics).toMatchObject({ pictures: 30, duplicates: 1, skippedCount: 0, ownSplit: false })
    for (const set of [corpus.train, corpus.heldOut]) {
      expect(set.labels).toBeUndefined()
      const order = everyone(set).reverse()
      const pixels = set.pixels(order)
      expect(pixels).toHaveLength(set.length * 3 * 16)
      order.forEach((index, at) => {
        const name = set.record(index).source.slice(folder.length + 1)
        const i = name === 'again.png' ? 3 : Number.parseInt(name, 10) - 10
        const wanted = [8 * i, 255 - 8 * i, i].flatMap((value) => Array(16).fill(value))
        expect([...pixels.subarray(48 * at, 48 * at + 48)]).toEqual(wanted)
      })
    }
    expect(() => corpus.train.pixels([27])).toThrow(/got picture 27, wanted 0 to 26/)
    corpus.close()
  })

  it('chooses one plane where every picture is grey, three where one is not, or what is asked for', async () => {
    const grey = numbered(greys, 12)
    const some = { ...grey, 'zz.png': colours[5]! }
    const corpora = [
      await prepare(folderOf(grey)),
      await prepare(folderOf(some)),
      await prepare(folderOf(some), { channels: 1 }),
      await prepare(folderOf(grey), { channels: 4 }),
    ]
    expect(corpora.map(({ channels }) => channels)).toEqual([1, 3, 1, 4])
    const first = corpora.map(({ train }) => {
      const index = sources(train).findIndex((source) => source.endsWith('/15.png'))
      return [...train.pixels([index])].filter((_, i) => i % 16 === 0)
    })
    expect(first).toEqual([[25], [25, 25, 25], [25], [25, 25, 25, 255]])
    for (const corpus of corpora) corpus.close()
  })

  it('names what was learned from: neither file names nor how many were decoded at a time', async () => {
    const files = numbered(colours, 20)
    const renamed = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`b${name}`, bytes]))
    const swapped = { ...files, '10.png': colours[1]!, '11.png': colours[0]! }
    const options: [Record<string, Buffer | string>, Partial<PrepareImagesOptions>][] = [
      [files, {}],
      [files, { atOnce: 1 }],
      [renamed, { atOnce: 7 }],
      [files, { seed: 1 }],
      [files, { size: 8 }],
      [files, { heldOut: 0.3 }],
      [files, { channels: 4 }],
      [swapped, {}],
      [{ ...files, '10.txt': 'red' }, {}],
      [numbered(colours, 20, (i) => `${i % 2}/${i + 10}.png`), {}],
    ]
    const corpora: ImageCorpus[] = []
    for (const [contents, how] of options) corpora.push(await prepare(folderOf(contents), how))
    const digests = corpora.map(({ digest }) => digest)
    expect(digests.slice(1, 3)).toEqual([digests[0], digests[0]])
    expect(new Set(digests).size).toBe(8)
    expect(corpora[0]!.train.pixels(everyone(corpora[0]!.train))).toEqual(
      corpora[2]!.train.pixels(everyone(corpora[2]!.train)),
    )
    for (const corpus of corpora) corpus.close()
  })

  it('holds out the same pictures whatever the size and the order', async () => {
    const files = numbered(colours, 20)
    const backwards = Object.fromEntries(Object.values(files).map((bytes, i) => [`${99 - i}.png`, bytes]))
    const held = async (contents: Record<string, Buffer>, size: number) => {
      const corpus = await prepare(folderOf(contents), { size })
      const digests = sources(corpus.heldOut).map((source) => readFileSync(source).toString('hex'))
      corpus.close()
      return digests.sort()
    }
    expect(await held(backwards, 8)).toEqual(await held(files, 4))
  })

  it('does not pack again what is there, opens it without the sources, and notices damage', async () => {
    const [folder, into] = [folderOf(numbered(colours, 12)), fresh()]
    const stages: ImageProgress[] = []
    const options = { folder: into, onProgress: (progress: ImageProgress) => stages.push(progress) }
    const first = await prepare(folder, options)
    expect(new Set(stages.map(({ stage }) => stage))).toEqual(new Set(['read', 'pack']))
    expect(stages.at(-1)).toEqual({ stage: 'pack', done: 12, total: 12 })
    stages.length = 0
    const second = await prepare(folder, options)
    expect(new Set(stages.map(({ stage }) => stage))).toEqual(new Set(['read']))
    rmSync(folder, { recursive: true })
    const third = await openImages(first.folder)
    for (const corpus of [second, third]) {
      expect(corpus).toMatchObject({ digest: first.digest, folder: first.folder, statistics: first.statistics })
      expect(corpus.train.pixels([3])).toEqual(first.train.pixels([3]))
    }
    for (const corpus of [first, second, third]) corpus.close()
    const pixels = join(first.folder, 'train.pixels.bin')
    writeFileSync(pixels, readFileSync(pixels).subarray(1))
    await expect(openImages(first.folder)).rejects.toThrow(/got \d+ bytes, wanted \d+; remove the folder and prepare/)
  })

  it('leaves nothing behind when it is stopped', async () => {
    for (const stage of ['read', 'pack'] as const) {
      const [stop, folder] = [new AbortController(), fresh()]
      const onProgress = (progress: ImageProgress) => {
        if (progress.stage === stage && progress.done === 5) stop.abort(new Error('enough'))
      }
      const running = prepare(folderOf(numbered(colours, 12)), { folder, onProgress, signal: stop.signal })
      await expect(running).rejects.toThrow('enough')
      expect(readdirSync(folder)).toEqual([])
    }
  })
})

describe('what pictures lie in', () => {
  it('makes classes of folders, and holds out what lies in a folder that says so', async () => {
    const files = {
      ...numbered(colours.slice(0, 6), 6, (i) => `train/cat/${i}.png`),
      ...numbered(colours.slice(6, 12), 6, (i) => `train/dog/${i}.png`),
      ...numbered(colours.slice(12, 15), 3, (i) => `test/dog/${i}.png`),
    }
    const corpus = await prepare(folderOf(files))
    expect(corpus.classes).toEqual(['cat', 'dog'])
    expect(corpus.statistics.ownSplit).toBe(true)
    expect([...corpus.train.labels!]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    expect([...corpus.heldOut.labels!]).toEqual([1, 1, 1])
    expect(corpus.train.record(7)).toMatchObject({ class: 'dog' })
    corpus.close()
  })

  it('reads patterns and single files, each file once', async () => {
    const folder = folderOf(numbered(colours, 12, (i) => `${i % 2 ? 'odd' : 'even'}/${i + 10}.png`))
    const pattern = await prepare(join(folder, '*', '*.png'))
    const named = await prepare([
      ...(pattern.train.length ? readdirSync(join(folder, 'even')).map((name) => join(folder, 'even', name)) : []),
      ...readdirSync(join(folder, 'odd')).map((name) => join(folder, 'odd', name)),
    ])
    expect(pattern.classes).toEqual(['even', 'odd'])
    expect(named.classes).toEqual(['even', 'odd'])
    const twice = await prepare([folder, folder, join(folder, '*', '*.png')])
    expect(twice.statistics).toMatchObject({ pictures: 12, duplicates: 0 })
    for (const corpus of [pattern, named, twice]) corpus.close()
  })

  it('reads captions beside pictures, a line each, and counts what has no partner', async () => {
    const corpus = await prepare(
      folderOf({
        ...numbered(colours, 10),
        '10.txt': 'a red thing\r\n\n  une chose rouge \n',
        '11.txt': 'another',
        'lost.txt': 'a caption without a picture',
        'deep/12.png': colours[20]!,
      }),
    )
    expect(corpus.captioned).toBe(true)
    expect(corpus.classes).toEqual([])
    expect(byName(corpus)['10.png']).toMatchObject({ captions: ['a red thing', 'une chose rouge'] })
    expect(byName(corpus)['13.png']).not.toHaveProperty('captions')
    expect(corpus.statistics).toMatchObject({ uncaptioned: 9, orphanCaptionsCount: 1 })
    expect(corpus.statistics.orphanCaptions[0]).toMatch(/lost\.txt$/)
    expect(corpus.train.captions(0).length + corpus.train.captions(1).length).toBeGreaterThan(0)
    corpus.close()
  })

  it('reads tables of what is told of pictures, as JSON lines and as CSV', async () => {
    const rows = [
      { file_name: 'a/10.png', text: 'first', label: 3, attributes: { hair: 'long', glasses: true } },
      { file_name: 'a/11.png', captions: ['one', 'two'], label: 'dog', group: 'animals' },
      { file_name: 'a/nowhere.png', text: 'lost' },
    ]
    const json = rows.map((row) => JSON.stringify(row)).join('\n')
    const csv = 'file_name,caption,class,attributes\n10.png,"a, b",cat,"{""hat"":""red""}"\n11.png,,10,\n12.png,c,9,\n'
    const pictures = numbered(colours, 10, (i) => `a/${i + 10}.png`)
    const corpora = [
      await prepare(folderOf({ ...pictures, 'metadata.jsonl': json })),
      await prepare(folderOf({ ...pictures, 'a/metadata.csv': csv })),
    ]
    expect(byName(corpora[0]!)).toMatchObject({
      '10.png': { captions: ['first'], class: '3', attributes: { hair: 'long', glasses: 'true' } },
      '11.png': { captions: ['one', 'two'], class: 'dog', group: 'animals' },
    })
    expect(corpora[0]!.statistics).toMatchObject({ orphanCaptionsCount: 1, uncaptioned: 8 })
    expect(byName(corpora[1]!)).toMatchObject({
      '10.png': { captions: ['a, b'], class: 'cat', attributes: { hat: 'red' } },
      '11.png': { class: '10' },
    })
    expect(corpora[1]!.classes).toEqual(['10', '9', 'cat'])
    for (const corpus of corpora) corpus.close()
    const bad = folderOf({ ...pictures, 'metadata.jsonl': '{"file_name": "a/10.png", "text": 5}\n{"text": "x"}\n' })
    await expect(prepare(bad)).rejects.toThrow(
      /metadata\.jsonl row 1 text: got a number, wanted text or a list of texts/,
    )
    const nameless = folderOf({ ...pictures, 'metadata.csv': 'name,text\nx,y\n' })
    await expect(prepare(nameless)).rejects.toThrow(/metadata\.csv row 1: got no file_name/)
  })

  it('counts and names what is corrupt, cut short, or of a format that is not read', async () => {
    const corpus = await prepare(
      folderOf({
        ...numbered(colours, 10),
        'bad.jpg': 'not a picture',
        'cut.png': colours[20]!.subarray(0, colours[20]!.length - 30),
        'empty.webp': '',
        'old.bmp': 'BM',
      }),
    )
    const { pictures, skippedCount, skipped } = corpus.statistics
    expect([pictures, skippedCount]).toEqual([10, 4])
    const reasons = Object.fromEntries(skipped.map(({ source, reason }) => [source.replace(/^.*\//, ''), reason]))
    expect(reasons).toMatchObject({
      'bad.jpg': expect.stringMatching(/^not a picture in a format that is read/),
      'cut.png': expect.stringMatching(/^corrupt or cut short/),
      'empty.webp': 'an empty file',
      'old.bmp': expect.stringMatching(/convert it to png/),
    })
    corpus.close()
  })

  it('says so where there are no pictures, one, or too few', async () => {
    await expect(prepare(folderOf({ 'readme.txt': 'hello' }))).rejects.toThrow(
      /got no pictures, wanted at least 8; name a folder with more of them \(png, jpg, webp, gif, avif, svg, tiff\)/,
    )
    await expect(prepare(folderOf(numbered(colours, 1)))).rejects.toThrow(/got one picture, wanted at least 8/)
    const same = { ...numbered(colours, 3), 'x.png': colours[0]!, 'y.png': 'nonsense' }
    await expect(prepare(folderOf(same))).rejects.toThrow(
      /got 3 different pictures \(and 1 repetitions, 1 that can't be read, such as .*y\.png: not a picture/,
    )
    await expect(prepare(join(root, 'nowhere'))).rejects.toThrow(/nowhere: it does not exist/)
    await expect(prepare('tinyshakespeare')).rejects.toThrow(/read tinyshakespeare: this data set holds no pictures/)
    await expect(prepare([])).rejects.toThrow(/got no path/)
  })

  it('refuses settings in one line', async () => {
    const refused = (options: Partial<PrepareImagesOptions>) => expect(prepare(root, options)).rejects
    await refused({ size: 3 }).toThrow('size: got 3, wanted a whole number of pixels, 4 to 1024')
    await refused({ fit: 'squash' as never }).toThrow('fit: got squash, wanted cover, contain, stretch')
    await refused({ channels: 2 as never }).toThrow('channels: got 2, wanted auto, 1, 3 or 4')
    await refused({ heldOut: 0 }).toThrow(/heldOut: got 0, wanted/)
    await refused({ background: [0, 0, 300] }).toThrow(/background: got 0,0,300, wanted three/)
    await refused({ background: 'mauve' }).toThrow(/background: got mauve/)
  })

  it('survives a copy elsewhere', async () => {
    const corpus = await prepare(folderOf(numbered(colours, 10)))
    const copy = fresh()
    cpSync(corpus.folder, copy, { recursive: true })
    const again = await openImages(copy)
    expect(again.train.record(0)).toEqual(corpus.train.record(0))
    for (const open of [corpus, again]) open.close()
  })
})

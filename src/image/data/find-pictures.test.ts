import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { loadEmojiCaptions } from './emoji-captions.ts'
import { findPictures } from './find-pictures.ts'
import { folderClasses } from './folder-classes.ts'
import { prepareImages } from './prepare-images.ts'
import { sideOfFile, sideOfFolders } from './side-of.ts'
import { splitImages } from './split-images.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-find-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const fresh = () => {
  const folder = join(root, `folder-${made++}`)
  mkdirSync(folder)
  return folder
}
const entriesOf = async (paths: readonly string[]) => {
  const found = await findPictures(paths)
  const entries = []
  for await (const entry of found.entries()) entries.push({ ...entry, ...(await entry.read()) })
  return { found, entries }
}

describe('IDX files', () => {
  const idx = (sizes: readonly number[], content: Uint8Array) =>
    gzipSync(
      Buffer.concat([Buffer.from([0, 0, 8, sizes.length, ...sizes.flatMap((n) => [0, 0, n >> 8, n & 255])]), content]),
    )
  /** Each picture is full of its number, counted from `first`. */
  const pictures = (count: number, first: number) =>
    idx(
      [count, 3, 3],
      Uint8Array.from({ length: count * 9 }, (_, i) => first + Math.floor(i / 9)),
    )
  const write = (folder: string, labels: readonly number[] = [9, 0, 3, 3, 1, 2, 4, 5]) => {
    writeFileSync(join(folder, 'train-images-idx3-ubyte.gz'), pictures(8, 0))
    writeFileSync(join(folder, 'train-labels-idx1-ubyte.gz'), idx([labels.length], Uint8Array.from(labels)))
    writeFileSync(join(folder, 't10k-images-idx3-ubyte.gz'), pictures(11, 5))
    return folder
  }

  it('are read with their labels; what begins with t10k is held out', async () => {
    const corpus = await prepareImages({ paths: [write(fresh())], size: 4, folder: fresh() })
    expect(corpus.classes).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
    expect(corpus).toMatchObject({ channels: 1, statistics: { ownSplit: true, duplicates: 3 } })
    expect([...corpus.heldOut.labels!]).toEqual(Array(11).fill(-1))
    expect([...corpus.train.labels!]).toEqual([9, 0, 3, 3, 1])
    expect(corpus.train.pixels([4]).subarray(0, 4)).toEqual(Uint8Array.of(4, 4, 4, 4))
    corpus.close()
  })

  it('of fashion have the names of clothes', async () => {
    const folder = join(fresh(), 'Fashion')
    mkdirSync(folder)
    write(folder)
    const { entries, found } = await entriesOf([join(folder, 'train-images-idx3-ubyte.gz')])
    expect(entries.map(({ facts }) => facts.class).slice(0, 3)).toEqual(['Ankle boot', 'T-shirt/top', 'Dress'])
    expect(found.classes).toHaveLength(10)
    expect(entries[4]!.content).toMatchObject({ kind: 'grey', width: 3, height: 3, pixels: new Uint8Array(9).fill(4) })
  })

  it('must have a label for each picture', async () => {
    const folder = write(fresh(), [1, 2])
    const named = findPictures([join(folder, 'train-images-idx3-ubyte.gz')])
    await expect(named).rejects.toThrow(/got 2 labels, wanted one for each of the 8 pictures beside it/)
    expect((await findPictures([folder])).skipped).toMatchObject([{ reason: expect.stringMatching(/got 2 labels/) }])
  })
})

describe('Parquet files', () => {
  const write = async (folder: string, name: string, wrapped: boolean) => {
    const files: Buffer[] = []
    for (let i = 0; i < 9; i++) {
      files.push(
        await sharp({ create: { width: 4, height: 4, channels: 3, background: { r: 9 * i, g: 0, b: 0 } } })
          .png()
          .toBuffer(),
      )
    }
    const bytes = files.map((file) => new Uint8Array(file))
    const image: ColumnSource = {
      name: 'image',
      data: wrapped ? bytes.map((file) => ({ bytes: file, path: 'x.png' })) : bytes,
    }
    const features = { image: { _type: 'Image' }, label: { names: ['cat', 'dog', 'owl'], _type: 'ClassLabel' } }
    const written = parquetWriteBuffer({
      columnData: [
        wrapped ? image : { ...image, type: 'BYTE_ARRAY' },
        {
          name: 'label',
          data: bytes.map((_, i) => BigInt((i % 4) - 1)),
          ...(wrapped ? {} : { type: 'INT64' as const }),
        },
        { name: 'caption', data: bytes.map((_, i) => `picture ${i}`), ...(wrapped ? {} : { type: 'STRING' as const }) },
      ],
      ...(wrapped
        ? {
            schema: [
              { name: 'root', num_children: 3 },
              { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' as const },
              { name: 'bytes', type: 'BYTE_ARRAY' as const, repetition_type: 'OPTIONAL' as const },
              {
                name: 'path',
                type: 'BYTE_ARRAY' as const,
                converted_type: 'UTF8' as const,
                repetition_type: 'OPTIONAL' as const,
              },
              { name: 'label', type: 'INT64' as const, repetition_type: 'OPTIONAL' as const },
              {
                name: 'caption',
                type: 'BYTE_ARRAY' as const,
                converted_type: 'UTF8' as const,
                repetition_type: 'OPTIONAL' as const,
              },
            ],
          }
        : {}),
      kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }],
    })
    writeFileSync(join(folder, name), new Uint8Array(written))
    return { folder, files }
  }

  it.each([false, true])(
    'hold pictures as bytes or beside their path (%s), captions, and classes by number',
    async (wrapped) => {
      const { folder, files } = await write(fresh(), 'train-00000-of-00001.parquet', wrapped)
      const { found, entries } = await entriesOf([folder])
      expect(found.classes).toEqual(['cat', 'dog', 'owl'])
      expect(entries.map(({ facts }) => facts.class)).toEqual([
        undefined,
        'cat',
        'dog',
        'owl',
        undefined,
        'cat',
        'dog',
        'owl',
        undefined,
      ])
      expect(entries[5]!.facts.captions).toEqual(['picture 5'])
      expect(entries.every(({ content }, i) => content.kind === 'file' && files[i]!.equals(content.bytes))).toBe(true)
      const corpus = await prepareImages({ paths: [folder], size: 4, folder: fresh() })
      expect(corpus).toMatchObject({ captioned: true, classes: ['cat', 'dog', 'owl'] })
      corpus.close()
    },
  )

  it('without pictures are refused', async () => {
    const path = join(fresh(), 'words.parquet')
    writeFileSync(
      path,
      new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'text', data: ['a'], type: 'STRING' }] })),
    )
    await expect(findPictures([path])).rejects.toThrow(/words\.parquet: got columns text, wanted image with the bytes/)
  })
})

describe('icon sets', () => {
  it('of emoji have captions in English and French and groups, by name or by code points', async () => {
    const emoji = (await loadEmojiCaptions(import.meta.filename))!
    expect(emoji.factsOf('red-apple')).toEqual({
      captions: expect.arrayContaining(['red apple', 'pomme rouge', expect.stringMatching(/^red apple, .*fruit/)]),
      group: 'food-drink',
      subgroup: 'food-fruit',
    })
    expect(emoji.factsOf('mrs-claus')?.captions?.[0]).toBe('Mrs. Claus')
    expect(emoji.factsOf('person-blonde-hair')).toBeUndefined()
    expect(emoji.factsOf('person-blonde-hair', '1f471')?.captions).toContain('person: blond hair')
    expect(emoji.factsOf('keycap-hashtag', '0023-20e3')?.captions?.[0]).toBe('keycap: #')
  })

  it('are known by name: every emoji of the default set has captions in both languages', async () => {
    const { found, entries } = await entriesOf(['fluent-emoji'])
    expect(found.pictures).toBe(entries.length)
    expect(entries.length).toBeGreaterThan(1500)
    expect(entries.filter(({ facts }) => (facts.captions?.length ?? 0) < 2 || !facts.subgroup)).toHaveLength(0)
    const names = entries.map(({ source }) => source.replace(/^.*#/, ''))
    expect(names.filter((name) => /-(dark|medium|medium-light)$/.test(name))).toEqual([])
    expect(names).toContain('backhand-index-pointing-right')
  })

  it('of other things are described by the words of their names', async () => {
    const path = join(fresh(), 'tools.json')
    writeFileSync(path, JSON.stringify({ prefix: 'tools', icons: { 'claw-hammer': { body: '<path d=""/>' } } }))
    const { entries } = await entriesOf([path])
    expect(entries.map(({ facts }) => facts)).toEqual([{ captions: ['claw hammer'] }])
    writeFileSync(path, '{"text": "no icons"}')
    await expect(findPictures([path])).rejects.toThrow(/tools\.json/)
  })
})

describe('names', () => {
  it('say a side', () => {
    expect(
      ['t10k-images-idx3-ubyte.gz', 'test-00000-of-00001.parquet', 'train-images', 'contest'].map(sideOfFile),
    ).toEqual(['held-out', 'held-out', 'train', undefined])
    expect(
      [
        ['a', 'test', 'cat'],
        ['train', 'b'],
        ['a', 'b'],
      ].map(sideOfFolders),
    ).toEqual(['held-out', 'train', undefined])
  })

  it('say a class where pictures part', () => {
    const classes = (...paths: string[]) => folderClasses(paths.map((path) => path.split('/').filter(Boolean)))
    expect(classes('r/pets/cat', 'r/pets/dog/small', 'r/pets')).toEqual(['cat', 'dog', undefined])
    expect(classes('r/train/cat', 'r/train/dog', 'r/test/cat')).toEqual(['cat', 'dog', 'cat'])
    expect(classes('r/train', 'r/test')).toEqual([undefined, undefined])
    expect(classes('r/car', 'r/train', 'r/plane')).toEqual(['car', 'train', 'plane'])
    expect(classes('r/only', 'r/only', 'r')).toEqual([undefined, undefined, undefined])
    expect(classes()).toEqual([])
  })
})

describe('splitImages', () => {
  it('takes the lowest scores, or what sources say where something is left to learn from', () => {
    const scores = [0.5, 0.1, 0.9, 0.3]
    const none = [undefined, undefined, undefined, undefined]
    expect(splitImages({ scores, sides: none }, 0.5).sides).toEqual(['train', 'held-out', 'train', 'held-out'])
    expect(splitImages({ scores, sides: none }, 0.01).sides).toEqual(['train', 'held-out', 'train', 'train'])
    const said = splitImages({ scores, sides: ['held-out', undefined, 'train', 'train'] }, 0.5)
    expect(said).toEqual({ sides: ['held-out', 'train', 'train', 'train'], ownSplit: true })
    const all = splitImages({ scores, sides: scores.map(() => 'held-out' as const) }, 0.25)
    expect(all).toEqual({ sides: ['train', 'held-out', 'train', 'train'], ownSplit: false })
  })
})

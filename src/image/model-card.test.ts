import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareImages } from './data/prepare-images.ts'
import type { ImageEvaluation } from './evaluate-image.ts'
import { imageCard } from './model-card.ts'
import { writeTinyGan } from './testing/tiny-gan.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-card-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Captions of held-out pictures; the second has more words than the tiny model takes. */
const captions = ['a red apple', 'a green apple '.repeat(20).trim(), 'un chat noir', 'a red cat', 'une pomme']

test('asks for what held-out pictures are called, but for captions that the model cannot take', async () => {
  for (const side of ['train', 'test']) {
    await mkdir(join(folder, 'pictures', side), { recursive: true })
    const lines = captions.map((text, i) => JSON.stringify({ file_name: `${i}.png`, text }))
    await writeFile(join(folder, 'pictures', side, 'metadata.jsonl'), `${lines.join('\n')}\n`)
    for (const i of captions.keys())
      await sharp({
        create: { width: 16, height: 16, channels: 3, background: { r: 40 * i, g: side.length, b: 9 } },
      })
        .png()
        .toFile(join(folder, 'pictures', side, `${i}.png`))
  }
  const run = join(folder, 'run')
  await writeTinyGan(run, 'text')
  const corpus = await prepareImages({
    paths: [join(folder, 'pictures')],
    size: 16,
    channels: 3,
    folder: join(run, 'corpus'),
  })
  const record = {
    ...{ format: 'atelier-run-1', craft: 'image', version: 'test', created: 'now', architecture: 'r3gan' },
    ...{ preset: 'tiny', settings: {}, seed: 0, sources: ['pictures'], corpus: relative(run, corpus.folder) },
    ...{ dataDigest: corpus.digest, engine: { name: 'cpu', library: 'test', platform: 'test', threads: 1 } },
    ...{ budget: { steps: 1 }, size: 16, fit: 'cover', condition: 'text' },
  }
  corpus.close()
  await writeFile(join(run, 'run.json'), JSON.stringify(record))
  const { card } = await imageCard(run, {} as ImageEvaluation, { threads: 1 })
  const asked = new Set(card.samples.map(({ prompt }) => prompt))
  expect(asked).toEqual(new Set(captions.filter((_, i) => i !== 1)))
  expect(card.samples).toHaveLength(16)
})

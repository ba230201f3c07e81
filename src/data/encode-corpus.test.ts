import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { DocumentSpool } from './document-spool.ts'
import { encodeCorpus } from './encode-corpus.ts'
import { encodeJob } from './encode-job.ts'
import { type Encoder, encodeInOrder, inProcessEncoder, workerEncoder } from './encoder-pool.ts'
import { chooseHeldOut, splitDocuments } from './held-out.ts'
import { ShardWriter } from './shards.ts'
import { charTokenizer, countWords, type Tokenizer, trainBpe } from './tokenizers/index.ts'
import { workerFile } from './worker-file.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-encode-'))
const worker = join(root, 'encode-worker.mjs')
beforeAll(async () => {
  const entryPoints = [new URL('encode-worker.ts', import.meta.url).pathname]
  await build({ entryPoints, outfile: worker, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
})
afterAll(() => rmSync(root, { recursive: true }))

const paragraph = 'It was the best of times, it was the worst of times,\nit was the age of wisdom... 1859 é 🙂\n\n'
const documents = Array.from({ length: 40 }, (_, i) => paragraph.repeat(1 + (i % 7) * 60) + i)
const bpe = trainBpe(countWords(documents), { vocabSize: 400 })

async function spoolOf(texts: readonly string[], seed = 0) {
  const spool = await DocumentSpool.create(root, seed)
  for (const text of texts) {
    const characters = [...text]
    const cut = Math.floor(characters.length / 2)
    await spool.add(characters.slice(0, cut).join(''), false)
    await spool.add(characters.slice(cut).join(''), true)
  }
  return spool
}

async function encode(encoder: Encoder, tokenizer: Tokenizer, texts = documents) {
  const folder = mkdtempSync(join(root, 'out-'))
  const spool = await spoolOf(texts)
  const progress: number[] = []
  try {
    const split = await splitDocuments(spool, 0.1)
    const shards = await encodeCorpus(spool, split, tokenizer.eos, encoder, folder, ({ bytes }) => progress.push(bytes))
    return { shards, progress, train: readFileSync(join(folder, 'train.bin')), bytes: spool.bytes }
  } finally {
    await spool.dispose()
    await encoder.close()
  }
}

describe('encodeCorpus', () => {
  it('gives the same bytes in this thread and in one, two or three others, and the ids of whole documents', async () => {
    const here = await encode(inProcessEncoder(bpe), bpe)
    for (const workers of [1, 2, 3]) {
      const there = await encode(workerEncoder(bpe, workers, pathToFileURL(worker)), bpe)
      expect(there.train.equals(here.train)).toBe(true)
      expect(there.shards).toEqual(here.shards)
    }
    expect(here.progress.at(-1)).toBe(here.bytes)
    expect(here.progress.length).toBeGreaterThan(2)
    const ids = new Uint16Array(here.train.buffer, here.train.byteOffset, here.train.length / 2)
    const parts = documents.map((text) => [...bpe.encode(text), bpe.eos!])
    const spool = await spoolOf(documents)
    const { heldOut } = await splitDocuments(spool, 0.1)
    await spool.dispose()
    expect([...ids]).toEqual(parts.filter((_, document) => heldOut[document] === 0).flat())
  })

  it('reports what a thread could not spell, and a thread that dies', async () => {
    const tokenizer = charTokenizer('abc')
    const failure = encode(workerEncoder(tokenizer, 2, pathToFileURL(worker)), tokenizer, ['abc', 'abd'])
    await expect(failure).rejects.toThrow(DataError)
    const broken = { toJSON: () => ({}) as ReturnType<Tokenizer['toJSON']> }
    const encoder = workerEncoder(broken, 1, pathToFileURL(worker))
    await expect(encoder.encode({ texts: ['a'], closings: [undefined] })).rejects.toThrow(/a worker thread failed/)
    await expect(encoder.encode({ texts: ['a'], closings: [undefined] })).rejects.toThrow(/try again with workers 0/)
    await encoder.close()
  })

  it('keeps no more jobs under way than the encoder asks for', async () => {
    let [started, underWay, most] = [0, 0, 0]
    const encoder: Encoder = {
      width: 3,
      encode: async ({ texts }) => {
        most = Math.max(most, ++underWay)
        await new Promise((resolve) => setTimeout(resolve, started++ % 3))
        underWay -= 1
        return Uint16Array.of(texts[0]!.length)
      },
      close: async () => {},
    }
    const jobs = (async function* () {
      for (let i = 0; i < 20; i++) yield { texts: ['x'.repeat(i)], closings: [undefined] }
    })()
    const lengths: number[] = []
    for await (const { tokens } of encodeInOrder(encoder, jobs)) lengths.push(tokens[0]!)
    expect(lengths).toEqual([...Array(20).keys()])
    expect(most).toBe(3)
  })

  it('refuses ids outside the vocabulary, and takes 32 bits only when it must', () => {
    const fake = (vocabSize: number) => ({
      vocabSize,
      encodeInto: (_: string, ids: { push(id: number): void }) => ids.push(65_536),
    })
    const job = { texts: ['x'], closings: [7] }
    expect(() => encodeJob(fake(65_536), job)).toThrow(/gave id 65536, wanted 0 to 65535/)
    expect(encodeJob(fake(65_537), job)).toEqual(Uint32Array.of(65_536, 7))
  })

  it.runIf(existsSync('/dev/full'))('says in one line that the disk is full', async () => {
    const writer = await ShardWriter.create('/dev/full')
    await expect(writer.append(new Uint16Array(10))).rejects.toThrow(
      /^write \/dev\/full: the disk is full; free some space/,
    )
    await writer.close()
  })
})

describe('DocumentSpool', () => {
  it('keeps distinct documents whatever their pieces, in order, and the digest names them', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (texts) => {
        const spool = await spoolOf(texts)
        const distinct = [...new Set(texts.filter((one) => one !== ''))]
        const read: Buffer[] = []
        for await (const block of spool.blocks()) read.push(block)
        expect(Buffer.concat(read).toString()).toBe(distinct.join(''))
        expect(spool.byteLengths).toEqual(distinct.map((one) => Buffer.byteLength(one)))
        expect(spool.duplicates).toBe(texts.filter((one) => one !== '').length - distinct.length)
        expect(spool.characters).toBe([...distinct.join('')].length)
        const again = await spoolOf(distinct)
        expect(again.digest).toBe(spool.digest)
        await Promise.all([spool.dispose(), again.dispose()])
      }),
      { numRuns: 60 },
    )
  })

  it('forgets a repeated document of many megabytes that was on disk already', async () => {
    const long = `${'x'.repeat(1 << 20)}\n`
    const spool = await DocumentSpool.create(root, 0)
    for (const document of ['first', long, 'second', long, 'third']) {
      for (let piece = 0; piece < 3; piece++) await spool.add(document, piece === 2)
    }
    const read: Buffer[] = []
    for await (const block of spool.blocks()) read.push(block)
    const kept = ['first', long, 'second', 'third'].map((document) => document.repeat(3)).join('')
    expect(Buffer.concat(read).toString() === kept).toBe(true)
    expect(spool.duplicates).toBe(1)
    expect(await spool.offsetOfCharacter(kept.length - 2)).toBe(kept.length - 2)
    await spool.dispose()
  })
})

describe('chooseHeldOut', () => {
  const random = fc.array(
    fc.record({ length: fc.integer({ min: 1, max: 1e6 }), score: fc.double({ min: 0, max: 1, noNaN: true }) }),
    {
      minLength: 2,
      maxLength: 50,
    },
  )

  it('holds out at least one, never all, and near the fraction', () => {
    fc.assert(
      fc.property(random, fc.double({ min: 0.01, max: 0.5, noNaN: true }), (all, fraction) => {
        const lengths = all.map(({ length }) => length)
        const heldOut = chooseHeldOut(
          lengths,
          all.map(({ score }) => score),
          fraction,
        )
        const held = lengths.filter((_, i) => heldOut[i]).reduce((a, b) => a + b, 0)
        const total = lengths.reduce((a, b) => a + b, 0)
        expect(held).toBeGreaterThan(0)
        expect(held).toBeLessThan(total)
        expect(held - fraction * total).toBeLessThanOrEqual(Math.max(...lengths) / 2 + Math.min(...lengths))
      }),
    )
  })

  it('follows the scores, whatever the order', () => {
    expect([...chooseHeldOut([5, 5, 5, 5, 5, 5, 5, 5, 5, 5], [9, 8, 7, 1, 6, 5, 4, 3, 2, 10], 0.2)]).toEqual([
      0, 0, 0, 1, 0, 0, 0, 0, 1, 0,
    ])
    expect([...chooseHeldOut([100, 90, 1], [0, 0.5, 1], 0.001)]).toEqual([0, 0, 1])
  })
})

describe('workerFile', () => {
  it('is the module beside in a build and never a file that does not exist', () => {
    const from = pathToFileURL(join(root, 'main.js')).href
    expect(workerFile('encode-worker', from)).toBeUndefined()
    const there = workerFile('encode-worker', import.meta.url)
    if (there) expect(existsSync(there)).toBe(true)
  })
})

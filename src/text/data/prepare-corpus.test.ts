import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { defaultDataset, getDataset } from '../../data/catalog.ts'
import { epochWindows } from '../../data/windows.ts'
import { describeCorpus } from './describe-corpus.ts'
import { openCorpus } from './open-corpus.ts'
import { type PrepareProgress, prepareCorpus } from './prepare-corpus.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-corpus-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const fresh = () => join(root, `folder-${made++}`)
const file = (name: string, text: string) => {
  const path = join(root, name)
  writeFileSync(path, text)
  return path
}
const all = (dataset: { tokens: number; slice(start: number, length: number): Int32Array }) =>
  dataset.slice(0, dataset.tokens)

describe('prepareCorpus', () => {
  it('holds out the last tenth of a single document and learns its characters, with no other token', async () => {
    const text = 'to be or not to be, that is the question: 🙂 é\r\n'.repeat(20)
    const corpus = await prepareCorpus({ paths: [file('one.txt', text)], tokenizer: { kind: 'char' }, folder: fresh() })
    const characters = [...text.replaceAll('\r\n', '\n')]
    const cut = Math.floor(0.9 * characters.length)
    expect(corpus.tokenizer.decode(all(corpus.train))).toBe(characters.slice(0, cut).join(''))
    expect(corpus.tokenizer.decode(all(corpus.validation))).toBe(characters.slice(cut).join(''))
    expect(corpus.tokenizer.vocabSize).toBe(new Set(characters).size)
    expect(corpus.train.bytes + corpus.validation.bytes).toBe(Buffer.byteLength(characters.join('')))
    expect(corpus.statistics).toMatchObject({ documents: 1, duplicates: 0, characters: characters.length })
    corpus.close()
  })

  it('splits by document, parts documents by end of text, and drops repetitions', async () => {
    const lines = Array.from({ length: 50 }, (_, i) => `document ${i} says <|endoftext|> ${i * i}`)
    const rows = [...lines, lines[7], '', lines[9]].map((text) => JSON.stringify({ text })).join('\n')
    const paths = [file('many.jsonl', rows)]
    const corpus = await prepareCorpus({ paths, tokenizer: { kind: 'bpe', vocabulary: 300 }, folder: fresh() })
    const { tokenizer, train, validation, statistics } = corpus
    expect(statistics).toMatchObject({ documents: 50, duplicates: 2, files: 1 })
    const documents = [train, validation].map((side) =>
      splitAt(all(side), tokenizer.eos!).map((ids) => tokenizer.decode(ids)),
    )
    expect(documents.flat().sort()).toEqual([...lines].sort())
    expect(documents[1]).toHaveLength(5)
    expect(train.documents).toBe(45)
    corpus.close()
  })

  it.each(['wordpiece', 'unigram'] as const)(
    'learns %s from the training part and parts documents by its end',
    async (kind) => {
      const lines = Array.from({ length: 60 }, (_, i) => `Document ${i} says déjà vu, ${i * i} times.`)
      const paths = [file(`${kind}.jsonl`, lines.map((text) => JSON.stringify({ text })).join('\n'))]
      const stages: PrepareProgress[] = []
      const onProgress = (one: PrepareProgress) => stages.push(one)
      const corpus = await prepareCorpus({ paths, tokenizer: { kind, vocabulary: 600 }, folder: fresh(), onProgress })
      const { tokenizer, train, validation } = corpus
      expect([tokenizer.kind, tokenizer.decode([tokenizer.eos!])]).toEqual([
        kind,
        kind === 'unigram' ? '</s>' : '[SEP]',
      ])
      const documents = [train, validation].flatMap((side) =>
        splitAt(all(side), tokenizer.eos!).map((ids) => tokenizer.decode(ids)),
      )
      expect(documents.sort()).toEqual([...lines].sort())
      const steps = stages.filter(({ stage }) => stage === 'vocabulary')
      expect(steps.length).toBeGreaterThan(0)
      expect(steps.every(({ done, total }) => done >= 0 && done <= total)).toBe(true)
      corpus.close()
      const again = await openCorpus(corpus.folder)
      expect(again.tokenizer.toJSON()).toEqual(tokenizer.toJSON())
      again.close()
    },
  )

  it('names what was learned from: not the files, but the words, their order and the split', async () => {
    const paths = [file('a.txt', 'Caf\u00e9 one\n'), file('b.txt', 'Two\n')]
    const copies = [file('c.md', '\ufeffCafe\u0301 one\r\n'), file('d.csv', 'id,text\n1,"Two\n"\n')]
    const tokenizer = { kind: 'byte' } as const
    const digests: string[] = []
    const settings = [
      { paths },
      { paths: copies },
      { paths: [...paths].reverse() },
      { paths, seed: 1 },
      { paths, heldOut: 0.2 },
    ]
    for (const setting of settings) {
      const corpus = await prepareCorpus({ ...setting, tokenizer, folder: fresh() })
      digests.push(corpus.digest)
      corpus.close()
    }
    expect(digests[1]).toBe(digests[0])
    expect(new Set(digests).size).toBe(4)
    const sha256 = (...parts: (string | Buffer)[]) =>
      parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
    const documents = sha256('atelier documents 1\n', sha256('Caf\u00e9 one\n'), sha256('Two\n')).toString('hex')
    expect(digests[0]).toBe(sha256(JSON.stringify({ documents, heldOut: 0.1, seed: 0 })).toString('hex'))
  })

  it('does not encode again what is there, opens it without the sources, and notices damage', async () => {
    const folder = fresh()
    const stages: PrepareProgress['stage'][] = []
    const options = {
      paths: [file('again.txt', 'All happy families are alike. '.repeat(50))],
      tokenizer: { kind: 'bpe', vocabulary: 280 } as const,
      folder,
      onProgress: ({ stage }: PrepareProgress) => stages.push(stage),
    }
    const first = await prepareCorpus(options)
    expect(new Set(stages)).toEqual(new Set(['read', 'count', 'vocabulary', 'encode']))
    stages.length = 0
    const second = await prepareCorpus(options)
    expect(new Set(stages)).toEqual(new Set(['read']))
    const third = await openCorpus(first.folder)
    for (const corpus of [second, third]) {
      expect(all(corpus.train)).toEqual(all(first.train))
      expect(corpus.digest).toBe(first.digest)
      expect(corpus.tokenizer.toJSON()).toEqual(first.tokenizer.toJSON())
    }
    for (const corpus of [first, second, third]) corpus.close()
    const bytes = readFileSync(join(first.folder, 'train.bin'))
    writeFileSync(join(first.folder, 'train.bin'), bytes.subarray(2))
    await expect(openCorpus(first.folder)).rejects.toThrow(/got \d+ bytes, wanted \d+; remove the folder/)
  })

  it('leaves nothing behind when stopped, and goes on afterwards', async () => {
    const folder = fresh()
    const stop = new AbortController()
    const paths = [file('stop.txt', 'A page of words that takes a while.\n'.repeat(40_000))]
    const options = { paths, tokenizer: { kind: 'byte' } as const, folder }
    const onProgress = ({ stage }: PrepareProgress) => stage === 'encode' && stop.abort(new Error('enough'))
    await expect(prepareCorpus({ ...options, onProgress, signal: stop.signal })).rejects.toThrow('enough')
    expect(readdirSync(folder)).toEqual([])
    const corpus = await prepareCorpus(options)
    expect(corpus.train.tokens + corpus.validation.tokens).toBe(40_000 * 36)
    corpus.close()
  })

  it('says when a corpus is shorter than the context', async () => {
    const corpus = await prepareCorpus({
      paths: [file('short.txt', 'Short.')],
      tokenizer: { kind: 'char' },
      folder: fresh(),
    })
    const shape = { batchSize: 2, contextLength: 64 }
    expect(() => epochWindows(corpus.train, shape, 0)).toThrow(
      /got 5 tokens of text, wanted more than contextLength 64; set/,
    )
    corpus.close()
    const tiny = prepareCorpus({ paths: [file('tiny.txt', 'S')], tokenizer: { kind: 'char' }, folder: fresh() })
    await expect(tiny).rejects.toThrow(/got 1 characters, wanted at least 2/)
    for (const setting of [{ seed: -1 }, { seed: 0.5 }, { workers: -1 }, { workers: 1.5 }]) {
      const wrong = prepareCorpus({ paths: [], tokenizer: { kind: 'byte' }, folder: fresh(), ...setting })
      await expect(wrong).rejects.toThrow(/^(seed|workers): got/)
    }
    for (const heldOut of [0, 0.6, Number.NaN]) {
      const wrong = prepareCorpus({ paths: [], tokenizer: { kind: 'byte' }, folder: fresh(), heldOut })
      await expect(wrong).rejects.toThrow(/heldOut: got/)
    }
  })

  it('reads the whole default corpus', async () => {
    const paths = await getDataset(defaultDataset)
    const corpus = await prepareCorpus({
      paths,
      tokenizer: { kind: 'byte' },
      folder: fresh(),
    })
    expect(corpus.statistics).toMatchObject({ files: 233, documents: 233, duplicates: 0, emptyFiles: [] })
    expect(corpus.validation.bytes / corpus.statistics.bytes).toBeCloseTo(0.1, 2)
    expect(corpus.train.tokens).toBe(corpus.train.bytes + corpus.train.documents)
    corpus.close()
  })
})

describe('describeCorpus', () => {
  it('counts, names what is empty or skipped, and shows beginnings', async () => {
    const paths = [
      file('described.txt', `${'é'.repeat(600)}`),
      file('copy.txt', 'é'.repeat(600)),
      file('nothing.txt', ''),
    ]
    const { statistics, previews } = await describeCorpus(paths)
    expect(statistics).toEqual({
      files: 3,
      documents: 1,
      duplicates: 1,
      bytes: 1200,
      characters: 600,
      emptyFiles: [paths[2]],
      skippedFiles: [],
    })
    expect(previews.map(({ text }) => text)).toEqual(['é'.repeat(400), 'é'.repeat(400)])
  })
})

function splitAt(ids: Int32Array, separator: number): Int32Array[] {
  const parts: Int32Array[] = []
  let start = 0
  ids.forEach((id, at) => {
    if (id !== separator) return
    parts.push(ids.subarray(start, at))
    start = at + 1
  })
  return parts
}

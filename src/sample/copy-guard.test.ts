import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { CorpusIndex } from '../evaluate/corpus-index.ts'
import { encodeSafetensors } from '../files/safetensors.ts'
import { Random } from '../random/random.ts'
import { CopyGuard, guardedBytes } from './copy-guard.ts'
import { generate } from './generate.ts'
import { type Vocabulary, vocabularyOf } from './grammar/vocabulary.ts'
import { createHistory } from './history.ts'
import { tableModel } from './testing/table-model.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-guard-'))
afterAll(() => rmSync(root, { recursive: true }))

const random = Random.seed(7)
const letters = (count: number) => String.fromCharCode(...Array.from({ length: count }, () => 97 + random.integer(26)))
const words = Array.from({ length: 400 }, () => letters(2 + random.integer(8)))
const sentence = (count: number) => Array.from({ length: count }, () => words[random.integer(400)]).join(' ')

const corpus = [`${sentence(60)}, été, ${sentence(60)}.`, sentence(5), sentence(80), 'short', '']
const guard = CopyGuard.of(() => corpus)
const encoder = new TextEncoder()
const bytesOf = (text: string) => encoder.encode(text)

describe('what a guard knows', () => {
  it('is the bytes before a word with its first byte, and hardly any others', () => {
    const known = { starts: [] as boolean[], others: [] as boolean[] }
    for (const text of corpus) {
      const first = [...text.matchAll(/(?<![\p{L}\p{N}'])[\p{L}\p{N}']/gu)]
      const starts = first.map(({ index }) => Buffer.byteLength(text.slice(0, index)))
      const bytes = bytesOf(text)
      for (let last = guardedBytes - 1; last < bytes.length; last++)
        known[starts.includes(last) ? 'starts' : 'others'].push(
          guard.has(bytes.subarray(last + 1 - guardedBytes, last + 1)),
        )
    }
    expect(known.starts.length).toBeGreaterThan(150)
    expect(new Set(known.starts)).toEqual(new Set([true]))
    expect(known.others.filter((one) => one).length).toBeLessThan(8)
  })

  it.each([
    ['a quotation mark', 'Il disait hier, et le répétait : « arbre', true],
    ['an elision', 'aujourd’hui, personne ne s’en souvient, l’arbre', true],
    ['a letter with an accent', 'ils viendront peut-être en automne ou en été', true],
    ['another alphabet', 'В лесу родилась ёлочка, в лесу она росла', true],
    ['an apostrophe of typewriters', "it is by no means the fault of this country's", false],
  ])('is a word that begins behind, or with, %s', (_, text, isKnown) => {
    const word = text.search(/[\p{L}\p{N}]+$/u)
    const end = Buffer.byteLength(text.slice(0, word)) + 1
    expect(CopyGuard.of(() => [text]).has(bytesOf(text).subarray(end - guardedBytes, end))).toBe(isKnown)
  })

  it('is next to nothing that did not stand there', () => {
    const strange = Array.from({ length: 20_000 }, () => bytesOf(letters(guardedBytes)))
    expect(strange.filter((stretch) => guard.has(stretch)).length).toBeLessThan(40)
  })

  it('is the same once it was written and read', async () => {
    const path = join(root, 'copy-guard.safetensors')
    await guard.write(path)
    const again = await CopyGuard.read(path)
    expect([again.bytes, again.digest]).toEqual([guard.bytes, guard.digest])
    expect(again.digest).not.toBe(CopyGuard.of(() => corpus.slice(1)).digest)
  })

  it.each([[[]], [['short', '']]])('is nothing of %j, which is too short', (texts) => {
    const empty = CopyGuard.of(() => texts)
    expect(empty.bytes).toBe(0)
    expect(empty.has(bytesOf(letters(guardedBytes)))).toBe(false)
  })

  it('must be a file of its own', async () => {
    const bits = { dtype: 'uint8' as const, shape: [0], data: new Uint8Array(0) }
    for (const [metadata, tensors] of [
      [{}, { bits: { ...bits, shape: [2], data: new Uint8Array(2) } }],
      [{ format: 'atelier-copy-guard-1' }, { bits }],
      [{ format: 'atelier-copy-guard-1' }, {}],
    ] as const) {
      const path = join(root, 'other.safetensors')
      const pieces: Uint8Array[] = []
      for await (const piece of encodeSafetensors(tensors, { metadata })) pieces.push(piece)
      writeFileSync(path, Buffer.concat(pieces))
      const message = `${path} is no copy guard; make it again by atelier guard, or remove it`
      await expect(CopyGuard.read(path)).rejects.toThrow(new CheckpointError(message, { path }))
    }
  })
})

/** What {@link CopyGuard.processor} must forbid of stretches that `has` knows, in the plainest way. */
function forbidden({ later }: Vocabulary, ids: readonly number[]): number[] {
  const before = Buffer.concat(ids.map((id) => later[id]!))
  const isOfWord = (byte: number) => /[a-z0-9'\x80-\xc1\xc3-\xe1\xe3-\xff]/i.test(String.fromCharCode(byte))
  return [...later.keys()].filter((id) => {
    const text = Buffer.concat([before, later[id]!])
    const added = Array.from({ length: text.length - before.length }, (_, i) => before.length + i)
    const starts = added.filter((at) => !(text[at]! >> 6 === 2) && isOfWord(text[at]!) && !isOfWord(text[at - 1]!))
    return starts.some((at) => at + 1 >= guardedBytes && guard.has(text.subarray(at + 1 - guardedBytes, at + 1)))
  })
}

/** Texts in ids: each word whole, or its halves, or its letters. */
const pieces = [
  ...new Set([...words.flatMap((word) => [` ${word}`, word.slice(0, 2), word.slice(2)]), ' ', ',', '.', ', ', '\n']),
].filter((piece) => piece !== '')
const spelled = [...pieces, ...Array.from({ length: 256 }, (_, byte) => byte)].map((piece) =>
  typeof piece === 'string' ? bytesOf(piece) : Uint8Array.of(piece),
)

describe('what a guard forbids', () => {
  const vocabulary = vocabularyOf(spelled)
  const first = (text: string) => spelled.findIndex((bytes) => Buffer.from(bytes).toString() === text)
  const ids = corpus[0]!
    .split(/(?= )|(?<=\w)(?=[,.])/)
    .flatMap((word) => (first(word) < 0 ? [...bytesOf(word)].map((byte) => pieces.length + byte) : [first(word)]))
  const process = guard.processor(vocabulary)
  const forbiddenAfter = (history: readonly number[]) => {
    const logits = new Float32Array(spelled.length)
    process(logits, createHistory(history, history.length))
    return [...logits.keys()].filter((id) => logits[id] === Number.NEGATIVE_INFINITY)
  }

  it('is to begin a word as it began behind the same bytes, and that alone', () => {
    expect(Buffer.concat(ids.map((id) => spelled[id]!)).toString()).toBe(corpus[0])
    const found = ids.map((_, length) => forbiddenAfter(ids.slice(0, length + 1)))
    expect(found).toEqual(ids.map((_, length) => forbidden(vocabulary, ids.slice(0, length + 1))))
    expect(found.filter((banned) => banned.length > 0).length).toBeGreaterThan(20)
  })

  it('is never what goes on with a word', () => {
    const text = ` ${corpus[2]}`
    const at = text.indexOf(' ', 60) + 2
    const begun = [...bytesOf(text.slice(1, at))].map((byte) => pieces.length + byte)
    expect(forbiddenAfter(begun)).not.toContain(pieces.length + text.charCodeAt(at))
    expect(forbiddenAfter(begun.slice(0, -1))).toEqual(forbidden(vocabulary, begun.slice(0, -1)))
  })

  it('leaves the logits of all others as they are', () => {
    const logits = Float32Array.from(spelled, (_, id) => Math.sin(id))
    const history = ids.slice(0, 40)
    process(logits, createHistory(history, history.length))
    const banned = forbidden(vocabulary, history)
    expect([...logits]).toEqual(
      spelled.map((_, id) => (banned.includes(id) ? Number.NEGATIVE_INFINITY : Math.fround(Math.sin(id)))),
    )
  })
})

it('keeps a model that knows a text by heart from writing 50 characters of it', async () => {
  const tokens = [...new Set(corpus[2]!.split(' '))].map((word) => bytesOf(` ${word}`))
  const learned = corpus[2]!
    .split(' ')
    .map((word) => tokens.findIndex((token) => Buffer.from(token).toString() === ` ${word}`))
  const model = tableModel({
    vocabSize: tokens.length,
    contextLength: 128,
    logits: (ids) => {
      const next = learned[learned.indexOf(ids.at(-1)!) + 1]
      return tokens.map((_, id) => (id === next ? 30 : Math.sin(id + ids.length)))
    },
  })
  const index = await CorpusIndex.build(corpus)
  const longest = async (hooks: object) => {
    const ids: number[] = []
    for await (const event of generate(model, [[learned[0]!]], { maxTokens: 100, temperature: 1 }, { hooks }))
      if (event.type === 'token') ids.push(event.id)
    const text = ids.map((id) => Buffer.from(tokens[id]!).toString()).join('')
    return Math.max(...index.passages(text).map(({ length }) => length))
  }
  const forbid = guard.processor(vocabularyOf(tokens))
  expect(await longest({})).toBeGreaterThan(100)
  expect(
    await longest({
      beforeWarpers: (logits: Float32Array, { history }: { history: Parameters<typeof forbid>[1] }) =>
        forbid(logits, history),
    }),
  ).toBeLessThan(50)
})

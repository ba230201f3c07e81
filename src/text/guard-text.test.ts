import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { CorpusIndex } from '../evaluate/corpus-index.ts'
import { exportModel } from '../export/export-model.ts'
import { modelDigest } from '../models/model-digest.ts'
import { CopyGuard, guardedBytes, guardFile } from '../sample/copy-guard.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import type { TextArtifact } from './artifact.ts'
import { evaluateText } from './evaluate-text.ts'
import { guardText } from './guard-text.ts'
import { quantizeText } from './quantize-text.ts'
import { remakeArtifact } from './remake.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel, type WriteOptions } from './text-model.ts'

const { fresh, file, remove } = temporaryFolder()
const run = fresh()
const guardPath = join(run, guardFile)

beforeAll(async () => {
  const data = [file('sentences.txt', tinyText(300))]
  await runToEnd({ data, out: run, budget: { steps: 60 }, set: { ...tinySizes, contextLength: 96 } })
})
afterAll(remove)

const prompt = 'The old cat sees the moon. '
const wanted = { maxTokens: 60, n: 16, seed: 3 }
const form = { regex: '[A-Za-z .!?]{60}', n: 2, seed: 5 }

/** What the model writes, anew from its folder. */
async function written(
  settings: Partial<SamplerSettings> = {},
  folder = run,
  options: WriteOptions = {},
): Promise<TextArtifact[]> {
  const model = await TextModel.load(folder, { threads: 2 })
  try {
    return await model.complete([prompt], { ...wanted, ...settings }, options)
  } finally {
    await model.release()
  }
}

const textsOf = (artifacts: readonly TextArtifact[]) => artifacts.map(({ text }) => text)

it('lets a model write until a word would begin as before, if it is not told to sleep', async () => {
  const [free, formed, digest] = [await written(), await written(form), await modelDigest(run)]
  const whole = [...free, ...formed].map(({ text }) => prompt + text)
  const told: number[] = []
  const result = await guardText(run, {
    data: [file('kept.txt', whole.join('\n'))],
    onProgress: ({ done, total }) => told.push(done / total),
  })
  expect(result).toEqual({ path: guardPath, guardedBytes, bytes: readFileSync(guardPath).length - headerOf(guardPath) })
  expect(told.at(-1)).toBe(1)
  expect(await modelDigest(run)).toBe(digest)
  const index = await CorpusIndex.build(whole)
  const longest = (texts: readonly string[]) =>
    Math.max(...texts.flatMap((text) => index.passages(prompt + text).map(({ length }) => length)))
  const guarded = await written()
  expect(longest(textsOf(free))).toBe(prompt.length + wanted.maxTokens)
  expect(longest(textsOf(guarded))).toBeLessThan(guardedBytes + 12)
  expect(guarded.filter(({ text }, i) => text !== free[i]!.text).length).toBeGreaterThan(12)
  expect(textsOf(await written({ allowCopies: true }))).toEqual(textsOf(free))
  expect(longest(textsOf(await written({ beams: 2, n: 2 })))).toBeLessThan(guardedBytes + 12)
  expect(longest(textsOf(await written({}, run, { speculation: { lookup: 4 } })))).toBeLessThan(guardedBytes + 12)
  expect(textsOf(await written(form))).toEqual(textsOf(formed))

  const records = {
    free: file('free.json', JSON.stringify({ artifacts: free })),
    guarded: file('guarded.json', JSON.stringify({ artifacts: guarded })),
  }
  for (const path of Object.values(records)) expect(await remakeArtifact(path)).toMatchObject({ identical: true })
  await guardText(run)
  expect(await remakeArtifact(records.free)).toMatchObject({ identical: true })
  await expect(remakeArtifact(records.guarded)).rejects.toThrow('was written under copy guard')
})

it('knows what a run learned from, says so in an evaluation, and goes into models made of it', async () => {
  await guardText(run)
  const [guard, text] = [await CopyGuard.read(guardPath), Buffer.from(tinyText(300))]
  const starts = [...text.keys()].filter((at) => at >= guardedBytes && text[at]! > 64 && text[at - 1]! < 64)
  const known = starts.filter((at) => guard.has(text.subarray(at + 1 - guardedBytes, at + 1)))
  expect(known.length).toBeGreaterThan(0.8 * starts.length)
  const settings = { maxTokens: 8 }
  const { samples } = await evaluateText(run, { samples: 4, threads: 2, settings })
  expect(samples).toMatchObject({ guardedBytes })
  const awake = await evaluateText(run, { samples: 4, threads: 2, settings: { ...settings, allowCopies: true } })
  expect(awake.samples).not.toHaveProperty('guardedBytes')
  const [exported, small] = [fresh(), fresh()]
  await exportModel(run, 'hf', exported, 'f32')
  await quantizeText(run, { bits: 8, out: small, threads: 2 })
  for (const folder of [exported, small]) expect(readFileSync(join(folder, guardFile))).toEqual(readFileSync(guardPath))
  await expect(guardText(exported)).rejects.toThrow(DataError)
})

it('is refused where it can be of no use or is not to be written, and a file that is none in its place', async () => {
  const blanks = fresh()
  const options = { data: [file('blanks.txt', tinyText(100))], architecture: 'bert', set: tinySizes }
  await runToEnd({ ...options, out: blanks, tokenizer: { kind: 'wordpiece' }, budget: { steps: 2 } })
  await expect(guardText(blanks)).rejects.toThrow(ConfigError)
  expect(existsSync(join(blanks, guardFile))).toBe(false)
  copyFileSync(guardPath, join(blanks, guardFile))
  const filler = await TextModel.load(blanks, { threads: 2 })
  expect(filler.guard).toBeUndefined()
  await filler.release()
  await expect(guardText('gallery/en', { data: options.data })).rejects.toThrow('belongs to the package')
  await expect(guardText(run, { field: 'text' })).rejects.toThrow('a field is of files')
  await expect(guardText(run, { data: [file('short.txt', 'too short')] })).rejects.toThrow('no text is longer than 36')
  writeFileSync(guardPath, 'no safetensors')
  await expect(TextModel.load(run)).rejects.toThrow(CheckpointError)
})

/** Bytes before the tensors of a safetensors file. */
function headerOf(path: string): number {
  return 8 + Number(readFileSync(path).readBigUInt64LE(0))
}

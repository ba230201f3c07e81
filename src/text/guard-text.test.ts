import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { CorpusIndex } from '../evaluate/corpus-index.ts'
import { exportModel } from '../export/export-model.ts'
import { modelDigest } from '../models/model-digest.ts'
import { guardedBytes, guardFile } from '../sample/copy-guard.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { evaluateText } from './evaluate-text.ts'
import { guardText } from './guard-text.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'

const { fresh, file, remove } = temporaryFolder()
const run = fresh()
const guardPath = join(run, guardFile)

beforeAll(async () => {
  const data = [file('sentences.txt', tinyText(300))]
  await runToEnd({ data, out: run, budget: { steps: 60 }, set: { ...tinySizes, contextLength: 96 } })
})
afterAll(remove)

const wanted = { maxTokens: 60, n: 16, seed: 3 }

/** What the model writes, anew from its folder. */
async function written(settings: Partial<SamplerSettings> = {}, prompt = 'T'): Promise<string[]> {
  const model = await TextModel.load(run, { threads: 2 })
  try {
    return (await model.complete([prompt], { ...wanted, ...settings })).map(({ text }) => text)
  } finally {
    await model.release()
  }
}

it('lets a model write until a word would end a known stretch, if it is not told to sleep', async () => {
  const prompt = 'The old cat sees the moon. '
  const free = await written({}, prompt)
  const before = await modelDigest(run)
  const kept = file('kept.txt', free.map((text) => prompt + text).join('\n'))
  const told: number[] = []
  const result = await guardText(run, { data: [kept], onProgress: ({ done, total }) => told.push(done / total) })
  expect(result).toEqual({ path: guardPath, guardedBytes, bytes: readFileSync(guardPath).length - headerOf(guardPath) })
  expect(told.at(-1)).toBe(1)
  expect(await modelDigest(run)).not.toBe(before)
  const index = await CorpusIndex.build(free.map((text) => prompt + text))
  const longest = (texts: readonly string[]) =>
    Math.max(...texts.flatMap((text) => index.passages(prompt + text).map(({ length }) => length)))
  const guarded = await written({}, prompt)
  expect(longest(free)).toBe(Math.max(...free.map((text) => prompt.length + text.length)))
  expect(longest(guarded)).toBeLessThan(guardedBytes + 12)
  expect(guarded.filter((text, i) => text !== free[i]).length).toBeGreaterThan(12)
  expect(await written({ allowCopies: true }, prompt)).toEqual(free)
  expect(await written({ regex: '[a-z .]{60}', seed: 5 }, prompt)).toEqual(
    await written({ regex: '[a-z .]{60}', seed: 5, allowCopies: true }, prompt),
  )
})

it('knows what a run learned from, says so in an evaluation, and goes with an export', async () => {
  await guardText(run)
  const { samples } = await evaluateText(run, { samples: 4, threads: 2, settings: { maxTokens: 8 } })
  expect(samples).toMatchObject({ guardedBytes })
  const awake = await evaluateText(run, { samples: 4, threads: 2, settings: { maxTokens: 8, allowCopies: true } })
  expect(awake.samples).not.toHaveProperty('guardedBytes')
  const out = fresh()
  await exportModel(run, 'hf', out, 'f32')
  expect(readFileSync(join(out, guardFile))).toEqual(readFileSync(guardPath))
  rmSync(guardPath)
  await expect(guardText(out)).rejects.toThrow(DataError)
})

it('is refused where it can be of no use, and a file that is none where it should stand', async () => {
  const blanks = fresh()
  const data = [file('blanks.txt', tinyText(100))]
  await runToEnd({
    data,
    out: blanks,
    architecture: 'bert',
    tokenizer: { kind: 'wordpiece' },
    budget: { steps: 2 },
    set: tinySizes,
  })
  await expect(guardText(blanks)).rejects.toThrow(ConfigError)
  expect(existsSync(join(blanks, guardFile))).toBe(false)
  writeFileSync(guardPath, 'no safetensors')
  await expect(TextModel.load(run)).rejects.toThrow(CheckpointError)
  rmSync(guardPath)
})

/** Bytes before the tensors of a safetensors file. */
function headerOf(path: string): number {
  return 8 + Number(readFileSync(path).readBigUInt64LE(0))
}

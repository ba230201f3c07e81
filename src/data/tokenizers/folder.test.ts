import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CheckpointError } from '../../errors.ts'
import { readTokenizer, writeTokenizer } from './folder.ts'
import { charTokenizer } from './simple-tokenizers.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-tokenizer-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('reads what it wrote, with or without tokenizer_config.json', async () => {
  const written = charTokenizer('né🙂', { unknown: 'token' })
  await writeTokenizer(folder, written, 64)
  const read = await readTokenizer(folder)
  expect(read.toJSON()).toEqual(written.toJSON())
  expect(read.configJson(64)).toEqual(written.configJson(64))
  await rm(join(folder, 'tokenizer_config.json'))
  expect((await readTokenizer(folder)).eos).toBe(written.eos)
})

test('names the file that is missing or cut short', async () => {
  await expect(readTokenizer(folder)).rejects.toThrow(CheckpointError)
  await expect(readTokenizer(folder)).rejects.toThrow(/tokenizer\.json: it does not exist/)
  await writeFile(join(folder, 'tokenizer.json'), '{"model": {"voc')
  await expect(readTokenizer(folder)).rejects.toThrow(/tokenizer\.json: it is not JSON or is cut short/)
})

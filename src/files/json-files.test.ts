import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { duplicateKey } from './duplicate-key.ts'
import { readJsonFile, writeJsonFile } from './json-file.ts'
import { openJsonLines, readJsonLines } from './json-lines.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-json-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('json files', () => {
  const schema = z.object({ dModel: z.number().int(), names: z.array(z.string()).optional() })

  it('reads back what was written', async () => {
    const path = join(folder, 'config.json')
    await writeJsonFile(path, { dModel: 64 })
    expect(await readJsonFile(path, schema)).toEqual({ dModel: 64 })
    expect(await readFile(path, 'utf8')).toBe('{\n  "dModel": 64\n}\n')
  })

  it.each<[string, string | Uint8Array, RegExp]>([
    ['a wrong type', '{"dModel":"64"}', /config\.json: dModel: expected number, received string; correct it or/],
    ['a deep wrong type', '{"dModel":1,"names":["a",2]}', /names\.1: expected string, received number/],
    ['nothing', '', /it is empty/],
    ['a cut file', '{"dModel":', /not JSON or is cut short/],
    ['bytes', Uint8Array.of(0x7b, 0xff), /not UTF-8 text; is it the right file\?/],
  ])('refuses %s in one line', async (_, contents, message) => {
    const path = join(folder, 'config.json')
    await writeFile(path, contents)
    await expect(readJsonFile(path, schema)).rejects.toThrow(message)
    const error = await readJsonFile(path, schema, ConfigError).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).not.toContain('\n')
  })

  it('names a missing file', async () => {
    const path = join(folder, 'none.json')
    await expect(readJsonFile(path, schema)).rejects.toThrow(`read ${path}: it does not exist; check the path`)
  })
})

describe('json lines', () => {
  it('appends in order, and reads a missing file as empty', async () => {
    const path = join(folder, 'metrics.jsonl')
    expect(await readJsonLines(path)).toEqual([])
    const writer = await openJsonLines(path)
    await Promise.all([1, 2, 3].map((step) => writer.append({ step })))
    await writer.close()
    expect(await readFile(path, 'utf8')).toBe('{"step":1}\n{"step":2}\n{"step":3}\n')
  })

  it('leaves out a torn last line, mends it, and drops what a resumed run will repeat', async () => {
    const path = join(folder, 'metrics.jsonl')
    await writeFile(path, '{"step":1}\n{"step":2}\n{"step":3}\n{"st')
    expect(await readJsonLines(path)).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }])
    const writer = await openJsonLines(path, (value) => (value as { step: number }).step <= 2)
    await writer.append({ step: 3, again: true })
    await writer.close()
    expect(await readJsonLines(path)).toEqual([{ step: 1 }, { step: 2 }, { step: 3, again: true }])
  })

  it('names a broken line in the middle', async () => {
    const path = join(folder, 'metrics.jsonl')
    await appendFile(path, '{"step":1}\n{"st\n{"step":3}\n')
    await expect(readJsonLines(path)).rejects.toThrow(`read ${path}: line 2 is not JSON; remove or restore it`)
  })
})

describe('duplicateKey', () => {
  it.each([
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', undefined],
    ['{"a":1,"b":2,"a":3}', 'a'],
    ['{"x":{"b":1 , "\\u0062" :2}}', 'b'],
    ['{"a":"\\"a\\":","b":["a","a"]}', undefined],
  ])('%s', (json, key) => expect(duplicateKey(json)).toBe(key))

  it('finds none in what JSON.stringify makes', () => {
    fc.assert(fc.property(fc.json(), (json) => duplicateKey(json) === undefined))
  })
})

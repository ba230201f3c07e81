import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { readForms } from './form-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'atelier-forms-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('readForms', () => {
  it('reads files, and leaves names of ready grammars', async () => {
    const jsonSchema = file('a.json', '{"type": "null"}')
    const grammar = file('a.gbnf', 'root ::= "a"')
    expect(await readForms({ jsonSchema, grammar })).toEqual({
      jsonSchema: '{"type": "null"}',
      grammar: 'root ::= "a"',
    })
    expect(await readForms({ grammar: 'sonnet' })).toEqual({ grammar: 'sonnet' })
    expect(await readForms({})).toEqual({})
  })

  it('says what is missing', async () => {
    await expect(readForms({ grammar: 'lost.gbnf' })).rejects.toThrow(
      "--grammar: got 'lost.gbnf', wanted a file or one of haiku, play, screenplay, sonnet",
    )
    await expect(readForms({ jsonSchema: join(folder, 'lost.json') })).rejects.toThrow(DataError)
  })
})

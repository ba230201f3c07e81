import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeFolder } from './make-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'atelier-make-folder-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('makes all that is missing, and leaves what is there', async () => {
  const path = join(folder, 'a', 'b', 'c')
  await makeFolder(path)
  await makeFolder(path)
  expect(statSync(path).isDirectory()).toBe(true)
})

test('names a file that stands in the way', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await expect(makeFolder(join(file, 'below'))).rejects.toThrow('part of the path is a file')
  await expect(makeFolder(file)).rejects.toThrow('part of the path is a file')
})

test.runIf(existsSync('/proc/self'))('ends where no folder can be made', async () => {
  await expect(makeFolder('/proc/atelier/run')).rejects.toThrow('write /proc/atelier: no folder can be made there')
})

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError, DataError } from '../errors.ts'
import { checkWritable, recoverFolder, writeFileAtomic, writeFolderAtomic } from './atomic-write.ts'
import { fileError } from './file-error.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-write-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('checkWritable', () => {
  it('leaves nothing where a file can be written, not even a change, and throws where none can', async () => {
    const path = join(folder, 'file')
    await checkWritable(path)
    expect(await readdir(folder)).toEqual([])
    await writeFile(path, 'old')
    await checkWritable(path)
    expect(await readFile(path, 'utf8')).toBe('old')
    await expect(checkWritable(folder)).rejects.toThrow('it is a folder, not a file; choose another name')
    await expect(checkWritable(join(path, 'below'))).rejects.toThrow(DataError)
  })
})

describe('writeFileAtomic', () => {
  it('writes text, bytes and streams, making parent folders', async () => {
    const path = join(folder, 'deep/er/file')
    await writeFileAtomic(path, 'one')
    expect(await readFile(path, 'utf8')).toBe('one')
    await writeFileAtomic(path, [Uint8Array.of(65), Uint8Array.of(66)])
    expect(await readFile(path, 'utf8')).toBe('AB')
    expect(await readdir(join(folder, 'deep/er'))).toEqual(['file'])
  })

  it('keeps the old file and leaves no other when the source fails', async () => {
    const path = join(folder, 'file')
    await writeFileAtomic(path, 'old')
    async function* full() {
      yield Uint8Array.of(1)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }
    await expect(writeFileAtomic(path, full(), CheckpointError)).rejects.toThrow(
      `write ${path}: the disk is full; free some space or choose another place (what was there before is untouched)`,
    )
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['file'])
  })

  it('removes what a killed process left, but not what a living one is writing', async () => {
    await writeFile(join(folder, '.file.999999999-3.partial'), 'x')
    await writeFile(join(folder, `.file.${process.pid}-9999.partial`), 'x')
    await writeFile(join(folder, `.file.${process.ppid}-1.partial`), 'x')
    await writeFile(join(folder, '.file2.999999999-3.partial'), 'x')
    await writeFileAtomic(join(folder, 'file'), 'new')
    expect((await readdir(folder)).sort()).toEqual(
      [`.file.${process.ppid}-1.partial`, '.file2.999999999-3.partial', 'file'].sort(),
    )
  })

  it('lets writes of one file at the same time both be whole', async () => {
    const path = join(folder, 'file')
    await Promise.all(['a', 'b', 'c'].map((letter) => writeFileAtomic(path, letter.repeat(100_000))))
    expect(await readFile(path, 'utf8')).toMatch(/^(a{100000}|b{100000}|c{100000})$/)
    expect(await readdir(folder)).toEqual(['file'])
  })

  it('says in one line why it cannot', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(writeFileAtomic(join(folder, 'file/below'), 'x')).rejects.toThrow(
      /something else is already there|part of the path is a file/,
    )
    await mkdir(join(folder, 'taken'))
    await expect(writeFileAtomic(join(folder, 'taken'), 'x')).rejects.toThrow(
      /it is a folder, not a file; check the path/,
    )
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' })
    expect(fileError('write', 'a', denied)).toBeInstanceOf(DataError)
    expect(fileError('write', 'a', denied).message).toBe(
      'write a: permission denied; choose a place that you may use, or change its permissions',
    )
  })
})

describe('writeFolderAtomic', () => {
  const fill = (text: string) => async (path: string) => {
    await writeFile(join(path, 'one'), text)
    await mkdir(join(path, 'sub'))
    await writeFile(join(path, 'sub/two'), text)
  }

  it('replaces the whole folder', async () => {
    const path = join(folder, 'checkpoint')
    await writeFolderAtomic(path, fill('old'))
    await writeFile(join(path, 'extra'), 'x')
    await writeFolderAtomic(path, fill('new'))
    expect((await readdir(path)).sort()).toEqual(['one', 'sub'])
    expect(await readFile(join(path, 'sub/two'), 'utf8')).toBe('new')
    expect(await readdir(folder)).toEqual(['checkpoint'])
  })

  it('keeps the old folder when filling fails', async () => {
    const path = join(folder, 'checkpoint')
    await writeFolderAtomic(path, fill('old'))
    await expect(writeFolderAtomic(path, () => Promise.reject(new Error('stopped')))).rejects.toThrow(
      `write ${path}: stopped`,
    )
    expect(await readFile(join(path, 'one'), 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['checkpoint'])
  })

  it('recovers from a crash between its two renames', async () => {
    await mkdir(join(folder, 'checkpoint.previous'))
    await recoverFolder(join(folder, 'checkpoint'))
    expect(await readdir(folder)).toEqual(['checkpoint'])
  })

  it('survives kill -9 at any instant', async () => {
    const script = join(folder, 'writer.mjs')
    await build({ entryPoints: [writer], outfile: script, bundle: true, platform: 'node', format: 'esm' })
    const path = join(folder, 'checkpoint')
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [script, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
      await killAfter(child, 3 + round)
      await recoverFolder(path)
      const [one, two] = await Promise.all(['one', 'two'].map((name) => readFile(join(path, name), 'utf8')))
      expect(one).toBe(two)
      expect(one).toMatch(new RegExp(`^${round}-\\d+$`))
    }
  })
})

const writer = new URL('../../test/fixtures/atomic-write/writer.ts', import.meta.url).pathname

/** Kills a process that prints a line a save, just after it has printed `lines` of them. */
async function killAfter(child: ChildProcess, lines: number) {
  let seen = 0
  child.stdout?.on('data', (text: Buffer) => {
    seen += text.toString().split('\n').length - 1
    if (seen >= lines) setTimeout(() => child.kill('SIGKILL'), lines % 4)
  })
  await once(child, 'exit')
}

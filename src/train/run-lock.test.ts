import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { RunLock } from './run-lock.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-lock-'))
const run = join(root, 'run')
const lockPath = join(run, 'training.lock')
afterAll(() => rmSync(root, { recursive: true }))

it('is held by one training at a time, and leaves nothing', async () => {
  const [first, second] = [new RunLock(run), new RunLock(run)]
  await second.release()
  await first.take()
  await expect(second.take()).rejects.toThrow(`is being trained by process ${process.pid}`)
  await expect(second.take()).rejects.toThrow(ConfigError)
  await second.release()
  expect(existsSync(lockPath)).toBe(true)
  await first.release()
  expect(existsSync(run)).toBe(false)
  await second.take()
  writeFileSync(join(run, 'run.json'), '{}')
  await second.release()
  expect([existsSync(lockPath), existsSync(run)]).toEqual([false, true])
})

it('is respected while another process runs, and taken from one that is gone', async () => {
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'])
  const ended = new Promise((resolve) => other.on('exit', resolve))
  writeFileSync(lockPath, JSON.stringify({ pid: other.pid, since: Date.now() }))
  const lock = new RunLock(run)
  await expect(lock.take()).rejects.toThrow(`process ${other.pid}`)
  other.kill('SIGKILL')
  await ended
  await lock.take()
  await lock.release()
})

it.each([
  ['is cut short', '{"pid":'],
  ['is no record', 'null'],
  ['is of this process, which does not hold it', JSON.stringify({ pid: process.pid, since: Date.now() })],
  ['was made before the machine began to run', JSON.stringify({ pid: process.ppid, since: 1 })],
])('counts for nothing where it %s', async (_, content) => {
  writeFileSync(lockPath, content)
  const lock = new RunLock(run)
  await lock.take()
  await lock.release()
  expect(existsSync(lockPath)).toBe(false)
})

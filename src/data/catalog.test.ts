import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkDataset, defaultDataset, getDataset, knownDatasets } from './catalog.ts'
import { download, type RemoteFile } from './download.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))
type Answer = (request: IncomingMessage, response: ServerResponse) => void

let answer: Answer
let ranges: (string | undefined)[] = []
const server = createServer((request, response) => {
  ranges.push(request.headers.range)
  answer(request, response)
})
const root = mkdtempSync(join(tmpdir(), 'atelier-download-'))
let remote: RemoteFile
let made = 0
const target = () => join(root, `${made++}`, 'file.bin')

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`
  remote = { url, sha256: sha256(content).toString('hex'), bytes: content.length }
})
afterAll(() => {
  server.close()
  rmSync(root, { recursive: true })
})
afterEach(() => {
  ranges = []
})

/** A server that knows ranges and drops the connection after `most` bytes of each answer. */
const ranged =
  (bytes: Buffer, most = Number.POSITIVE_INFINITY): Answer =>
  ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start })
    response.write(bytes.subarray(start, start + most), () =>
      most < bytes.length - start ? response.destroy() : response.end(),
    )
  }

describe('download', () => {
  it('goes on where a dropped connection stopped, and tells how far it is', async () => {
    answer = ranged(content, 120_000)
    const path = target()
    const progress: number[] = []
    await download(remote, path, { pauseMs: 1, onProgress: (bytes) => progress.push(bytes) })
    expect(readFileSync(path).equals(content)).toBe(true)
    expect(ranges.length).toBeGreaterThan(1)
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.at(-1)).toBe(content.length)
    expect(existsSync(`${path}.part`)).toBe(false)
  })

  it('makes a file of no bytes, of which there is nothing to fetch', async () => {
    const path = target()
    await download({ url: remote.url, bytes: 0, sha256: sha256(Buffer.alloc(0)).toString('hex') }, path)
    expect(readFileSync(path)).toHaveLength(0)
    expect(ranges).toEqual([])
  })

  it('goes on from what an earlier process left, also where the server knows no ranges', async () => {
    for (const server of [ranged(content), ((_, response) => response.end(content)) as Answer]) {
      answer = server
      const path = target()
      await download(remote, path)
      writeFileSync(`${path}.part`, content.subarray(0, 1000))
      rmSync(path)
      await download(remote, path)
      expect(ranges.at(-1)).toBe('bytes=1000-')
      expect(readFileSync(path).equals(content)).toBe(true)
    }
  })

  it('asks nothing when the file is there, and replaces one that is not the file', async () => {
    answer = ranged(content)
    const path = target()
    await download(remote, path)
    await download(remote, path)
    expect(ranges).toHaveLength(1)
    writeFileSync(path, Buffer.alloc(content.length))
    await download(remote, path)
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  it('removes what has the wrong content and says so', async () => {
    const path = target()
    answer = ranged(Buffer.alloc(content.length, 1))
    await expect(download(remote, path)).rejects.toThrow(/got sha256 [0-9a-f]{64}, wanted [0-9a-f]{64}; it was removed/)
    expect(readdirSync(dirname(path))).toEqual([])
    answer = ranged(Buffer.concat([content, content]))
    await expect(download(remote, path)).rejects.toThrow(/got more than the 300000 bytes wanted/)
  })

  it('gives up on a refusal at once and on an unreachable server after its attempts', async () => {
    answer = (_, response) => response.writeHead(404).end()
    await expect(download(remote, target())).rejects.toThrow(/the server answered 404; get the data elsewhere/)
    expect(ranges).toHaveLength(1)
    answer = (_, response) => response.writeHead(503).end()
    const waiting = download(remote, target(), { attempts: 3, pauseMs: 1 })
    await expect(waiting).rejects.toThrow(/answered 503; check the connection and run again: what has come is kept/)
    expect(ranges).toHaveLength(4)
  })

  it('stops when told to, keeping what has come', async () => {
    const stop = new AbortController()
    answer = (_, response) => response.writeHead(200).write(content.subarray(0, 5000))
    const path = target()
    const onProgress = () => stop.abort(new Error('enough'))
    await expect(download(remote, path, { signal: stop.signal, onProgress })).rejects.toThrow('enough')
    expect(readFileSync(`${path}.part`).equals(content.subarray(0, 5000))).toBe(true)
  })
})

describe('the catalogue', () => {
  it('finds the default corpus without a network, with the bytes that the table says', async () => {
    const contents = (await getDataset(defaultDataset)).map((path) => readFileSync(path))
    expect(contents).toHaveLength(233)
    const known = knownDatasets.find(({ name }) => name === defaultDataset)!
    expect(contents.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(known.bytes)
    expect(sha256(Buffer.concat(contents.map(sha256))).toString('hex')).toBe(known.sha256)
  })

  it('checks what a package holds', async () => {
    const known = knownDatasets.find(({ name }) => name === defaultDataset)!
    const files = await getDataset(defaultDataset)
    await checkDataset(known, files)
    await expect(checkDataset(known, files.slice(1))).rejects.toThrow(
      /get state-of-the-union: got sha256 [0-9a-f]{64}, wanted 065c.*; install @stdlib\/datasets-sotu again/,
    )
  })

  it('finds emoji without a network, with the bytes that the table says', async () => {
    const known = knownDatasets.find(({ name }) => name === 'fluent-emoji')!
    const files = await getDataset('fluent-emoji')
    await checkDataset(known, files)
    expect(files.reduce((sum, path) => sum + readFileSync(path).length, 0)).toBe(known.bytes)
  })

  it('takes files from a package of Debian, however they are packed, and downloads nothing then', async () => {
    const known = knownDatasets.find(({ name }) => name === 'fashion-mnist')!
    const system = mkdtempSync(join(root, 'system-'))
    const there = join(system, 'usr/share/datasets/fashion-mnist')
    mkdirSync(there, { recursive: true })
    const names = known.source.kind === 'files' ? known.source.files.map(({ url }) => basename(url)) : []
    expect(names).toEqual([...names].sort())
    expect(names).toHaveLength(4)
    for (const name of names) writeFileSync(join(there, name), gzipSync(name, { level: 1 }))
    const files = await getDataset('fashion-mnist', { system })
    expect(files).toEqual(names.map((name) => join(there, name)))
    const content = sha256(Buffer.concat(names.map((name) => sha256(Buffer.from(name))))).toString('hex')
    await checkDataset({ ...known, sha256: content }, files)
    for (const name of names) writeFileSync(join(there, name), gzipSync(name, { level: 9 }))
    await checkDataset({ ...known, sha256: content }, files)
    await expect(checkDataset(known, files)).rejects.toThrow(/get fashion-mnist: got sha256 [0-9a-f]{64}, wanted d92e/)
  })

  it('knows the Shakespeare that everyone uses', () => {
    const here = new URL('../../../shared/data/tinyshakespeare/input.txt', import.meta.url)
    const known = knownDatasets.find(({ name }) => name === 'tinyshakespeare')!
    expect(known.bytes).toBe(1_115_394)
    if (existsSync(here)) expect(sha256(readFileSync(here)).toString('hex')).toBe(known.sha256)
  })

  it('lists the names it knows and how to install what is missing', async () => {
    await expect(getDataset('nope')).rejects.toThrow(
      /get nope: no such data set; known are state-of-the-union, moby-dick/,
    )
    const elsewhere = vi.spyOn(process, 'cwd').mockReturnValue(root)
    const from = pathToFileURL(join(root, 'module.js')).href
    await expect(getDataset('moby-dick', { from })).rejects.toThrow(
      /is not installed; run: npm install @stdlib\/datasets-moby-dick/,
    )
    elsewhere.mockRestore()
  })
})

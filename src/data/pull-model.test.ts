import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { TextModel } from '../text/text-model.ts'
import { hubModel } from './hub-files.ts'
import { pullModel } from './pull-model.ts'

const fixture = fileURLToPath(new URL('../../test/fixtures/saved-runs/decoder-bpe', import.meta.url))
const read = (name: string) => readFileSync(join(fixture, name))
const published = {
  'README.md': Buffer.from('a card'),
  'config.json': read('config.json'),
  'model.safetensors': read('model.safetensors'),
  'pytorch_model.bin': Buffer.from('a pickle'),
  'tokenizer.json': read('tokenizer.json'),
  'tokenizer_config.json': read('tokenizer_config.json'),
}
const weightsAt = (name: string) => /\.(safetensors|bin)$/.test(name)
const commit = 'c0ffee'.padEnd(40, '0')

/** What the hub imitated does this time. */
interface Hub {
  files: Readonly<Record<string, Buffer>>
  /** Digests that are told instead of the true ones. */
  lies: Readonly<Record<string, string>>
  /** Bytes after which the server of large files drops a connection. */
  drops: number
  /** Only this token opens the model. */
  token: string | undefined
  /** Answers to give first instead. */
  failures: number[]
}
let hub: Hub
/** Requests heard: path, range, whether with a token. */
let heard: { path: string; range: string | undefined; token: string | undefined }[] = []

const sha = (kind: 'sha1' | 'sha256', ...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest('hex')

function entryOf([path, content]: [string, Buffer]) {
  const oid = hub.lies[path] ?? sha('sha1', `blob ${content.length}\0`, content)
  const lfs = { oid: hub.lies[path] ?? sha('sha256', content), size: content.length, pointerSize: 130 }
  return weightsAt(path)
    ? { type: 'file', path, size: content.length, oid: sha('sha1', 'pointer'), lfs }
    : { type: 'file', path, size: content.length, oid }
}

function send(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function answer(request: IncomingMessage, response: ServerResponse) {
  const path = decodeURIComponent(request.url ?? '')
  heard.push({ path, range: request.headers.range, token: request.headers.authorization })
  const failure = hub.failures.shift()
  if (failure) return send(response, failure, { error: 'not now' })
  if (!path.includes('tiny/decoder')) return send(response, 404, { error: 'Repository not found' })
  if (hub.token && request.headers.authorization !== `Bearer ${hub.token}`)
    return send(response, request.headers.authorization ? 403 : 401, { error: 'gated' })
  const [, revision] = /^\/api\/models\/tiny\/decoder\/revision\/([^?]+)/.exec(path) ?? []
  if (revision && !['main', 'v1', commit].includes(revision)) return send(response, 404, { error: 'Invalid rev id' })
  if (revision)
    return send(response, 200, { _id: '1', id: 'tiny/decoder', sha: commit, lastModified: '2026-01-01T00:00:00Z' })
  if (path.startsWith(`/api/models/tiny/decoder/tree/${commit}`)) {
    const folder = { type: 'directory', path: 'onnx', size: 0, oid: sha('sha1', 'onnx') }
    return send(response, 200, [folder, ...Object.entries(hub.files).map(entryOf)])
  }
  const name = path.slice(`/tiny/decoder/resolve/${commit}/`.length)
  if (weightsAt(name)) return response.writeHead(302, { location: `http://127.0.0.1:${portOf(large)}/${name}` }).end()
  response.end(hub.files[name])
}

/** The server that large files lie on: knows ranges, drops connections. */
function answerLarge({ url, headers }: IncomingMessage, response: ServerResponse) {
  const content = hub.files[url!.slice(1)]!
  heard.push({ path: `large${url}`, range: headers.range, token: headers.authorization })
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': content.length - start })
  response.write(content.subarray(start, start + hub.drops), () =>
    hub.drops < content.length - start ? response.destroy() : response.end(),
  )
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const [small, large] = [createServer(answer), createServer(answerLarge)]
const root = mkdtempSync(join(tmpdir(), 'atelier-pull-'))
let made = 0
const target = () => join(root, `${made++}`, 'model')

beforeAll(async () => {
  for (const server of [small, large])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
})
afterAll(() => {
  for (const server of [small, large]) server.close()
  rmSync(root, { recursive: true })
})
beforeEach(() => {
  heard = []
  hub = { files: published, lies: {}, drops: Number.POSITIVE_INFINITY, token: undefined, failures: [] }
})

const model = (environment: Record<string, string> = {}, revision = 'main', name = 'tiny/decoder') =>
  hubModel(name, revision, { HF_ENDPOINT: `http://127.0.0.1:${portOf(small)}/`, ...environment })
const quick = { pauseMs: 1 }

describe('pullModel', () => {
  it('takes configuration, tokenizer and safetensors alone, says from where, and what it took writes', async () => {
    const out = target()
    const progress: number[] = []
    const pulled = await pullModel(model({}, 'v1'), { out, ...quick, onProgress: (done) => progress.push(done) })
    const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
    expect(readdirSync(out).sort()).toEqual([...names, 'pulled.json'].sort())
    for (const name of names) expect(readFileSync(join(out, name)).equals(read(name)), name).toBe(true)
    const record = JSON.parse(readFileSync(join(out, 'pulled.json'), 'utf8'))
    expect(record).toMatchObject({ repository: 'tiny/decoder', revision: 'v1', commit })
    expect(record.files.map(({ name }: { name: string }) => name).sort()).toEqual(names)
    expect(record.files.at(-1)).toEqual({
      name: 'model.safetensors',
      bytes: read('model.safetensors').length,
      sha256: sha('sha256', read('model.safetensors')),
    })
    expect(pulled).toMatchObject({ ...record, out, isNew: true })
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.at(-1)).toBe(pulled.bytes)
    expect(readdirSync(join(out, '..'))).toEqual(['model'])
    const loaded = await TextModel.load(out, { threads: 1 })
    expect((await loaded.complete(['The'], { maxTokens: 4, seed: 1 }))[0]!.tokens).toBeGreaterThan(0)
    await loaded.release()

    heard = []
    expect(await pullModel(model(), { out })).toMatchObject({ isNew: false, commit, bytes: pulled.bytes })
    expect(heard.map(({ path }) => path).filter((path) => path.includes('resolve'))).toEqual([])
  })

  it('goes on where a dropped connection stopped, in a later call too, and takes nothing twice', async () => {
    const out = target()
    const partial = `${out}.${commit.slice(0, 12)}.partial`
    hub.drops = Math.ceil(published['model.safetensors'].length / 3)
    const stop = new AbortController()
    const onProgress = () => existsSync(join(partial, 'model.safetensors.part')) && stop.abort(new Error('enough'))
    const patient = { ...quick, attempts: 20 }
    await expect(pullModel(model(), { out, ...patient, onProgress, signal: stop.signal })).rejects.toThrow('enough')
    expect(existsSync(out)).toBe(false)
    expect(readdirSync(partial)).toContain('config.json')
    heard = []
    await pullModel(model(), { out, ...patient })
    expect(readFileSync(join(out, 'model.safetensors')).equals(published['model.safetensors'])).toBe(true)
    expect(heard.some(({ path }) => path.endsWith('/config.json'))).toBe(false)
    const ranges = heard.flatMap(({ path, range }) => (path.startsWith('large') ? [range] : []))
    expect(ranges.length).toBeGreaterThan(1)
    expect(ranges.every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true)
    expect(existsSync(partial)).toBe(false)
  })

  it('asks again where the hub is busy, and gives up in one line where it stays so', async () => {
    hub.failures = [503, 429]
    await pullModel(model(), { out: target(), ...quick })
    hub.failures = new Array(9).fill(503)
    await expect(pullModel(model(), { out: target(), ...quick })).rejects.toThrow(
      /^pull tiny\/decoder: http:\/\/127\.0\.0\.1:\d+ answered 503; try again later$/,
    )
    hub.failures = []
    const nowhere = hubModel('tiny/decoder', 'main', { HF_ENDPOINT: 'http://127.0.0.1:9' })
    await expect(pullModel(nowhere, { out: target(), ...quick, attempts: 2 })).rejects.toThrow(
      /^pull tiny\/decoder: http:\/\/127\.0\.0\.1:9 cannot be reached \(.+\); check the connection and run again$/,
    )
  })

  it('opens a gated model by its token, which no other server hears and no message tells', async () => {
    hub.token = 'hf_right'
    const closed = pullModel(model(), { out: target(), ...quick })
    await expect(closed).rejects.toThrow(/none without a token \(401\).*set HF_TOKEN/)
    const wrong = pullModel(model({ HF_TOKEN: 'hf_wrong' }), { out: target(), ...quick })
    await expect(wrong).rejects.toThrow(/gated or private \(403\); the token in HF_TOKEN does not open it/)
    await expect(wrong).rejects.not.toThrow(/hf_wrong/)
    const out = target()
    await pullModel(model({ HF_TOKEN: 'hf_right' }), { out, ...quick })
    const tokens = heard.flatMap(({ path, token }) => (path.startsWith('large') ? [token] : []))
    expect(tokens).toEqual([undefined])
    expect(readFileSync(join(out, 'pulled.json'), 'utf8')).not.toContain('hf_right')
  })
})

describe('pullModel refuses, in one line and before a folder is there,', () => {
  const refused = async (message: RegExp, Kind: new (message: string) => Error = DataError, from = model()) => {
    const out = target()
    const pulling = pullModel(from, { out, ...quick })
    await expect(pulling).rejects.toThrow(message)
    await expect(pulling).rejects.toThrow(Kind)
    await expect(pulling).rejects.toThrow(/^[^\n]+$/)
    expect(existsSync(out)).toBe(false)
  }
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(published).filter(([name]) => !names.includes(name)))

  it('a model or a revision that is not there', async () => {
    await refused(/no tiny\/other at revision main \(404\); check both/, DataError, model({}, 'main', 'tiny/other'))
    await refused(/no tiny\/decoder at revision v9 \(404\)/, DataError, model({}, 'v9'))
  })

  it('contents that are not what the hub says they are, large and small', async () => {
    hub.lies = { 'model.safetensors': '0'.repeat(64) }
    await refused(/got sha256 [0-9a-f]{64}, wanted 0{64}; it was removed/)
    hub.lies = { 'tokenizer.json': '0'.repeat(40) }
    await refused(/got git SHA-1 [0-9a-f]{40}, wanted 0{40}; it was removed/)
  })

  it('weights that are pickles, and repositories that hold no model', async () => {
    hub.files = without('model.safetensors')
    await refused(/no weights in safetensors, only such as pytorch_model\.bin, which are not taken/)
    hub.files = without('model.safetensors', 'pytorch_model.bin')
    await refused(/holds no weights; choose another/)
    hub.files = without('config.json')
    await refused(/holds no config\.json; is it a model/)
    hub.files = without('tokenizer.json')
    await refused(/holds no tokenizer\.json, the one form/)
  })

  it('an architecture that is not supported, before its weights are taken', async () => {
    hub.files = { ...published, 'config.json': Buffer.from('{"model_type":"mixtral"}') }
    await refused(/config\.json: model_type "mixtral" is not supported, it needs mixtures/, CheckpointError)
    expect(heard.some(({ path }) => path.startsWith('large'))).toBe(false)
  })

  it('shards that an index names and the repository lacks, and names that lead elsewhere', async () => {
    const index = Buffer.from(JSON.stringify({ weight_map: { a: '../../.profile' } }))
    const shards = { 'model.safetensors.index.json': index, 'model-00001-of-00002.safetensors': Buffer.from('x') }
    hub.files = { ...without('model.safetensors'), ...shards }
    await refused(/index\.json names "\.\.\/\.\.\/\.profile", which the repository does not hold/)
    for (const name of ['../config.json', '/etc/passwd', 'a\\b.json', '..', 'C:x']) {
      hub.files = { ...published, [name]: Buffer.from('x') }
      await refused(/lists a file named .* which is no name in a folder; nothing was taken/)
    }
  })

  it('answers that are no listing', async () => {
    hub.lies = { 'README.md': 'not hexadecimal' }
    await refused(/lists something else than its files; nothing was taken: is it a hub\?/)
  })

  it('more than the limit, another model in its place, and words that are no name', async () => {
    const pulling = pullModel(model(), { out: target(), mostBytes: 1000 })
    await expect(pulling).rejects.toThrow(/it has \S+ GB, the limit is 0\.00000100 GB; raise it by --most/)
    const out = target()
    await pullModel(model(), { out, ...quick })
    writeFileSync(join(out, 'pulled.json'), readFileSync(join(out, 'pulled.json'), 'utf8').replace(/c0ffee/g, 'decade'))
    await expect(pullModel(model(), { out })).rejects.toThrow(/is there already, and is not tiny\/decoder at c0ffee/)
    for (const name of ['../up', 'a/b/c', 'a b/c', '.', 'http://x/y'])
      expect(() => hubModel(name, 'main', {})).toThrow(/wanted OWNER\/NAME/)
    expect(() => hubModel('a/b', '../x', {})).toThrow(ConfigError)
    expect(() => hubModel('a/b', 'main', { HF_ENDPOINT: 'hub' })).toThrow(/HF_ENDPOINT is "hub"/)
    expect(() => hubModel('a/b', 'main', { HF_TOKEN: 'secret' })).toThrow(/^(?!.*secret).*HF_TOKEN holds no token/)
  })
})

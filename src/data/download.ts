import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AtelierError, DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { makeFolder } from '../files/make-folder.ts'

/** A file on the web and what it must be. */
export interface RemoteFile {
  readonly url: string
  /** SHA-256 of the content, hex. */
  readonly sha256: string
  /** Size of the content. */
  readonly bytes: number
}

export interface DownloadOptions {
  /** Hears of bytes that are here, of all. */
  readonly onProgress?: ((bytes: number, totalBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Attempts in a row that may bring nothing before giving up; default 4. */
  readonly attempts?: number | undefined
  /** Waiting before the second attempt, doubled after each; default 500. */
  readonly pauseMs?: number | undefined
}

/**
 * Downloads a file to `path`, unless it is there and sound. A broken transfer goes on where it stopped (HTTP ranges),
 * also in a later process: what has come is in `path.part`. The file appears under its name only when its SHA-256 is
 * right; otherwise the bad one is removed. Throws `DataError`, or the reason of an abort.
 */
export async function download(remote: RemoteFile, path: string, options: DownloadOptions = {}): Promise<void> {
  if ((await sizeOf(path)) === remote.bytes && (await sha256Of(path)) === remote.sha256) return
  const part = `${path}.part`
  await makeFolder(dirname(path))
  await fetchAll(remote, part, options)
  const sha256 = await sha256Of(part)
  if (sha256 !== remote.sha256) {
    await rm(part, { force: true })
    throw new DataError(
      `download ${remote.url}: got sha256 ${sha256}, wanted ${remote.sha256}; it was removed: try again, or get the data elsewhere`,
      { ...remote, got: sha256 },
    )
  }
  await rename(part, path)
}

async function fetchAll(remote: RemoteFile, part: string, options: DownloadOptions) {
  const { attempts = 4, pauseMs = 500, signal } = options
  for (let failures = 0; ; ) {
    const before = await sizeOf(part)
    if (before === remote.bytes) return
    try {
      await fetchRest(remote, part, options)
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof AtelierError) throw cause
      failures = (await sizeOf(part)) > before ? 1 : failures + 1
      if (failures >= attempts) throw unreachable(remote.url, cause)
      await setTimeout(pauseMs * 2 ** (failures - 1), undefined, { signal })
    }
  }
}

/** One transfer, of what is missing. A server that doesn't know ranges sends all: then it starts afresh. */
async function fetchRest(remote: RemoteFile, part: string, { onProgress, signal }: DownloadOptions) {
  const have = await sizeOf(part)
  const resumable = have > 0 && have < remote.bytes
  const headers = { 'accept-encoding': 'identity', ...(resumable && { range: `bytes=${have}-` }) }
  const response = await fetch(remote.url, { headers, signal: signal ?? null })
  if (!response.ok || !response.body) throw refused(remote.url, response.status)
  const from = response.status === 206 ? have : 0
  const file = await open(part, from > 0 ? 'a' : 'w').catch((cause: unknown) => {
    throw fileError('write', part, cause)
  })
  try {
    await receive(response.body, file, from, remote, onProgress)
  } finally {
    await file.close()
  }
}

async function receive(
  body: AsyncIterable<Uint8Array>,
  file: FileHandle,
  from: number,
  { url, bytes }: RemoteFile,
  onProgress: DownloadOptions['onProgress'],
) {
  let have = from
  for await (const chunk of body) {
    await file.writeFile(chunk).catch((cause: unknown) => {
      throw fileError('write', url, cause)
    })
    have += chunk.length
    onProgress?.(have, bytes)
    if (have > bytes)
      throw new DataError(`download ${url}: got more than the ${bytes} bytes wanted; the source has changed`)
  }
  await file.sync()
  if (have < bytes) throw new Error(`the connection ended after ${have} of ${bytes} bytes`)
}

/** Refusals that another attempt may cure are plain errors, the others final. */
function refused(url: string, status: number) {
  const message = `download ${url}: the server answered ${status}`
  if (status === 408 || status === 429 || status >= 500) return new Error(message)
  return new DataError(`${message}; get the data elsewhere and name its folder with --data`, { url, status })
}

function unreachable(url: string, cause: unknown) {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const reason = (inner instanceof Error ? inner.message : String(inner)).replace(/\s+/g, ' ')
  const remedy = 'check the connection and run again: what has come is kept'
  return new DataError(`download ${url}: ${reason}; ${remedy}`, { url }, { cause })
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

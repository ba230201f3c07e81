import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AtelierError, DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { makeFolder } from '../files/make-folder.ts'

/** A file on the web and what it must be. */
export type RemoteFile = {
  readonly url: string
  /** Size of the content. */
  readonly bytes: number
} & ContentDigest

/** SHA-256 of the content, hex; or SHA-1 as git names contents: of `blob`, its size, a zero byte and the content. */
export type ContentDigest = { readonly sha256: string } | { readonly gitSha1: string }

export interface DownloadOptions {
  /** Hears of bytes that are here, of all. */
  readonly onProgress?: ((bytes: number, totalBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Attempts in a row that may bring nothing before giving up; default 4. */
  readonly attempts?: number | undefined
  /** Waiting before the second attempt, doubled after each; default 500. */
  readonly pauseMs?: number | undefined
  /** Sent with each request; a redirect to another server goes without `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What to do where the server refuses. */
  readonly remedy?: string | undefined
}

/**
 * Downloads a file to `path`, unless it is there and sound. A broken transfer goes on where it stopped (HTTP ranges),
 * also in a later process: what has come is in `path.part`. The file appears under its name only when its digest is
 * right; otherwise the bad one is removed. Throws `DataError`, or the reason of an abort.
 */
export async function download(remote: RemoteFile, path: string, options: DownloadOptions = {}): Promise<void> {
  const [kind, wanted] = 'sha256' in remote ? ['sha256', remote.sha256] : ['git SHA-1', remote.gitSha1]
  const isThere = existsSync(path) && (await sizeOf(path)) === remote.bytes
  if (isThere && (await digestOf(path, remote)) === wanted) return
  const part = `${path}.part`
  await makeFolder(dirname(path))
  await fetchAll(remote, part, options)
  const got = await digestOf(part, remote)
  if (got !== wanted) {
    await rm(part, { force: true })
    throw new DataError(
      `download ${remote.url}: got ${kind} ${got}, wanted ${wanted}; it was removed: try again, or get the data elsewhere`,
      { ...remote, got },
    )
  }
  await rename(part, path)
}

async function fetchAll(remote: RemoteFile, part: string, options: DownloadOptions) {
  const { attempts = 4, pauseMs = 500, signal } = options
  for (let failures = 0; ; ) {
    const before = await sizeOf(part)
    if (before === remote.bytes) {
      if (before === 0) await writeFile(part, '')
      return
    }
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
async function fetchRest(remote: RemoteFile, part: string, options: DownloadOptions) {
  const { onProgress, signal, remedy } = options
  const have = await sizeOf(part)
  const resumable = have > 0 && have < remote.bytes
  const headers = { ...options.headers, 'accept-encoding': 'identity', ...(resumable && { range: `bytes=${have}-` }) }
  const response = await fetch(remote.url, { headers, signal: signal ?? null })
  if (!response.ok || !response.body) throw refused(remote.url, response.status, remedy)
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
function refused(url: string, status: number, remedy = 'get the data elsewhere and name its folder with --data') {
  const message = `download ${url}: the server answered ${status}`
  if (status === 408 || status === 429 || status >= 500) return new Error(message)
  return new DataError(`${message}; ${remedy}`, { url, status })
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

async function digestOf(path: string, remote: RemoteFile): Promise<string> {
  const hash = createHash('sha256' in remote ? 'sha256' : 'sha1')
  if (!('sha256' in remote)) hash.update(`blob ${remote.bytes}\0`)
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

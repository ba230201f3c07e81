import { setTimeout } from 'node:timers/promises'
import { HUB_URL, HubApiError, InvalidApiResponseFormatError, listFiles, modelInfo } from '@huggingface/hub'
import { z } from 'zod'
import { AtelierError, ConfigError, DataError } from '../errors.ts'
import type { ContentDigest } from './download.ts'

/** A model on a hub. */
export interface HubModel {
  /** `OWNER/NAME`. */
  readonly repository: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  /** The hub's address. */
  readonly endpoint: string
  /** Opens private and gated models. */
  readonly token: string | undefined
}

/** A file of a model's repository, in its uppermost folder. */
export type HubFile = { readonly name: string; readonly bytes: number } & ContentDigest

/** What a repository holds at a commit. */
export interface HubListing {
  /** The commit that the revision stood for. */
  readonly commit: string
  readonly files: readonly HubFile[]
}

/**
 * The model that a name says: the hub is `HF_ENDPOINT`, or the library's own, the token `HF_TOKEN`. Throws
 * {@link ConfigError} for what is no name, no address or no token; the token is never told.
 */
export function hubModel(
  repository: string,
  revision = 'main',
  environment: Readonly<Record<string, string | undefined>> = process.env,
): HubModel {
  const { HF_ENDPOINT: endpoint = '', HF_TOKEN: token = '' } = environment
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(repository) || /(^|\/)\.+(\/|$)/.test(repository))
    throw new ConfigError(`pull: got ${JSON.stringify(repository)}, wanted OWNER/NAME`, { repository })
  if (!/^[\w./-]+$/.test(revision) || revision.split('/').some((part) => /^\.*$/.test(part)))
    throw new ConfigError(`pull: --revision ${JSON.stringify(revision)} is no branch, tag or commit; check it`)
  if (endpoint && !/^https?:\/\/[^\s/]/.test(endpoint))
    throw new ConfigError(
      `pull: HF_ENDPOINT is ${JSON.stringify(endpoint)}, wanted an address such as https://hub.example`,
    )
  if (token && !/^hf_[\x21-\x7e]+$/.test(token))
    throw new ConfigError('pull: HF_TOKEN holds no token, which would begin with hf_; set it anew or unset it')
  return { repository, revision, endpoint: (endpoint || HUB_URL).replace(/\/+$/, ''), token: token || undefined }
}

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const size = z.number().int().nonnegative()
const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size,
  oid: hex(40),
  lfs: z.object({ oid: hex(64), size }).optional(),
})
const mostEntries = 10_000

/** Attempts, and what is waited before the second, doubled after each. */
interface Patience {
  readonly attempts?: number | undefined
  readonly pauseMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Lists what a model's repository holds. Throws {@link DataError}, in one line with the remedy: a model that is not
 * there, private or gated, a hub that cannot be reached, answers that are none, names that lead out of a folder.
 */
export async function listHubModel(model: HubModel, patience: Patience = {}): Promise<HubListing> {
  const { repository, revision, endpoint: hubUrl, token } = model
  const shared = { hubUrl, ...(token ? { accessToken: token } : {}), fetch: fetchUntil(patience.signal) }
  const info = await patiently(model, patience, () =>
    modelInfo({ ...shared, name: repository, revision, additionalFields: ['sha'] }),
  )
  const commit = checked(hex(40), info.sha, model)
  const entries = await patiently(model, patience, async () => {
    const all: unknown[] = []
    for await (const entry of listFiles({ ...shared, repo: { type: 'model', name: repository }, revision: commit })) {
      if (all.push(entry) > mostEntries) throw strange(model, `more than ${mostEntries} files`)
    }
    return all
  })
  const files = entries.map((entry) => checked(entrySchema, entry, model)).filter(({ type }) => type === 'file')
  const hostile = files.find(({ path }) => !isPlain(path))
  if (hostile) throw strange(model, `a file named ${JSON.stringify(hostile.path)}, which is no name in a folder`)
  return { commit, files: files.map(fileOf) }
}

function fileOf({ path: name, size: bytes, oid, lfs }: z.infer<typeof entrySchema>): HubFile {
  return lfs ? { name, bytes: lfs.size, sha256: lfs.oid } : { name, bytes, gitSha1: oid }
}

/** Whether a name is that of a file in a folder, whatever the system. */
function isPlain(name: string): boolean {
  return !/[/\\:\p{Cc}]/u.test(name) && !/^\.*$/.test(name)
}

function fetchUntil(signal: AbortSignal | undefined): typeof fetch {
  return (address, init) => fetch(address, { ...init, signal: signal ?? null })
}

function checked<T>(schema: z.ZodType<T>, value: unknown, model: HubModel): T {
  const { success, data } = schema.safeParse(value)
  if (success) return data
  throw strange(model, 'something else than its files')
}

function strange({ repository, endpoint }: HubModel, what: string) {
  return new DataError(`pull ${repository}: ${endpoint} lists ${what}; nothing was taken: is it a hub?`, { repository })
}

/** Asks again where another attempt may help, and tells in one line what went wrong. */
async function patiently<T>(model: HubModel, patience: Patience, ask: () => Promise<T>): Promise<T> {
  const { attempts = 4, pauseMs = 500, signal } = patience
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof AtelierError) throw cause
      if (isFinal(cause) || attempt >= attempts) throw refusal(model, cause)
      await setTimeout(pauseMs * 2 ** (attempt - 1), undefined, { signal })
    }
  }
}

function isFinal(cause: unknown): boolean {
  if (cause instanceof SyntaxError || cause instanceof InvalidApiResponseFormatError) return true
  if (!(cause instanceof HubApiError)) return false
  const { statusCode } = cause
  return statusCode < 500 && statusCode !== 408 && statusCode !== 429
}

function refusal(model: HubModel, cause: unknown): DataError {
  const { repository, revision, endpoint } = model
  const details = { repository, revision, endpoint }
  if (cause instanceof HubApiError) {
    const status = cause.statusCode
    return new DataError(`pull ${repository}: ${whyRefused(model, status)}`, { ...details, status }, { cause })
  }
  if (isFinal(cause)) return strange(model, 'something else than its files')
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const reason = (inner instanceof Error ? inner.message : String(inner)).replace(/\s+/g, ' ')
  const remedy = 'check the connection and run again'
  return new DataError(`pull ${repository}: ${endpoint} cannot be reached (${reason}); ${remedy}`, details, { cause })
}

/** What a status means, and what to do. */
export function whyRefused({ repository, revision, endpoint, token }: HubModel, status: number): string {
  const opening = token
    ? 'the token in HF_TOKEN does not open it: accept its terms on its page with that account, or take another token'
    : 'if it is private or gated, accept its terms on its page and set HF_TOKEN to a token of that account'
  if (status === 401) return `there is none, or none without a token (401); check the name; ${opening}`
  if (status === 403) return `it is gated or private (403); ${opening}`
  if (status === 404) return `${endpoint} has no ${repository} at revision ${revision} (404); check both`
  return `${endpoint} answered ${status}; try again later`
}

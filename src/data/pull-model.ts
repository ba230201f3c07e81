import { existsSync } from 'node:fs'
import { rename, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, DataError } from '../errors.ts'
import { codeOf, fileError } from '../files/file-error.ts'
import { readJsonFile, writeJsonFile } from '../files/json-file.ts'
import { makeFolder } from '../files/make-folder.ts'
import { familyOf } from '../models/registry.ts'
import { type DownloadOptions, download } from './download.ts'
import { type HubFile, type HubListing, type HubModel, listHubModel, whyRefused } from './hub-files.ts'

const fileSchema = z.object({
  name: z.string(),
  bytes: z.number(),
  /** Of large files. */
  sha256: z.string().optional(),
  /** As git names contents; of small files. */
  gitSha1: z.string().optional(),
})

const recordSchema = z.object({
  format: z.literal('atelier-pulled-1'),
  repository: z.string(),
  revision: z.string(),
  /** The commit that the revision stood for: it names the content exactly. */
  commit: z.string(),
  pulled: z.string(),
  files: z.array(fileSchema),
})

/** `pulled.json`, beside what was pulled: where it comes from. */
export type PullRecord = z.infer<typeof recordSchema>

const recordName = 'pulled.json'

/** How to pull. */
export interface PullOptions extends Pick<DownloadOptions, 'signal' | 'attempts' | 'pauseMs'> {
  /** The new folder. */
  readonly out: string
  /** Refuses models of more bytes; 32 GB by default. */
  readonly mostBytes?: number | undefined
  /** Hears of bytes that are here, of all. */
  readonly onProgress?: ((bytes: number, totalBytes: number) => void) | undefined
}

/** What {@link pullModel} did. */
export interface Pulled extends PullRecord {
  readonly out: string
  readonly bytes: number
  /** False where the folder held that commit already. */
  readonly isNew: boolean
}

/**
 * Copies a model from a hub: its configuration, tokenizer and weights in safetensors, nothing else, each checked by its
 * digest. What has come stays in `OUT.COMMIT.partial` until all has; a later call goes on from there, and then the
 * folder appears whole.
 *
 * Throws ConfigError for a folder that is there already and a model beyond the limit, DataError for what the hub says,
 * for transfers and the disk, CheckpointError for an architecture that is not supported, before its weights are taken.
 */
export async function pullModel(model: HubModel, options: PullOptions): Promise<Pulled> {
  const { out, mostBytes = 32e9 } = options
  const listing = await listHubModel(model, options)
  const { repository, revision } = model
  if (existsSync(out)) return await alreadyThere(out, model, listing)
  const files = filesToTake(model, listing)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  if (bytes > mostBytes)
    throw new ConfigError(
      `pull ${repository}: it has ${gigabytes(bytes)}, the limit is ${gigabytes(mostBytes)}; raise it by --most, in GB`,
      { bytes, mostBytes },
    )
  const staging = `${out}.${listing.commit.slice(0, 12)}.partial`
  await makeFolder(staging)
  await checkSpace(staging, files)
  let before = 0
  for (const file of files) {
    const onProgress = (here: number) => options.onProgress?.(before + here, bytes)
    await take(model, listing, file, staging, { ...options, onProgress })
    await checkTaken(model, file, files, staging)
    before += file.bytes
    options.onProgress?.(before, bytes)
  }
  const pulled = new Date().toISOString()
  const record: PullRecord = {
    format: 'atelier-pulled-1',
    repository,
    revision,
    commit: listing.commit,
    pulled,
    files: files.map((file) => ({ ...file })),
  }
  await writeJsonFile(join(staging, recordName), record, DataError)
  await rename(staging, out).catch((cause: unknown) => {
    throw fileError('write', out, cause)
  })
  return { ...record, out, bytes, isNew: true }
}

async function alreadyThere(out: string, model: HubModel, { commit }: HubListing): Promise<Pulled> {
  const path = join(out, recordName)
  const record = existsSync(path) ? await readJsonFile(path, recordSchema, DataError) : undefined
  if (record?.repository !== model.repository || record.commit !== commit)
    throw new ConfigError(
      `pull: ${out} is there already, and is not ${model.repository} at ${commit}; choose another --out`,
    )
  return { ...record, out, bytes: record.files.reduce((sum, file) => sum + file.bytes, 0), isNew: false }
}

/** Small files, the first of which says what the model is. */
const small = [
  /^(adapter_)?config\.json$/,
  /^model\.safetensors\.index\.json$/,
  /^(generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$/,
  /^((merges|vocab)\.txt|chat_template\.jinja|copy-guard\.safetensors)$/,
]
const weights = /^(model(-\d+-of-\d+)?|adapter_model)\.safetensors$/
/** Forms of weights that hold programs, or that nothing here reads. */
const otherWeights = /\.(bin|pt|pth|ckpt|pkl|h5|msgpack|ot|onnx|gguf)$/

/** What is taken of a repository, small files first. Throws DataError where what is needed is not there. */
function filesToTake({ repository }: HubModel, { files }: HubListing): HubFile[] {
  const has = (name: string) => files.some((file) => file.name === name)
  const isAdapter = !has('config.json') && has('adapter_config.json')
  const missing = (what: string) => new DataError(`pull ${repository}: it holds no ${what}`, { repository })
  if (!has('config.json') && !isAdapter) throw missing('config.json; is it a model for transformers?')
  if (!has('tokenizer.json') && !isAdapter)
    throw missing('tokenizer.json, the one form of tokenizers that is read; choose a repository that has it')
  const wanted = files.filter(({ name }) => weights.test(name))
  if (wanted.length === 0) {
    const other = files.find(({ name }) => otherWeights.test(name))
    if (!other) throw missing('weights; choose another repository or revision')
    throw missing(
      `weights in safetensors, only such as ${other.name}, which are not taken: they may hold programs; choose a repository or a revision that has safetensors`,
    )
  }
  const whole = wanted.filter(({ name }) => !/-of-/.test(name))
  const taken = whole.length > 0 ? whole : wanted
  return [...small.flatMap((names) => files.filter(({ name }) => names.test(name))), ...taken].filter(
    ({ name }) => whole.length === 0 || !name.endsWith('.index.json'),
  )
}

async function take(
  model: HubModel,
  { commit }: HubListing,
  file: HubFile,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const { repository, endpoint, token } = model
  const { name, ...content } = file
  const url = `${endpoint}/${repository}/resolve/${commit}/${encodeURIComponent(name)}`
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  try {
    await download({ url, ...content }, join(folder, name), { ...options, headers, remedy: 'try again later' })
  } catch (cause) {
    const status = cause instanceof DataError ? cause.details.status : undefined
    if (typeof status !== 'number') throw cause
    throw new DataError(`pull ${repository}: ${name}: ${whyRefused(model, status)}`, { name, status }, { cause })
  }
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) })

/** Refuses, as soon as it can be known, a model that would not load. */
async function checkTaken({ repository }: HubModel, { name }: HubFile, files: readonly HubFile[], folder: string) {
  const path = join(folder, name)
  if (name === 'config.json') familyOf(await readJsonFile(path, z.unknown(), DataError), `${repository}: config.json`)
  if (!name.endsWith('.index.json')) return
  const { weight_map: shards } = await readJsonFile(path, indexSchema, DataError)
  const missing = Object.values(shards).find((shard) => !files.some((file) => file.name === shard))
  if (missing !== undefined)
    throw new DataError(
      `pull ${repository}: ${name} names ${JSON.stringify(missing)}, which the repository does not hold; choose another revision`,
    )
}

/** Throws DataError where the disk has too little room for what is not here yet. */
async function checkSpace(folder: string, files: readonly HubFile[]): Promise<void> {
  const needed = files
    .filter(({ name }) => !existsSync(join(folder, name)) && !existsSync(join(folder, `${name}.part`)))
    .reduce((sum, { bytes }) => sum + bytes, 0)
  const { bavail, bsize } = await statfs(folder).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOSYS') return { bavail: Number.POSITIVE_INFINITY, bsize: 1 }
    throw fileError('write', folder, cause)
  })
  if (needed > bavail * bsize)
    throw new DataError(
      `pull: ${folder} has room for ${gigabytes(bavail * bsize)}, ${gigabytes(needed)} are wanted; free some space or choose another --out`,
      { needed },
    )
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(3)} GB`
}

import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { readJsonFile } from '../files/json-file.ts'
import type { TokenArray, TokenDtype } from './encode-job.ts'

const count = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const shardSchema = z.object({
  /** File name beside the index: little-endian ids, nothing else. */
  file: z.string().regex(/^[a-z]+\.bin$/),
  tokens: count,
  /** Documents that lie in it, whole or in part. */
  documents: count,
  /** UTF-8 bytes of the text that the tokens stand for. */
  bytes: count,
  sha256,
})

const marksSchema = z.object({
  /** File name beside the index: a byte for each id of the shard. */
  file: z.string().regex(/^[a-z]+\.bin$/),
  sha256,
})

const indexSchema = z.object({
  format: z.literal('atelier-tokens-1'),
  dtype: z.enum(['uint16', 'uint32']),
  vocabSize: count,
  /** Names exactly what is learned from: the documents in their order, and how they were split. */
  dataDigest: sha256,
  /** SHA-256 of `tokenizer.json`. */
  tokenizerDigest: sha256,
  heldOut: z.number(),
  seed: count,
  statistics: z.object({
    files: count,
    documents: count,
    duplicates: count,
    bytes: count,
    characters: count,
    emptyFiles: z.array(z.string()),
    skippedFiles: z.array(z.object({ path: z.string(), reason: z.string() })),
  }),
  train: shardSchema,
  validation: shardSchema,
  /** Of conversations: what each id is, as `chatMarks` has it. */
  marks: z.object({ train: marksSchema, validation: marksSchema }).optional(),
})

/** What lies in one file of tokens. */
export type Shard = z.infer<typeof shardSchema>

/** `shards.json`: what lies in a folder of tokens. */
export type ShardIndex = z.infer<typeof indexSchema>

/** What was read to make a corpus: sizes after normalisation, repetitions left out. */
export type CorpusStatistics = ShardIndex['statistics']

/** Name of the index in a folder of tokens. */
export const shardIndexName = 'shards.json'

/** Bytes of one id. */
export function bytesPerToken(dtype: TokenDtype): number {
  return dtype === 'uint16' ? 2 : 4
}

/** Reads and checks `shards.json`, and that each file has the size it says. Throws `DataError`. */
export async function readShardIndex(folder: string): Promise<ShardIndex> {
  const index = await readJsonFile(join(folder, shardIndexName), indexSchema, DataError)
  for (const shard of [index.train, index.validation]) await checkSize(folder, shard, index.dtype)
  return index
}

/** Reads a file of marks, one for each of `tokens` ids. Throws `DataError` for one that is missing or of another size. */
export async function readMarks(folder: string, { file }: z.infer<typeof marksSchema>, tokens: number) {
  const path = join(folder, file)
  const marks = await readFile(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  if (marks.length === tokens) return marks
  throw new DataError(
    `read ${path}: got ${marks.length} marks, wanted ${tokens}; remove the folder and prepare it again`,
  )
}

async function checkSize(folder: string, shard: Shard, dtype: TokenDtype) {
  const path = join(folder, shard.file)
  const { size } = await stat(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  const wanted = shard.tokens * bytesPerToken(dtype)
  if (size === wanted) return
  throw new DataError(`read ${path}: got ${size} bytes, wanted ${wanted}; remove the folder and prepare it again`, {
    path,
    size,
    wanted,
  })
}

/** Appends ids to a new file and counts them. Throws `DataError` when the disk is full. */
export class ShardWriter {
  private readonly path: string
  private readonly file: FileHandle
  private readonly hash = createHash('sha256')
  private tokens = 0

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.file = file
  }

  static async create(path: string): Promise<ShardWriter> {
    const file = await open(path, 'w').catch((cause: unknown) => {
      throw fileError('write', path, cause)
    })
    return new ShardWriter(path, file)
  }

  async append(tokens: TokenArray): Promise<void> {
    const bytes = Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength)
    this.hash.update(bytes)
    this.tokens += tokens.length
    await this.file.writeFile(bytes).catch((cause: unknown) => {
      throw fileError('write', this.path, cause)
    })
  }

  /** Closes the file and tells its token count and SHA-256. */
  async finish(): Promise<Pick<Shard, 'tokens' | 'sha256'>> {
    await this.close()
    return { tokens: this.tokens, sha256: this.hash.digest('hex') }
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}

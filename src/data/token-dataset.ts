import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { type TokenDtype, tokenArray } from './encode-job.ts'
import { bytesPerToken, type Shard } from './shards.ts'

/** Consecutive token ids that can be read anywhere: what windows are cut from. */
export interface TokenSource {
  /** How many ids there are. */
  readonly tokens: number
  /** Writes `length` ids from `start` on into `target` at `offset`. Throws `DataError` outside the range. */
  read(start: number, length: number, target: Int32Array, offset?: number): void
}

/**
 * One shard of tokens on disk, read where asked. Nothing is kept in memory: the operating system's page cache holds
 * what is read often, and a window costs one read of some hundred bytes. Close it when done.
 */
export class TokenDataset implements TokenSource {
  readonly tokens: number
  /** Documents that lie in it, whole or in part. */
  readonly documents: number
  /** UTF-8 bytes of the text that the tokens stand for: what bits per byte divides by. */
  readonly bytes: number
  private readonly path: string
  private readonly dtype: TokenDtype
  private readonly file: number
  private closed = false

  /** Opens a shard of a folder that `readShardIndex` has checked. Throws `DataError`. */
  constructor(folder: string, shard: Shard, dtype: TokenDtype) {
    this.tokens = shard.tokens
    this.documents = shard.documents
    this.bytes = shard.bytes
    this.dtype = dtype
    this.path = join(folder, shard.file)
    try {
      this.file = openSync(this.path, 'r')
    } catch (cause) {
      throw fileError('read', this.path, cause)
    }
  }

  read(start: number, length: number, target: Int32Array, offset = 0): void {
    checkRange(start, length, this.tokens, this.path)
    const ids = tokenArray(this.dtype, length)
    const bytes = new Uint8Array(ids.buffer)
    const position = start * bytesPerToken(this.dtype)
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.file, bytes, done, bytes.length - done, position + done)
      if (read === 0) throw new DataError(`read ${this.path}: it ends early; prepare the corpus again`)
      done += read
    }
    target.set(ids, offset)
  }

  /** The ids from `start` on, `length` of them. */
  slice(start: number, length: number): Int32Array {
    const target = new Int32Array(length)
    this.read(start, length, target)
    return target
  }

  /** Releases the file; a second call does nothing. */
  close(): void {
    if (!this.closed) closeSync(this.file)
    this.closed = true
  }
}

/** Tokens that are in memory already, such as a prompt's or a test's. */
export function tokensInMemory(ids: ArrayLike<number>): TokenSource {
  const all = Int32Array.from(ids)
  return {
    tokens: all.length,
    read(start, length, target, offset = 0) {
      checkRange(start, length, all.length, 'tokens')
      target.set(all.subarray(start, start + length), offset)
    },
  }
}

function checkRange(start: number, length: number, tokens: number, name: string) {
  if (start >= 0 && length >= 0 && start + length <= tokens) return
  throw new DataError(`read ${name}: got tokens ${start} to ${start + length}, wanted within 0 to ${tokens}`)
}

import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError } from '../files/file-error.ts'
import { makeFolder } from '../files/make-folder.ts'
import { DigestSet } from './digest-set.ts'

const blockBytes = 1 << 20

/** Ends a part of a document that goes on, such as the first text of a pair: a byte that no UTF-8 holds. */
export const partEnd = Buffer.of(0xff)

/**
 * What was read, once and in order: the distinct documents as UTF-8 in a file that has no name.
 *
 * Everything after it (split, vocabulary, encoding) needs sizes that only a whole reading gives, and standard
 * input can be read only once. The file is unlinked as soon as it is open, so a killed process leaves nothing.
 * Memory: 40 bytes a document.
 */
export class DocumentSpool {
  /** UTF-8 bytes of each document kept, in reading order. */
  readonly byteLengths: number[] = []
  /** A number in [0, 1) of each document kept, from its content and the seed: who is held out. */
  readonly scores: number[] = []
  /** Exact repetitions left out. */
  duplicates = 0
  /** Unicode code points kept. */
  characters = 0
  /** UTF-8 bytes kept. */
  bytes = 0

  private readonly file: FileHandle
  private readonly folder: string
  private readonly seed: number
  private readonly seen = new DigestSet()
  private readonly everything = createHash('sha256').update('atelier documents 1\n')
  private current: { hash: Hash; start: number; characters: number } | undefined
  private pending: Buffer[] = []
  private pendingBytes = 0
  private written = 0

  private constructor(file: FileHandle, folder: string, seed: number) {
    this.file = file
    this.folder = folder
    this.seed = seed
  }

  /** Opens an empty spool on the disk of `folder`, which is made when missing. Throws `DataError`. */
  static async create(folder: string, seed: number): Promise<DocumentSpool> {
    const path = join(folder, `.documents-${process.pid}-${spools++}`)
    try {
      await makeFolder(folder)
      const file = await open(path, 'w+')
      await unlink(path)
      return new DocumentSpool(file, folder, seed)
    } catch (cause) {
      throw fileError('write', path, cause)
    }
  }

  /**
   * Adds a piece of text, or {@link partEnd}; `last` closes the document, which is dropped when it is empty or was there
   * before.
   */
  async add(text: string | Buffer, last: boolean): Promise<void> {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    this.current ??= { hash: createHash('sha256'), start: this.written + this.pendingBytes, characters: 0 }
    this.current.hash.update(bytes)
    this.current.characters += countCharacters(bytes)
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
    if (last) this.close()
    if (this.pendingBytes >= blockBytes) await this.flush()
  }

  /** SHA-256 (hex) over the SHA-256 of each document kept, in reading order: names the words, not the files. */
  get digest(): string {
    return this.everything.copy().digest('hex')
  }

  /** The byte at which code point number `character` of the whole spool begins. */
  async offsetOfCharacter(character: number): Promise<number> {
    let left = character
    let offset = 0
    for await (const block of this.blocks()) {
      for (let i = 0; i < block.length; i++) {
        if ((block[i]! & 0xc0) !== 0x80 && left-- === 0) return offset + i
      }
      offset += block.length
    }
    return offset
  }

  /** All kept bytes, in order, a megabyte at a time. */
  async *blocks(): AsyncGenerator<Buffer> {
    await this.flush()
    for (let position = 0; position < this.bytes; ) {
      const block = Buffer.allocUnsafe(Math.min(blockBytes, this.bytes - position))
      const { bytesRead } = await this.file.read(block, 0, block.length, position)
      position += bytesRead
      yield block.subarray(0, bytesRead)
    }
  }

  async dispose(): Promise<void> {
    await this.file.close()
  }

  private close() {
    const { hash, start, characters } = this.current!
    this.current = undefined
    const digest = hash.digest()
    const length = this.written + this.pendingBytes - start
    if (length === 0) return
    if (!this.seen.add(digest)) {
      this.duplicates += 1
      this.retract(start)
      return
    }
    this.everything.update(digest)
    this.byteLengths.push(length)
    this.scores.push(scoreOf(digest, this.seed))
    this.characters += characters
    this.bytes += length
  }

  private retract(start: number) {
    while (this.pending.length > 0 && this.written + this.pendingBytes > start) {
      this.pendingBytes -= this.pending.pop()!.length
    }
    if (this.pending.length === 0) this.written = Math.min(this.written, start)
  }

  private async flush() {
    const block = Buffer.concat(this.pending)
    this.pending = []
    this.pendingBytes = 0
    try {
      for (let done = 0; done < block.length; ) {
        const { bytesWritten } = await this.file.write(block, done, block.length - done, this.written)
        done += bytesWritten
        this.written += bytesWritten
      }
    } catch (cause) {
      throw fileError('write', this.folder, cause)
    }
  }
}

let spools = 0

function countCharacters(bytes: Buffer): number {
  let count = 0
  for (let i = 0; i < bytes.length; i++) if ((bytes[i]! & 0xc0) !== 0x80) count += 1
  return count
}

function scoreOf(digest: Buffer, seed: number): number {
  const keyed = createHash('sha256').update(`${seed}\n`).update(digest).digest()
  return keyed.readUIntBE(0, 6) / 2 ** 48
}

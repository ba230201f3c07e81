import { createHash } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DigestSet } from '../../data/digest-set.ts'
import { fileError } from '../../files/file-error.ts'
import { makeFolder } from '../../files/make-folder.ts'
import type { PictureRecord, Side } from './picture-entry.ts'

const blockBytes = 1 << 20

/** A picture as it comes back from the spool. */
export interface SpooledPicture {
  readonly planes: Uint8Array
  /** The record's JSON. */
  readonly record: string
}

/**
 * What was decoded, once and in order: the distinct pictures with their records, in a file that has no name.
 *
 * Whether all are grey, which classes there are and who is held out are known only after the last one. The file is
 * unlinked as soon as it is open, so a killed process leaves nothing. Memory: some 100 bytes a picture.
 */
export class PictureSpool {
  /** Planes of each picture kept: 1 for a grey one where the number is chosen by what there is. */
  readonly planeCounts: number[] = []
  /** A number in [0, 1) of each picture kept, from its source's content and the seed. */
  readonly scores: number[] = []
  readonly sides: (Side | undefined)[] = []
  /** Index in {@link classNames} of each picture kept, −1 without a class. */
  readonly classes: number[] = []
  /** Classes in the order of their first picture. */
  readonly classNames: string[] = []
  /** Exact repetitions left out, by their pixels. */
  duplicates = 0
  captioned = 0

  private readonly file: FileHandle
  private readonly folder: string
  private readonly area: number
  private readonly seed: number
  private readonly seen = new DigestSet()
  private readonly classIndex = new Map<string, number>()
  private readonly everything = createHash('sha256').update('atelier pictures 1\n')
  private readonly recordBytes: number[] = []
  private pending: Uint8Array[] = []
  private pendingBytes = 0
  private written = 0

  private constructor(file: FileHandle, folder: string, size: number, seed: number) {
    this.file = file
    this.folder = folder
    this.area = size * size
    this.seed = seed
  }

  /** Opens an empty spool on the disk of `folder`, which is made when missing, for pictures of `size` × `size`. */
  static async create(folder: string, size: number, seed: number): Promise<PictureSpool> {
    const path = join(folder, `.pictures-${process.pid}-${spools++}`)
    try {
      await makeFolder(folder)
      const file = await open(path, 'w+')
      await unlink(path)
      return new PictureSpool(file, folder, size, seed)
    } catch (cause) {
      throw fileError('write', path, cause)
    }
  }

  /** Pictures kept. */
  get length(): number {
    return this.scores.length
  }

  /** SHA-256 (hex) over pixels, classes, captions, groups, attributes and sides of each picture kept, in their order. */
  get digest(): string {
    return this.everything.copy().digest('hex')
  }

  /** Adds a picture, unless one with the same pixels was there before; `contentDigest` is its source's SHA-256. */
  async add(planes: Uint8Array, contentDigest: Buffer, record: PictureRecord, side: Side | undefined): Promise<void> {
    const digest = createHash('sha256').update(planes).digest()
    if (!this.seen.add(digest)) {
      this.duplicates += 1
      return
    }
    const { source: _, ...facts } = record
    this.everything.update(digest).update(JSON.stringify([facts, side ?? null]))
    this.planeCounts.push(planes.length / this.area)
    this.scores.push(scoreOf(contentDigest, this.seed))
    this.sides.push(side)
    this.classes.push(this.indexOfClass(record.class))
    if (record.captions && record.captions.length > 0) this.captioned += 1
    const json = Buffer.from(JSON.stringify(record))
    this.recordBytes.push(json.length)
    this.pending.push(planes, json)
    this.pendingBytes += planes.length + json.length
    if (this.pendingBytes >= blockBytes) await this.flush()
  }

  /** All kept pictures, in order, in bounded memory. */
  async *pictures(): AsyncGenerator<SpooledPicture> {
    await this.flush()
    let block = Buffer.alloc(0)
    let position = 0
    for (let i = 0; i < this.length; i++) {
      const planeBytes = this.planeCounts[i]! * this.area
      const bytes = planeBytes + this.recordBytes[i]!
      if (block.length < bytes) {
        const more = await this.read(position, Math.max(bytes - block.length, blockBytes))
        position += more.length
        block = Buffer.concat([block, more])
      }
      yield { planes: block.subarray(0, planeBytes), record: block.toString('utf8', planeBytes, bytes) }
      block = block.subarray(bytes)
    }
  }

  async dispose(): Promise<void> {
    await this.file.close()
  }

  private indexOfClass(name: string | undefined): number {
    if (name === undefined) return -1
    const known = this.classIndex.get(name)
    if (known !== undefined) return known
    this.classIndex.set(name, this.classNames.length)
    return this.classNames.push(name) - 1
  }

  private async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.min(length, this.written - position))
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.file.read(bytes, done, bytes.length - done, position + done)
      done += bytesRead
    }
    return bytes
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

function scoreOf(digest: Buffer, seed: number): number {
  const keyed = createHash('sha256').update(`${seed}\n`).update(digest).digest()
  return keyed.readUIntBE(0, 6) / 2 ** 48
}

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { parseJson } from '../../files/parse-json.ts'
import type { ImageSet } from './image-corpus.ts'
import { type ImageIndex, imageFiles } from './image-shards.ts'
import { type PictureRecord, recordSchema } from './picture-entry.ts'

/** Pictures packed on disk, read where they are asked for; memory: 12 bytes a picture. */
export class ImageShard implements ImageSet {
  readonly length: number
  readonly labels: Int32Array | undefined
  private readonly folder: string
  private readonly pictureBytes: number
  private readonly offsets: Float64Array
  private readonly pixelFile: number
  private readonly recordFile: number

  /** Opens one side of what {@link readImageIndex} checked. Throws `DataError`. */
  constructor(folder: string, side: 'train' | 'held-out', { sides, classes, channels, imageSize }: ImageIndex) {
    this.folder = folder
    this.length = sides[side].pictures
    this.pictureBytes = channels * imageSize ** 2
    const files = imageFiles(folder, side)
    try {
      this.labels = classes.length > 0 ? new Int32Array(wholeFile(files.labels)) : undefined
      this.offsets = new Float64Array(wholeFile(files.offsets))
      this.pixelFile = openSync(files.pixels, 'r')
      this.recordFile = openSync(files.records, 'r')
    } catch (cause) {
      throw fileError('read', folder, cause)
    }
  }

  pixels(indices: ArrayLike<number>): Uint8Array {
    const pictures = new Uint8Array(indices.length * this.pictureBytes)
    for (let i = 0; i < indices.length; i++) {
      const index = this.checked(indices[i]!)
      const into = pictures.subarray(i * this.pictureBytes, (i + 1) * this.pictureBytes)
      this.read(this.pixelFile, into, index * this.pictureBytes)
    }
    return pictures
  }

  captions(index: number): readonly string[] {
    return this.record(index).captions ?? []
  }

  record(index: number): PictureRecord {
    const start = this.offsets[this.checked(index)]!
    const line = Buffer.alloc(this.offsets[index + 1]! - start)
    this.read(this.recordFile, line, start)
    return parseJson(line.toString(), recordSchema, `${this.folder} picture ${index}`, DataError) as PictureRecord
  }

  /** Closes the files; call it once. */
  close(): void {
    closeSync(this.pixelFile)
    closeSync(this.recordFile)
  }

  private checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.length) return index
    throw new DataError(`read ${this.folder}: got picture ${index}, wanted 0 to ${this.length - 1}`, { index })
  }

  private read(file: number, into: Uint8Array, position: number) {
    for (let done = 0; done < into.length; ) {
      const count = readSync(file, into, done, into.length - done, position + done)
      if (count === 0) throw new DataError(`read ${this.folder}: it ends early; remove it and prepare it again`)
      done += count
    }
  }
}

/** A file's bytes in memory of their own, so that they can be seen as numbers. */
function wholeFile(path: string): ArrayBuffer {
  const bytes = readFileSync(path)
  return new Uint8Array(bytes).buffer
}

import { join } from 'node:path'
import { writeJsonFile } from '../../files/json-file.ts'
import { widened } from '../codec/planes.ts'
import { BlockWriter, type ImageIndex, type ImageSide, imageFiles, imageIndexName } from './image-shards.ts'
import type { Side } from './picture-entry.ts'
import type { PictureSpool } from './picture-spool.ts'

/** What is packed, and how it is split. */
export interface Packing {
  readonly spool: PictureSpool
  /** Side of each picture of the spool. */
  readonly sides: readonly Side[]
  /** The index without what is only known when the files are written. */
  readonly description: Omit<ImageIndex, 'format' | 'sides'>
  /** Hears of pictures written; may throw to stop. */
  readonly onPicture: (written: number) => void
}

/** Writes the shards and `images.json` of a corpus into an empty folder. Throws `DataError` when the disk is full. */
export async function packImages(folder: string, { spool, sides, description, onPicture }: Packing): Promise<void> {
  const { channels, classes } = description
  const labelOf = spool.classNames.map((name) => classes.indexOf(name))
  const writers = {
    train: await SideWriter.create(folder, 'train'),
    'held-out': await SideWriter.create(folder, 'held-out'),
  }
  try {
    let i = 0
    for await (const { planes, record } of spool.pictures()) {
      const whole = channels !== 1 && spool.planeCounts[i] === 1 ? widened(planes, channels) : planes
      await writers[sides[i]!].append(whole, labelOf[spool.classes[i]!] ?? -1, record)
      onPicture(++i)
    }
    const index: ImageIndex = {
      format: 'atelier-images-1',
      ...description,
      sides: { train: await writers.train.finish(), 'held-out': await writers['held-out'].finish() },
    }
    await writeJsonFile(join(folder, imageIndexName), index)
  } finally {
    await writers.train.abandon()
    await writers['held-out'].abandon()
  }
}

/** The files of one side on their way. */
class SideWriter {
  private pictures = 0
  private readonly pixels: BlockWriter
  private readonly labels: BlockWriter
  private readonly records: BlockWriter
  private readonly offsets: BlockWriter

  private constructor(writers: readonly [BlockWriter, BlockWriter, BlockWriter, BlockWriter]) {
    ;[this.pixels, this.labels, this.records, this.offsets] = writers
  }

  static async create(folder: string, side: Side): Promise<SideWriter> {
    const { pixels, labels, records, offsets } = imageFiles(folder, side)
    return new SideWriter([
      await BlockWriter.create(pixels),
      await BlockWriter.create(labels),
      await BlockWriter.create(records),
      await BlockWriter.create(offsets),
    ])
  }

  async append(planes: Uint8Array, label: number, record: string): Promise<void> {
    this.pictures += 1
    await this.pixels.append(planes)
    await this.labels.append(bytesOf(Int32Array.of(label)))
    await this.offsets.append(bytesOf(Float64Array.of(this.records.bytes)))
    await this.records.append(Buffer.from(`${record}\n`))
  }

  async finish(): Promise<ImageSide> {
    await this.offsets.append(bytesOf(Float64Array.of(this.records.bytes)))
    const recordBytes = this.records.bytes
    const sha256 = await this.pixels.finish()
    for (const writer of [this.labels, this.records, this.offsets]) await writer.finish()
    return { pictures: this.pictures, sha256, recordBytes }
  }

  /** Closes what is still open. */
  async abandon(): Promise<void> {
    for (const writer of [this.pixels, this.labels, this.records, this.offsets]) await writer.abandon()
  }
}

function bytesOf({ buffer }: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer)
}

import { createHash } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.ts'
import { fileError } from '../../files/file-error.ts'
import { readJsonFile } from '../../files/json-file.ts'

const count = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const skipped = z.array(z.object({ source: z.string(), reason: z.string() }))

const sideSchema = z.object({
  pictures: count,
  /** SHA-256 of the pixels. */
  sha256,
  /** Size of the records. */
  recordBytes: count,
})

const indexSchema = z.object({
  format: z.literal('atelier-images-1'),
  imageSize: z.int().min(1),
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  fit: z.enum(['cover', 'contain', 'stretch']),
  background: z.tuple([z.int(), z.int(), z.int()]),
  /** Names exactly what is learned from: the pictures in their order with what is told of them, and how they were split. */
  digest: sha256,
  heldOut: z.number(),
  seed: count,
  classes: z.array(z.string()),
  captioned: z.boolean(),
  statistics: z.object({
    /** Distinct pictures. */
    pictures: count,
    duplicates: count,
    /** The first hundred that could not be read. */
    skipped,
    skippedCount: count,
    /** Pictures without a caption where others have one. */
    uncaptioned: count,
    /** The first hundred captions that belong to no picture. */
    orphanCaptions: z.array(z.string()),
    orphanCaptionsCount: count,
    /** Whether a source said what to hold out, by the names of its files or folders. */
    ownSplit: z.boolean(),
  }),
  sides: z.object({ train: sideSchema, 'held-out': sideSchema }),
})

/** `images.json`: what lies in a folder of packed pictures. */
export type ImageIndex = z.infer<typeof indexSchema>

/** What was read to make a corpus of pictures. */
export type ImageStatistics = ImageIndex['statistics']

/** How many pictures one side holds. */
export type ImageSide = z.infer<typeof sideSchema>

/** Name of the index in a folder of packed pictures. */
export const imageIndexName = 'images.json'

/** The files of a side: pixels uint8 [n, C, S, S], labels int32 [n], records as JSON lines, where each of them begins (float64 [n + 1]). */
export function imageFiles(folder: string, side: 'train' | 'held-out') {
  const path = (kind: string) => join(folder, `${side}.${kind}`)
  return {
    pixels: path('pixels.bin'),
    labels: path('labels.bin'),
    records: path('records.jsonl'),
    offsets: path('offsets.bin'),
  }
}

/** Reads and checks `images.json`, and that each file has the size it says. Throws `DataError`. */
export async function readImageIndex(folder: string): Promise<ImageIndex> {
  const index = await readJsonFile(join(folder, imageIndexName), indexSchema, DataError)
  for (const side of ['train', 'held-out'] as const) {
    const { pictures, recordBytes } = index.sides[side]
    const files = imageFiles(folder, side)
    await checkSize(files.pixels, pictures * index.channels * index.imageSize ** 2)
    await checkSize(files.labels, pictures * 4)
    await checkSize(files.records, recordBytes)
    await checkSize(files.offsets, (pictures + 1) * 8)
  }
  return index
}

async function checkSize(path: string, wanted: number) {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw fileError('read', path, cause)
  })
  if (size === wanted) return
  const remedy = 'remove the folder and prepare it again'
  throw new DataError(`read ${path}: got ${size} bytes, wanted ${wanted}; ${remedy}`, { path, size, wanted })
}

const blockBytes = 1 << 20

/** Appends bytes to a new file, a megabyte at a time. Throws `DataError` when the disk is full. */
export class BlockWriter {
  /** Bytes appended. */
  bytes = 0
  private readonly path: string
  private readonly file: FileHandle
  private readonly hash = createHash('sha256')
  private pending: Uint8Array[] = []
  private pendingBytes = 0

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.file = file
  }

  static async create(path: string): Promise<BlockWriter> {
    const file = await open(path, 'w').catch((cause: unknown) => {
      throw fileError('write', path, cause)
    })
    return new BlockWriter(path, file)
  }

  /** Takes bytes, which must not change afterwards. */
  async append(bytes: Uint8Array): Promise<void> {
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
    this.bytes += bytes.length
    if (this.pendingBytes >= blockBytes) await this.flush()
  }

  /** Closes the file and tells its SHA-256 (hex). */
  async finish(): Promise<string> {
    await this.flush()
    await this.file.close()
    return this.hash.digest('hex')
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined)
  }

  private async flush() {
    const block = Buffer.concat(this.pending)
    this.pending = []
    this.pendingBytes = 0
    this.hash.update(block)
    await this.file.writeFile(block).catch((cause: unknown) => {
      throw fileError('write', this.path, cause)
    })
  }
}

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { recoverFolder } from '../../files/atomic-write.ts'
import { ImageShard } from './image-shard.ts'
import { type ImageIndex, type ImageStatistics, imageIndexName, readImageIndex } from './image-shards.ts'
import type { PictureRecord } from './picture-entry.ts'

/** One side of a packed corpus of pictures. */
export interface ImageSet {
  /** Pictures. */
  readonly length: number
  /**
   * The pictures at `indices` as uint8 planes [n, C, S, S], read from the shards: nothing need fit in memory but these.
   * Throws `DataError` for an index that is not there.
   */
  pixels(indices: ArrayLike<number>): Uint8Array
  /** Class of each picture, −1 where unknown; undefined where there are no classes. */
  readonly labels: Int32Array | undefined
  /** What is said of a picture, perhaps in several languages; none where nothing is. */
  captions(index: number): readonly string[]
  /** All that is known of a picture. */
  record(index: number): PictureRecord
}

/** A packed corpus of pictures, open for reading; close it when done. */
export interface ImageCorpus {
  /** The folder that holds it: what {@link openImages} takes. */
  readonly folder: string
  /** SHA-256 (hex) that names the pictures learned from, what is told of them, their order, and the split. */
  readonly digest: string
  /** Pixels a side. */
  readonly imageSize: number
  /** Colour planes. */
  readonly channels: 1 | 3 | 4
  /** Names of the classes by their number; [] where there are none. */
  readonly classes: readonly string[]
  /** Whether any picture has a caption. */
  readonly captioned: boolean
  readonly train: ImageSet
  readonly heldOut: ImageSet
  readonly statistics: ImageStatistics
  /** What it was packed from and how. */
  readonly index: ImageIndex
  close(): void
}

/** Whether a folder holds packed pictures: preparations are renamed into place whole. */
export async function imagesExist(folder: string): Promise<boolean> {
  await recoverFolder(folder)
  return stat(join(folder, imageIndexName)).then(
    () => true,
    () => false,
  )
}

/**
 * Opens packed pictures without their sources, as a resumed run does. Throws `DataError` when a file is missing or cut
 * short. `statistics` are those of the present reading, where there was one.
 */
export async function openImages(folder: string, statistics?: ImageStatistics): Promise<ImageCorpus> {
  const index = await readImageIndex(folder)
  const { digest, imageSize, channels, classes, captioned } = index
  const train = new ImageShard(folder, 'train', index)
  const heldOut = new ImageShard(folder, 'held-out', index)
  return {
    folder,
    digest,
    imageSize,
    channels,
    classes,
    captioned,
    train,
    heldOut,
    statistics: statistics ?? index.statistics,
    index,
    close() {
      train.close()
      heldOut.close()
    },
  }
}

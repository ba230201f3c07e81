import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImageCorpus } from './image-corpus.ts'
import type { ImageStatistics } from './image-shards.ts'
import type { PictureRecord } from './picture-entry.ts'
import { type PrepareImagesOptions, prepareImages } from './prepare-images.ts'

/** What a corpus of pictures would be made of. */
export interface ImagesDescription {
  readonly statistics: ImageStatistics
  readonly learnedFrom: number
  readonly heldOut: number
  /** Pictures with a caption. */
  readonly captioned: number
  /** 1 where every picture is grey. */
  readonly channels: 1 | 3 | 4
  readonly classes: readonly { readonly name: string; readonly pictures: number }[]
  /** SHA-256 (hex) that names what would be learned from at 32 × 32. */
  readonly digest: string
  /** The records of the first pictures. */
  readonly previews: readonly PictureRecord[]
}

/** Reads pictures as training would, packs them in a folder that goes again, and tells what is in them. Throws `DataError`. */
export async function describeImages(
  paths: readonly string[],
  options: Pick<PrepareImagesOptions, 'signal' | 'onProgress'> = {},
): Promise<ImagesDescription> {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-pictures-'))
  try {
    const corpus = await prepareImages({ ...options, paths, size: 32, folder })
    try {
      return descriptionOf(corpus)
    } finally {
      corpus.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function descriptionOf(corpus: ImageCorpus): ImagesDescription {
  const { statistics, train, heldOut, channels, digest, captioned } = corpus
  const labels = [train, heldOut].flatMap((set) => [...(set.labels ?? [])])
  const counts = new Uint32Array(corpus.classes.length)
  for (const label of labels) if (label >= 0) counts[label] = counts[label]! + 1
  return {
    statistics,
    learnedFrom: train.length,
    heldOut: heldOut.length,
    captioned: captioned ? statistics.pictures - statistics.uncaptioned : 0,
    channels,
    classes: corpus.classes.map((name, index) => ({ name, pictures: counts[index]! })),
    digest,
    previews: Array.from({ length: Math.min(3, train.length) }, (_, index) => train.record(index)),
  }
}

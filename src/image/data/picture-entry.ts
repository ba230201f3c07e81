import { z } from 'zod'
import type { DataError } from '../../errors.ts'
import type { PictureContent } from '../codec/picture.ts'

/** What is known of a picture beside its pixels. */
export interface PictureFacts {
  readonly captions?: readonly string[]
  readonly class?: string
  /** Where the picture belongs among others, such as `food-drink` and, finer, `food-fruit`. */
  readonly group?: string
  readonly subgroup?: string
  /** What can be seen, by name: `{ hair: 'long' }`. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** A record as it is packed: facts, and where the picture came from. */
export const recordSchema = z.object({
  source: z.string(),
  captions: z.array(z.string()).optional(),
  class: z.string().optional(),
  group: z.string().optional(),
  subgroup: z.string().optional(),
  attributes: z.record(z.string(), z.string()).optional(),
})

/** What a packed corpus tells of one picture. */
export type PictureRecord = PictureFacts & { readonly source: string }

/** A picture before it is decoded. */
export interface PictureEntry {
  /** A file's path, with `#` and a name or number for one of many within it. */
  readonly source: string
  /** Which side its file or folder says it is on; undefined where they don't say. */
  readonly side: Side | undefined
  /** Reads it. Throws `DataError` whose message is the reason. */
  read(): Promise<{ readonly content: PictureContent; readonly facts: PictureFacts }>
}

/** Learned from, or held out to measure what was learned. */
export type Side = 'train' | 'held-out'

/** Pictures that lie together: loose in a folder, or within one file. */
export interface PictureCollection {
  /** How many there should be. */
  readonly pictures: number
  /** Names of the classes in the order of their numbers, where the source has an order. */
  readonly classes: readonly string[]
  entries(): AsyncIterable<PictureEntry>
}

/** Something that could not be used, and why. */
export interface Skipped {
  readonly source: string
  readonly reason: string
}

/** Stands for what comes after a damage: it is counted and named when it is read. */
export function brokenEntry(source: string, error: DataError): PictureEntry {
  return { source, side: undefined, read: () => Promise.reject(error) }
}

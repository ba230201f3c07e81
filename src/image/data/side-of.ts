import type { Side } from './picture-entry.ts'

const heldOut = /^(test|testing|validation|valid|val|held-?out|eval|t10k)$/i
const train = /^(train|training)$/i

/** The side that a name says, such as `test` or `t10k`; undefined for other names. */
export function sideOfName(name: string): Side | undefined {
  if (heldOut.test(name)) return 'held-out'
  return train.test(name) ? 'train' : undefined
}

/** The side that a word says in the name of a file of many pictures: `t10k-images-idx3-ubyte`, `test-00000-of-00001.parquet`. */
export function sideOfFile(name: string): Side | undefined {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map(sideOfName)
    .find((side) => side !== undefined)
}

/** The side that the folders of a path say, the innermost first. */
export function sideOfFolders(folders: readonly string[]): Side | undefined {
  return [...folders]
    .reverse()
    .map(sideOfName)
    .find((side) => side !== undefined)
}

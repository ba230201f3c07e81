import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DataError } from '../../errors.ts'
import { readIdxHeader, readIdxLabels, readIdxPictures } from '../codec/idx.ts'
import { brokenEntry, type PictureCollection } from './picture-entry.ts'
import { sideOfFile } from './side-of.ts'

/** What Fashion-MNIST's labels 0 to 9 stand for (Xiao, Rasul and Vollgraf 2017, table 2). */
const fashionClasses = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
]

/** Whether a file's name says that it holds pictures in IDX form: `train-images-idx3-ubyte.gz`. */
export function isIdxPictures(path: string): boolean {
  return /[-._]idx3[-._]ubyte(\.gz)?$/i.test(path)
}

/** Whether a file's name says that it holds labels in IDX form; they are read with their pictures. */
export function isIdxLabels(path: string): boolean {
  return /[-._]idx1[-._]ubyte(\.gz)?$/i.test(path)
}

/**
 * The pictures of an IDX file, with the labels of the file beside it, if there is one. Labels are classes named by their
 * numbers, or, where the path says `fashion` and none is above 9, by what Fashion-MNIST calls them. A file that starts
 * with `t10k` or `test` is held out. Throws `DataError`.
 */
export async function idxCollection(path: string): Promise<PictureCollection> {
  const { pictures, width, height } = await readIdxHeader(path)
  const labels = await labelsBeside(path, pictures)
  const classes = labels ? namesOf(path, labels) : []
  const side = sideOfFile(basename(path))
  return {
    pictures,
    classes,
    async *entries() {
      let index = 0
      try {
        for await (const pixels of readIdxPictures(path)) {
          const label = labels?.[index]
          const facts = label === undefined ? {} : { class: classes[label]! }
          const content = { kind: 'grey', pixels, width, height } as const
          yield { source: `${path}#${index++}`, side, read: async () => ({ content, facts }) }
        }
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        yield brokenEntry(`${path}#${index}`, error)
      }
    },
  }
}

async function labelsBeside(path: string, pictures: number): Promise<Uint8Array | undefined> {
  const plain = basename(path)
    .replace(/\.gz$/i, '')
    .replace(/images/i, 'labels')
    .replace(/idx3/i, 'idx1')
  const found = [plain, `${plain}.gz`].map((name) => join(dirname(path), name)).find((file) => existsSync(file))
  if (found === undefined) return undefined
  const labels = await readIdxLabels(found)
  if (labels.length === pictures) return labels
  throw new DataError(
    `read ${found}: got ${labels.length} labels, wanted one for each of the ${pictures} pictures beside it; get both again`,
    { path: found, labels: labels.length, pictures },
  )
}

function namesOf(path: string, labels: Uint8Array): string[] {
  const largest = labels.reduce((most, label) => Math.max(most, label), 0)
  if (/fashion/i.test(path) && largest < 10) return fashionClasses
  return Array.from({ length: largest + 1 }, (_, label) => String(label))
}

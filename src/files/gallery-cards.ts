import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { fileError } from './file-error.ts'
import { galleryFolder } from './gallery-folder.ts'
import { readJsonFile } from './json-file.ts'

/** What a card must say to be listed; recipes write it. */
const cardSchema = z.object({
  name: z.object({ en: z.string(), fr: z.string() }),
  /** A command that shows it. */
  example: z.string(),
  data: z.object({ sources: z.array(z.string()), licence: z.string() }),
})

/** The cards of the models that come with the package, by folder, with the bytes that each takes. */
export async function readGallery() {
  const folders = (await readdir(galleryFolder)).sort()
  return Promise.all(
    folders.map(async (folder) => {
      const path = join(galleryFolder, folder)
      return { folder, ...(await readJsonFile(join(path, 'card.json'), cardSchema)), size: await sizeOf(path) }
    }),
  )
}

async function sizeOf(folder: string): Promise<number> {
  try {
    const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size)
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  } catch (cause) {
    throw fileError('read', folder, cause, CheckpointError)
  }
}

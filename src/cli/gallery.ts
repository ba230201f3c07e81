import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { galleryFolder } from '../files/gallery-folder.ts'
import { readJsonFile } from '../files/json-file.ts'
import { type Outcome, runs } from './command.ts'
import { bytes, table } from './format.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** What a card must say to be listed; recipes write it. */
const cardSchema = z.object({
  name: z.object({ en: z.string(), fr: z.string() }),
  /** A command that shows it. */
  example: z.string(),
  data: z.object({ sources: z.array(z.string()), licence: z.string() }),
})

/** `atelier gallery`. */
export function addGallery(parent: Command): void {
  const command = parent.command('gallery').description('Lists the models that come with Atelier, each with a command.')
  runs<object>(command, ['atelier gallery', 'LANG=fr_FR.UTF-8 atelier gallery'], gallery)
}

const words = {
  en: { try: 'try', size: 'size', data: 'learned from', licence: 'licence' },
  fr: { try: 'essayez', size: 'taille', data: 'appris de', licence: 'licence' },
}

async function gallery(_: object, terminal: Terminal): Promise<Outcome> {
  const language = languageOf(process.env)
  const models = await readGallery()
  const said = words[language]
  for (const { folder, name, example, size, data } of models) {
    terminal.say(heading(`gallery/${folder}`) + shown(` · ${name[language]}`))
    const rows = [
      [said.try, example],
      [said.size, bytes(size)],
      [said.data, data.sources.join(', ')],
      [said.licence, data.licence],
    ] as const
    terminal.say(shown(table(rows)))
    terminal.say()
  }
  return { result: { models } }
}

/** The system's language, of those that the gallery speaks, as programs of GNU find it. */
function languageOf(environment: NodeJS.ProcessEnv): keyof typeof words {
  const { LANGUAGE, LC_ALL, LC_MESSAGES, LANG } = environment
  const named = [LC_ALL, LC_MESSAGES, LANG].find((locale) => locale)
  if (named === undefined || /^(C|POSIX)\b/.test(named)) return 'en'
  return /^fr/i.test(LANGUAGE || named) ? 'fr' : 'en'
}

async function readGallery() {
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

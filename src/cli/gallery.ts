import type { Command } from 'commander'
import { type Outcome, runs } from './command.ts'
import { bytes, table } from './format.ts'
import { heading, shown, type Terminal } from './terminal.ts'

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
  const { readGallery } = await import('../files/gallery-cards.ts')
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

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { DataError } from '../../errors.ts'
import { readJsonFile } from '../../files/json-file.ts'
import type { PictureFacts } from './picture-entry.ts'

const emojiSchema = z.object({
  label: z.string(),
  hexcode: z.string(),
  tags: z.array(z.string()).optional(),
  group: z.int().optional(),
  subgroup: z.int().optional(),
})
const groupsSchema = z.object({
  groups: z.record(z.string(), z.string()),
  subgroups: z.record(z.string(), z.string()),
})

type Emoji = z.infer<typeof emojiSchema>

/** The languages that captions are in, by their folder in the package. */
const languages = ['en', 'fr'] as const

/** Captions of emoji in English and French, from the package emojibase-data. */
export interface EmojiCaptions {
  /**
   * The facts of an emoji by its English name (`red-apple`), or else by its code points (`1f34e`); undefined for what is
   * none. Captions: in each language the label, and the label with all tags.
   */
  factsOf(name: string, codePoints?: string): PictureFacts | undefined
}

/**
 * Loads emojibase-data where Node finds modules: from the folder of `near`, from Atelier, from the working folder;
 * undefined where it is not installed. Throws `DataError` for a package of another form.
 */
export async function loadEmojiCaptions(near: string): Promise<EmojiCaptions | undefined> {
  const paths = [...languages.map((language) => `${language}/data.json`), 'meta/groups.json'].map((file) =>
    resolved(`emojibase-data/${file}`, near),
  )
  const [english, french, groups] = paths
  if (english === undefined || french === undefined || groups === undefined) return undefined
  const sets = [await emojiOf(english), await emojiOf(french)] as const
  return captionsOf(sets, await readJsonFile(groups, groupsSchema, DataError))
}

function captionsOf(
  sets: readonly [Emoji[], Emoji[]],
  { groups, subgroups }: z.infer<typeof groupsSchema>,
): EmojiCaptions {
  const byName = new Map(sets[0].map((emoji) => [plainName(emoji.label), emoji]))
  const byCode = sets.map((set) => new Map(set.map((emoji) => [plainCode(emoji.hexcode), emoji])))
  return {
    factsOf(name, codePoints) {
      const code = byName.get(plainName(name))?.hexcode ?? codePoints
      const found = code === undefined ? [] : byCode.map((emoji) => emoji.get(plainCode(code)))
      const [emoji] = found
      if (!emoji) return undefined
      const captions = found.flatMap((said) =>
        said ? [said.label, [said.label, ...(said.tags ?? [])].join(', ')] : [],
      )
      const [group, subgroup] = [groups[String(emoji.group)], subgroups[String(emoji.subgroup)]]
      return { captions: [...new Set(captions)], ...(group ? { group } : {}), ...(subgroup ? { subgroup } : {}) }
    },
  }
}

function emojiOf(path: string): Promise<Emoji[]> {
  return readJsonFile(path, z.array(emojiSchema), DataError)
}

function resolved(file: string, near: string): string | undefined {
  for (const from of [pathToFileURL(near).href, import.meta.url, pathToFileURL(join(process.cwd(), 'index.js')).href]) {
    try {
      return createRequire(from).resolve(file)
    } catch {
      // not there: the next place
    }
  }
  return undefined
}

/** A name as icon sets write it: `Mrs. Claus` → `mrs-claus`. */
function plainName(label: string): string {
  return label
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’.!“”"]/g, '')
    .replaceAll('&', ' and ')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

/** Code points without the mark that asks for colour (FE0F), and without zeros before them. */
function plainCode(hexcode: string): string {
  return hexcode
    .toUpperCase()
    .split('-')
    .map((code) => code.replace(/^0+/, ''))
    .filter((code) => code !== 'FE0F')
    .join('-')
}

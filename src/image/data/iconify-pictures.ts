import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.ts'
import { readJsonFile } from '../../files/json-file.ts'
import { iconSetSchema, iconsOf, svgOf } from '../codec/iconify.ts'
import { loadEmojiCaptions } from './emoji-captions.ts'
import type { PictureCollection, PictureFacts } from './picture-entry.ts'

/**
 * The icons of a set in Iconify's JSON form. A set whose names are mostly those of emoji has captions in English and
 * French and groups, from emojibase-data; captions of other icons are the words of their names. Throws `DataError`.
 */
export async function iconifyCollection(path: string): Promise<PictureCollection> {
  const set = await readJsonFile(path, iconSetSchema, DataError)
  const icons = iconsOf(set)
  const factsOf = await factsFor(path, [...icons.keys()])
  return {
    pictures: icons.size,
    classes: [],
    async *entries() {
      for (const [name, icon] of icons) {
        const content = { kind: 'file', bytes: Buffer.from(svgOf(icon, set)) } as const
        const facts = factsOf(name)
        yield { source: `${path}#${name}`, side: undefined, read: async () => ({ content, facts }) }
      }
    },
  }
}

async function factsFor(path: string, names: readonly string[]): Promise<(name: string) => PictureFacts> {
  const plain = (name: string) => ({ captions: [name.replace(/[-_]+/g, ' ')] })
  const emoji = await loadEmojiCaptions(resolve(path))
  const isEmoji = emoji && 2 * names.filter((name) => emoji.factsOf(name)).length >= names.length
  if (!isEmoji) return plain
  const codes = await codePointsBeside(path)
  return (name) => emoji.factsOf(name, codes.get(name)) ?? plain(name)
}

/** Code points by icon, where the set's package has them (`chars.json`). */
async function codePointsBeside(path: string): Promise<Map<string, string>> {
  const chars = join(dirname(path), 'chars.json')
  if (!existsSync(chars)) return new Map()
  const names = await readJsonFile(chars, z.record(z.string(), z.string()), DataError)
  return new Map(Object.entries(names).map(([code, name]) => [name, code]))
}

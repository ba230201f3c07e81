import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attributes, type Character, drawCharacter, isHeldOut, rasterize } from './characters-data.ts'

/** Which characters are drawn, and which of them go aside. */
export interface CharactersOptions {
  readonly count?: number
  readonly seed?: number
  /** Whether characters of these attributes lie in `test/`; by default those that training must not see. */
  readonly apart?: (attributes: Attributes) => boolean
}

/** Draws characters into `folder`, an image folder with `metadata.jsonl`, unless it is there. */
export async function drawCharactersFolder(folder: string, options: CharactersOptions = {}): Promise<void> {
  if (existsSync(folder)) return
  const { count = 16_000, seed = 1, apart = isHeldOut } = options
  const beside = `${folder}.part`
  await rm(beside, { recursive: true, force: true })
  for (const side of ['train', 'test']) await mkdir(join(beside, side), { recursive: true })
  const lines = { train: [] as string[], test: [] as string[] }
  for (let i = 0; i < count; i++) {
    const character = drawCharacter(seed, i)
    const side = apart(character.attributes) ? 'test' : 'train'
    const name = `${String(i).padStart(5, '0')}.png`
    await writeFile(join(beside, side, name), await rasterize(character))
    lines[side].push(describe(name, character))
  }
  for (const side of ['train', 'test'] as const)
    if (lines[side].length > 0) await writeFile(join(beside, side, 'metadata.jsonl'), `${lines[side].join('\n')}\n`)
  await rename(beside, folder)
}

function describe(name: string, { captions, attributes }: Character): string {
  return JSON.stringify({ file_name: name, text: captions, attributes })
}

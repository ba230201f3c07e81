import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Character, drawCharacter, isHeldOut, rasterize } from './characters-data.ts'

/** Characters that are drawn, before those with combinations that are held out go aside. */
const count = 16_000
const seed = 1

/**
 * Draws the characters into `folder`, an image folder with `metadata.jsonl`, unless it is there: those with combinations
 * that training must not see lie in `test/`.
 */
export async function drawCharactersFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return
  const beside = `${folder}.part`
  await rm(beside, { recursive: true, force: true })
  for (const side of ['train', 'test']) await mkdir(join(beside, side), { recursive: true })
  const lines = { train: [] as string[], test: [] as string[] }
  for (let i = 0; i < count; i++) {
    const character = drawCharacter(seed, i)
    const side = isHeldOut(character.attributes) ? 'test' : 'train'
    const name = `${String(i).padStart(5, '0')}.png`
    await writeFile(join(beside, side, name), await rasterize(character))
    lines[side].push(describe(name, character))
  }
  for (const side of ['train', 'test'] as const)
    await writeFile(join(beside, side, 'metadata.jsonl'), `${lines[side].join('\n')}\n`)
  await rename(beside, folder)
}

function describe(name: string, { captions, attributes }: Character): string {
  return JSON.stringify({ file_name: name, text: captions, attributes })
}

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { getDataset } from '../../src/data/catalog.ts'

/** The path of Tiny Shakespeare: beside the project where it lies there, else by the table of known data sets. */
export async function tinyShakespeare(): Promise<string> {
  const beside = fileURLToPath(new URL('../../shared/data/tinyshakespeare/input.txt', import.meta.url))
  if (existsSync(beside)) return beside
  const [path] = await getDataset('tinyshakespeare')
  return path!
}

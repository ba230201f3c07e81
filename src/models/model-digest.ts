import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isAdapter, readAdapterConfig } from './adapter.ts'

/** Files that decide what a model makes. */
const decisive =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|model.*\.safetensors|adapter_(config\.json|model\.safetensors))$/

/**
 * SHA-256 (hex) over the names and contents of a model folder's configuration, tokenizer and weights; of an adapter's,
 * over its base's digest too.
 */
export async function modelDigest(folder: string): Promise<string> {
  const hash = createHash('sha256')
  if (isAdapter(folder)) hash.update(await modelDigest((await readAdapterConfig(folder)).base))
  for (const name of (await readdir(folder)).filter((file) => decisive.test(file)).sort()) {
    hash.update(`${name}\0`)
    await pipeline(createReadStream(join(folder, name)), hash, { end: false })
  }
  return hash.digest('hex')
}

import { createHash, type Hash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
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
    await addFile(hash, join(folder, name))
  }
  return hash.digest('hex')
}

/** Adds a file's bytes through one piece of memory: a stream would leave hundreds of megabytes to be collected. */
async function addFile(hash: Hash, path: string): Promise<void> {
  const file = await open(path)
  const room = new Uint8Array(1 << 20)
  try {
    for (;;) {
      const { bytesRead } = await file.read(room)
      if (bytesRead === 0) return
      hash.update(room.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}

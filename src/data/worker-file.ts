import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Finds the file that a worker thread can run for the module `name` (without extension) beside the module `from`
 * (its `import.meta.url`): in a build the `.js` beside it; in the sources the `.ts` where Node strips types by
 * itself (22.18 and later), else the build's file. Undefined when there is none: then work without threads.
 */
export function workerFile(name: string, from: string): URL | undefined {
  if (!from.endsWith('.ts')) return existing(new URL(`${name}.js`, from))
  if ((process.features as { typescript?: unknown }).typescript) return existing(new URL(`${name}.ts`, from))
  const [root, path] = [from.slice(0, from.lastIndexOf('/src/')), from.slice(from.lastIndexOf('/src/') + 5)]
  return existing(new URL(`${name}.js`, `${root}/dist/${path}`))
}

function existing(url: URL): URL | undefined {
  return url.protocol === 'file:' && existsSync(fileURLToPath(url)) ? url : undefined
}

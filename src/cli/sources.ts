import { existsSync } from 'node:fs'
import type { DatasetCraft } from '../data/catalog.ts'
import { ConfigError } from '../errors.ts'
import type { Progress } from './progress.ts'

/** Data that was named on the command line: where it lies, and what a record calls it. */
export interface Sources {
  readonly paths: readonly string[]
  readonly names: readonly string[]
  /** Of a known data set. */
  readonly licence?: string
}

/**
 * Resolves the words of `--data`: a known data set by name (downloaded if need be), unless a path is called so. Throws
 * `ConfigError` for a data set that another craft learns from.
 */
export async function findSources(
  words: readonly string[],
  progress: Progress,
  signal: AbortSignal,
  craft: DatasetCraft = 'text',
): Promise<Sources> {
  const { knownDatasets, getDataset } = await import('../data/catalog.ts')
  const known = (word: string) => (existsSync(word) ? undefined : knownDatasets.find(({ name }) => name === word))
  for (const word of words) checkCraft(word, known(word)?.craft ?? craft, craft)
  const paths: string[] = []
  for (const word of words) {
    const onProgress = (done: number, total: number) => progress.show(`getting ${word}`, done / total, '')
    if (known(word)) paths.push(...(await getDataset(word, { onProgress, signal })))
    else paths.push(word)
  }
  const licences = words.map((word) => known(word)?.licence)
  const licence = [...new Set(licences)].length === 1 ? licences[0] : undefined
  return { paths, names: words, ...(licence === undefined ? {} : { licence }) }
}

const holds: Readonly<Record<DatasetCraft, string>> = { text: 'text', image: 'pictures' }

function checkCraft(name: string, has: DatasetCraft, wanted: DatasetCraft) {
  if (has === wanted) return
  throw new ConfigError(
    `--data ${name}: it holds ${holds[has]}, wanted ${holds[wanted]}; use it with: atelier train ${has} --data ${name}`,
    { name, has, wanted },
  )
}

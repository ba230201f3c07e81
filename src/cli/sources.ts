import { existsSync } from 'node:fs'
import type { Progress } from './progress.ts'

/** Data that was named on the command line: where it lies, and what a record calls it. */
export interface Sources {
  readonly paths: readonly string[]
  readonly names: readonly string[]
  /** Of a known data set. */
  readonly licence?: string
}

/** Resolves the words of `--data`: a known data set by name (downloaded if need be), unless a path is called so. */
export async function findSources(words: readonly string[], progress: Progress, signal: AbortSignal): Promise<Sources> {
  const { knownDatasets, getDataset } = await import('../data/catalog.ts')
  const known = (word: string) => (existsSync(word) ? undefined : knownDatasets.find(({ name }) => name === word))
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

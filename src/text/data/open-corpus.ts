import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type CorpusStatistics, readMarks, readShardIndex, shardIndexName } from '../../data/shards.ts'
import { TokenDataset } from '../../data/token-dataset.ts'
import { loadTokenizer, type Tokenizer } from '../../data/tokenizers/index.ts'
import { DataError } from '../../errors.ts'
import { recoverFolder } from '../../files/atomic-write.ts'
import { digestOf } from '../../files/digest-of.ts'
import { readText } from '../../files/json-file.ts'

/** A prepared corpus, open for reading; close it when done. */
export interface Corpus {
  /** The folder that holds it: what {@link openCorpus} takes. */
  readonly folder: string
  readonly tokenizer: Tokenizer
  readonly train: TokenDataset
  readonly validation: TokenDataset
  /** SHA-256 (hex) that names the documents learned from, their order, and the split. */
  readonly digest: string
  readonly tokenizerDigest: string
  readonly statistics: CorpusStatistics
  /** Of conversations: what each id is, as `chatMarks` has it. */
  readonly marks?: { readonly train: Uint8Array; readonly validation: Uint8Array }
  close(): void
}

/** Whether a folder holds a prepared corpus: preparations are renamed into place whole. */
export async function corpusExists(folder: string): Promise<boolean> {
  await recoverFolder(folder)
  return stat(join(folder, shardIndexName)).then(
    () => true,
    () => false,
  )
}

/**
 * Opens a prepared corpus without its sources, as a resumed run does. Throws `DataError` when a file is missing, cut
 * short, or of another preparation. `statistics` are those of the present reading, where there was one.
 */
export async function openCorpus(folder: string, statistics?: CorpusStatistics): Promise<Corpus> {
  const index = await readShardIndex(folder)
  const tokenizer = loadTokenizer(
    await readText(join(folder, 'tokenizer.json'), DataError),
    await readText(join(folder, 'tokenizer_config.json'), DataError),
  )
  if (digestOf(tokenizer.toJSON()) !== index.tokenizerDigest) {
    throw new DataError(`read ${folder}: tokenizer.json is not the one of the shards; prepare the corpus again`, {
      folder,
    })
  }
  const marks = index.marks && {
    train: await readMarks(folder, index.marks.train, index.train.tokens),
    validation: await readMarks(folder, index.marks.validation, index.validation.tokens),
  }
  const train = new TokenDataset(folder, index.train, index.dtype)
  const validation = new TokenDataset(folder, index.validation, index.dtype)
  return {
    folder,
    tokenizer,
    train,
    validation,
    digest: index.dataDigest,
    tokenizerDigest: index.tokenizerDigest,
    statistics: statistics ?? index.statistics,
    ...(marks ? { marks } : {}),
    close() {
      train.close()
      validation.close()
    },
  }
}

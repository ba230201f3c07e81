import { DataError } from '../errors.ts'
import { IdBuffer } from './tokenizers/id-buffer.ts'
import type { Tokenizer } from './tokenizers/tokenizer.ts'

/** What encoding a corpus asks of a tokenizer. */
export type CorpusTokenizer = Pick<Tokenizer, 'vocabSize' | 'encodeInto'>

/** Token ids as shards hold them: 16 bits when the vocabulary has at most 65,536 entries. */
export type TokenArray = Uint16Array | Uint32Array

/** The type of token ids in shards. */
export type TokenDtype = 'uint16' | 'uint32'

/** A portion of a corpus for one call of a worker, some hundred kilobytes. */
export interface EncodeJob {
  readonly texts: readonly string[]
  /** For each text, the id that follows it: end of text where a document ends, else undefined. */
  readonly closings: readonly (number | undefined)[]
}

/** The smallest type that holds every id of a vocabulary. */
export function tokenDtype(vocabSize: number): TokenDtype {
  return vocabSize <= 65_536 ? 'uint16' : 'uint32'
}

/** An array of `length` ids of this type. */
export function tokenArray(dtype: TokenDtype, length: number): TokenArray {
  return dtype === 'uint16' ? new Uint16Array(length) : new Uint32Array(length)
}

/**
 * Encodes the texts of a job one after the other; `<|endoftext|>` spelled out in a text is ordinary text.
 * Throws `DataError` when the tokenizer cannot spell a text or gives an id outside its vocabulary.
 */
export function encodeJob(tokenizer: CorpusTokenizer, job: EncodeJob): TokenArray {
  const ids = new IdBuffer(1 << 16)
  job.texts.forEach((text, index) => {
    tokenizer.encodeInto(text, ids, { parseSpecial: false })
    const closing = job.closings[index]
    if (closing !== undefined) ids.push(closing)
  })
  checkIds(ids.view(), tokenizer.vocabSize)
  const tokens = tokenArray(tokenDtype(tokenizer.vocabSize), ids.length)
  tokens.set(ids.view())
  return tokens
}

function checkIds(ids: Int32Array, vocabSize: number) {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (id < 0 || id >= vocabSize) {
      const remedy = 'its file is inconsistent, make it again'
      throw new DataError(`encode corpus: tokenizer gave id ${id}, wanted 0 to ${vocabSize - 1}; ${remedy}`, { id })
    }
  }
}

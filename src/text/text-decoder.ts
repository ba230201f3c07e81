import type { StreamDecoder, Tokenizer } from '../data/tokenizers/index.ts'
import type { GenerateOptions } from '../sample/generation.ts'

/**
 * The text of ids that a model writes, as it becomes certain. Published models have rows for more ids than their
 * tokenizers have tokens: one that none has adds nothing, as in transformers.
 */
export function textDecoder(
  tokenizer: Tokenizer,
  skipSpecial: boolean,
): ReturnType<NonNullable<GenerateOptions['decoder']>> {
  const stream: StreamDecoder = tokenizer.streamDecoder({ skipSpecial })
  return {
    push: (id) => (tokenizer.tokenOf(id) === undefined ? '' : stream.push(id)),
    end: () => stream.flush(),
  }
}

/** Ids below `vocabSize` that no token has. */
export function idsWithoutToken(tokenizer: Tokenizer, vocabSize: number): number[] {
  return Array.from({ length: vocabSize }, (_, id) => id).filter((id) => tokenizer.tokenOf(id) === undefined)
}

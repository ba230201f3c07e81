import type { AddedToken, TokenizerJson } from './tokenizer-json.ts'

/** What the files of all our tokenizers say alike. */
export const commonJson = {
  version: '1.0',
  truncation: null,
  padding: null,
  normalizer: { type: 'NFC' },
  post_processor: null,
} satisfies Partial<TokenizerJson>

/** A special token: matched before normalization, wherever it stands. */
export function specialToken(content: string, id: number): AddedToken {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  return { id, content, ...flags }
}

/** A template of tokens around one text, or around two, given as `[CLS] A [SEP]` is written. */
export function templateProcessing(
  single: string,
  pair: string,
  idOf: (token: string) => number,
): TokenizerJson['post_processor'] {
  const slots = (parts: string) => {
    let type = 0
    return parts.split(' ').map((part) => {
      if (part === 'B') type = 1
      if (part === 'A' || part === 'B') return { Sequence: { id: part, type_id: type } }
      return { SpecialToken: { id: part, type_id: type } }
    })
  }
  const tokens = [...new Set(`${single} ${pair}`.split(' '))].filter((part) => part !== 'A' && part !== 'B')
  return {
    type: 'TemplateProcessing',
    single: slots(single),
    pair: slots(pair),
    special_tokens: Object.fromEntries(tokens.map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
  }
}

/** Text to byte-level pieces, cut by GPT-2's pattern or not at all. */
export function byteLevel({ useRegex }: { readonly useRegex: boolean }): TokenizerJson['pre_tokenizer'] {
  return { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex }
}

/** Byte-level pieces to text; its settings are without effect, and are the ones that Hugging Face writes. */
export const byteLevelDecoder: NonNullable<TokenizerJson['decoder']> = {
  type: 'ByteLevel',
  add_prefix_space: true,
  trim_offsets: true,
  use_regex: true,
}

/** The `model` of byte-pair encoding: pieces by id, and merges, lowest rank first. */
export function bpeModel(
  pieces: readonly string[],
  merges: readonly [string, string][],
  unknown: string | null = null,
): TokenizerJson['model'] {
  return {
    type: 'BPE',
    dropout: null,
    unk_token: unknown,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    merges,
  }
}

import { z } from 'zod'
import type { NativeModel } from './load-bpe.ts'
import type { Spelling } from './native-tokenizer.ts'
import { corrupt, quote, type TokenizerJson } from './tokenizer-json.ts'
import { WordPieceEncoder } from './wordpiece-encoder.ts'

const modelSchema = z.looseObject({
  type: z.literal('WordPiece'),
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int().min(1).default(100),
})

const normalizerSchema = z.looseObject({
  type: z.literal('BertNormalizer'),
  clean_text: z.literal(true),
  handle_chinese_chars: z.boolean(),
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean(),
})

const decoderSchema = z.looseObject({ type: z.literal('WordPiece'), prefix: z.string(), cleanup: z.boolean() })

/**
 * The encoder of ours for BERT's WordPiece; undefined for a file that is another's.
 * Throws CheckpointError for an unknown token that the vocabulary lacks.
 */
export function wordPieceModelOf(json: TokenizerJson, ids: ReadonlyMap<string, number>): NativeModel | undefined {
  const model = modelSchema.safeParse(json.model)
  const normalizer = normalizerSchema.safeParse(json.normalizer)
  const decoder = decoderSchema.safeParse(json.decoder)
  if (!model.success || !normalizer.success || !decoder.success) return undefined
  if (json.pre_tokenizer?.type !== 'BertPreTokenizer') return undefined
  const { unk_token: unknownPiece, continuing_subword_prefix: continuing } = model.data
  const unknown = ids.get(unknownPiece)
  if (unknown === undefined) throw corrupt(`its vocabulary lacks the unknown token ${quote(unknownPiece)}`)
  const added = new Set(json.added_tokens.map(({ content }) => content))
  const { lowercase, strip_accents: stripAccents, handle_chinese_chars: splitIdeographs } = normalizer.data
  const encoder = new WordPieceEncoder({
    pieces: [...ids].filter(([piece]) => piece !== '' && !added.has(piece)),
    continuing,
    unknown,
    longestWord: model.data.max_input_chars_per_word,
    normalization: { lowercase, stripAccents: stripAccents ?? lowercase, splitIdeographs },
  })
  // What BERT's normalizer does its encoder does, word by word.
  return { kind: 'wordpiece', encoder, normalize: (text) => text, spelling: spelling(continuing, decoder.data) }
}

const utf8 = new TextEncoder()

/** Words with a space before them, but for the first; what goes on with a word without its `##`. */
function spelling(continuing: string, { prefix, cleanup }: z.infer<typeof decoderSchema>): Spelling {
  const clean = cleanup ? cleanUp : (text: string) => text
  const later = (piece: string) =>
    prefix !== '' && piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`
  return {
    bytesOf: (piece) => utf8.encode(clean(later(piece))),
    firstBytesOf: (piece) => utf8.encode(clean(piece)),
    beginsWord: (piece) => continuing === '' || !piece.startsWith(continuing),
  }
}

/** Takes the space before punctuation and English endings away, as Hugging Face's decoder does token by token. */
function cleanUp(text: string): string {
  return text.replace(/ ([.?!,]|n't|'m|'s|'ve|'re)/g, '$1')
}

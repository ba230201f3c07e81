import { z } from 'zod'
import type { NativeModel } from './load-bpe.ts'
import { metaspace } from './metaspace.ts'
import type { Spelling } from './native-tokenizer.ts'
import { metaspaceWords, textNormalizer } from './text-normalizer.ts'
import { corrupt, quote, type TokenizerJson } from './tokenizer-json.ts'
import { UnigramEncoder, type UnigramModel } from './unigram-encoder.ts'

const modelSchema = z.looseObject({
  type: z.literal('Unigram'),
  unk_id: z.int().min(0).nullish(),
  byte_fallback: z.boolean().nullish(),
})

const metaspaceSchema = z.looseObject({
  type: z.literal('Metaspace'),
  replacement: z.literal(metaspace).default(metaspace),
  add_prefix_space: z.literal(true).nullish(),
  prepend_scheme: z.enum(['first', 'always', 'never']).default('always'),
  split: z.boolean().default(true),
})

/** T5's and XLM-R's of old: the words between blanks, each with a `▁`. */
const wordsSchema = z.looseObject({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([
    z.looseObject({ type: z.literal('WhitespaceSplit') }),
    metaspaceSchema.extend({ prepend_scheme: z.literal('always').default('always') }),
  ]),
})

const decoderSchema = z.union([
  metaspaceSchema,
  z.looseObject({
    type: z.literal('Sequence'),
    decoders: z.tuple([z.looseObject({ type: z.literal('ByteFallback') }), metaspaceSchema]),
  }),
])

const scoresSchema = z.array(z.tuple([z.string(), z.number()]))

/** SentencePiece's: how much less than the least probable piece a character scores that no piece spells. */
const unknownPenalty = 10

/**
 * The encoder of ours for Unigram behind Metaspace; undefined for a file that is another's.
 * Throws CheckpointError for scores that are no numbers and an unknown token that the vocabulary lacks.
 */
export function unigramModelOf(json: TokenizerJson, ids: ReadonlyMap<string, number>): NativeModel | undefined {
  const model = modelSchema.safeParse(json.model)
  const split = z.union([metaspaceSchema, wordsSchema]).safeParse(json.pre_tokenizer)
  const decoder = decoderSchema.safeParse(json.decoder)
  const normalize = textNormalizer(json.normalizer)
  if (!model.success || !split.success || !decoder.success || normalize === undefined) return undefined
  const isSplit = split.data.type === 'Sequence'
  const metaspaces = split.data.type === 'Sequence' ? split.data.pretokenizers[1] : split.data
  const scored = readScores(json.model.vocab)
  const unknown = model.data.unk_id ?? undefined
  if (unknown !== undefined && unknown >= scored.length)
    throw corrupt(`its unknown token has the id ${unknown}, wanted 0 to ${scored.length - 1}`)
  const added = new Set(json.added_tokens.map(({ content }) => content))
  const encoder = new UnigramEncoder({
    pieces: scored.flatMap(([piece, score], id) =>
      piece === '' || added.has(piece) ? [] : [[piece, id, score] as const],
    ),
    unknownScore:
      scored.reduce((least, [, score]) => Math.min(least, score), Number.POSITIVE_INFINITY) - unknownPenalty,
    unknown,
    bytes: model.data.byte_fallback ? byteIds(ids) : undefined,
    prepend: metaspaces.prepend_scheme,
    splits: metaspaces.split,
  } satisfies UnigramModel)
  const shown = decoder.data.type === 'Metaspace' ? decoder.data : decoder.data.decoders[1]
  return {
    kind: 'unigram',
    encoder,
    normalize: isSplit ? (text) => metaspaceWords(normalize(text), metaspace) : normalize,
    spelling: spelling(decoder.data.type === 'Sequence', shown.prepend_scheme !== 'never'),
  }
}

function readScores(vocab: unknown): [string, number][] {
  const scores = scoresSchema.safeParse(vocab)
  if (scores.success && scores.data.length > 0) return scores.data
  const [at] = scores.error?.issues[0]?.path ?? []
  const entry = Array.isArray(vocab) && typeof at === 'number' ? `entry ${at} of its vocabulary` : 'its vocabulary'
  throw corrupt(
    `${entry} is ${quote(Array.isArray(vocab) && typeof at === 'number' ? vocab[at] : vocab)}, wanted a token and its score`,
  )
}

function byteIds(ids: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => ids.get(bytePiece(byte)) ?? -1)
}

/** A byte's piece: `<0x0A>`. */
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

const utf8 = new TextEncoder()

/** `▁` is a space; `<0x0A>` a byte, if the decoder says so. The first token loses its `▁` if encoding put one there. */
function spelling(hasBytes: boolean, losesFirst: boolean): Spelling {
  const bytesOf = (piece: string, isAdded: boolean) => {
    const byte = hasBytes && !isAdded ? /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1] : undefined
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16))
    return utf8.encode(piece.replaceAll(metaspace, ' '))
  }
  const firstBytesOf = (piece: string, isAdded: boolean) =>
    bytesOf(piece.startsWith(metaspace) ? piece.slice(metaspace.length) : piece, isAdded)
  return {
    bytesOf,
    ...(losesFirst ? { firstBytesOf } : {}),
    beginsWord: (piece) => piece.startsWith(metaspace),
  }
}

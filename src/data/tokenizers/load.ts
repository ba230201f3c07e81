import { z } from 'zod'
import type { CheckpointError } from '../../errors.ts'
import { checkValue, parseJson } from '../../files/parse-json.ts'
import { bytesOfPiece, byteToChar } from './byte-alphabet.ts'
import { BpeEncoder, ByteEncoder, CharEncoder, type PlainEncoder } from './encoders.ts'
import { HuggingFaceTokenizer } from './huggingface-tokenizer.ts'
import type { Merge } from './merge-table.ts'
import { NativeTokenizer } from './native-tokenizer.ts'
import { specialRoles } from './special-tokens.ts'
import type { Tokenizer } from './tokenizer.ts'
import {
  corrupt,
  mergePairs,
  piecesOf,
  quote,
  type TokenizerConfigJson,
  type TokenizerJson,
  tokenizerConfigSchema,
  tokenizerJsonSchema,
} from './tokenizer-json.ts'

const utf8 = new TextEncoder()

/**
 * A tokenizer from Hugging Face's `tokenizer.json` and, for the roles of its special tokens, `tokenizer_config.json`;
 * each parsed already, or as text. Ours and GPT-2's run by the fast encoder, all others through
 * `@huggingface/tokenizers`. Throws CheckpointError, in one line, for files that are cut short or contradict themselves.
 */
export function loadTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown = {}): Tokenizer {
  const json = read(tokenizerJson, tokenizerJsonSchema, 'tokenizer.json')
  const config = read(tokenizerConfig, tokenizerConfigSchema, 'tokenizer_config.json')
  const pieces = piecesOf(json.model.vocab, json.added_tokens)
  const kind = nativeKind(json)
  if (kind !== undefined) return nativeTokenizer(kind, json, config, pieces)
  if (json.model.type === 'BPE') checkMerges(json.model, new Set(pieces))
  return new HuggingFaceTokenizer(json, config, pieces)
}

/** Throws CheckpointError for merges that make a token which the vocabulary lacks. */
function checkMerges(model: TokenizerJson['model'], pieces: ReadonlySet<string | undefined>): void {
  const hasAffixes = Boolean(model.continuing_subword_prefix) || Boolean(model.end_of_word_suffix)
  for (const [left, right] of mergePairs(model.merges)) {
    if (!hasAffixes && !pieces.has(left + right)) throw missingPiece(left + right)
  }
}

function read<T>(source: unknown, schema: z.ZodType<T>, name: string): T {
  return typeof source === 'string' ? parseJson(source, schema, name) : checkValue(source, schema, name)
}

type NativeKind = 'char' | 'byte' | 'bpe'

const plainBpeSchema = z.looseObject({
  type: z.literal('BPE'),
  dropout: z.literal(0).nullish(),
  continuing_subword_prefix: z.literal('').nullish(),
  end_of_word_suffix: z.literal('').nullish(),
  byte_fallback: z.literal(false).nullish(),
  ignore_merges: z.literal(false).nullish(),
})

const byteLevelSchema = z.looseObject({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
})

/** Which encoder of ours gives the ids that the file asks for; undefined if none does. */
function nativeKind(json: TokenizerJson): NativeKind | undefined {
  const { model, normalizer, pre_tokenizer: split, post_processor: processor, decoder } = json
  if (!plainBpeSchema.safeParse(model).success || !addsPlainly(json)) return undefined
  if (normalizer && normalizer.type !== 'NFC') return undefined
  if (processor && processor.type !== 'ByteLevel') return undefined
  const hasMerges = !Array.isArray(model.merges) || model.merges.length > 0
  if (!split && decoder?.type === 'Fuse') return hasMerges ? undefined : 'char'
  const byteLevel = byteLevelSchema.safeParse(split)
  if (!byteLevel.success || decoder?.type !== 'ByteLevel' || !spellsAllBytes(model.vocab)) return undefined
  if (byteLevel.data.use_regex) return 'bpe'
  return hasMerges ? undefined : 'byte'
}

/** Whether added tokens are matched just as they are, before normalization. */
function addsPlainly({ added_tokens: tokens, normalizer }: TokenizerJson): boolean {
  return tokens.every((token) => {
    const isPlain = !token.single_word && !token.lstrip && !token.rstrip
    return isPlain && (!normalizer || !(token.normalized ?? !token.special))
  })
}

function spellsAllBytes(vocab: unknown): boolean {
  return typeof vocab === 'object' && vocab !== null && byteToChar.every((char) => Object.hasOwn(vocab, char))
}

function nativeTokenizer(
  kind: NativeKind,
  json: TokenizerJson,
  config: TokenizerConfigJson,
  pieces: readonly (string | undefined)[],
): NativeTokenizer {
  const ids = new Map(pieces.flatMap((piece, id) => (piece === undefined ? [] : [[piece, id] as const])))
  const unknown = json.model.unk_token
  const roles = specialRoles(config, (piece) => ids.get(piece), typeof unknown === 'string' ? unknown : undefined)
  if (kind === 'char') {
    const encoder = charEncoder(json, ids, typeof unknown === 'string' ? ids.get(unknown) : undefined)
    return new NativeTokenizer({ kind, json, pieces, roles, encoder, bytesOfPiece: (piece) => utf8.encode(piece) })
  }
  const encoder = kind === 'byte' ? new ByteEncoder(byteIds(ids)) : bpeEncoder(json, ids)
  return new NativeTokenizer({ kind, json, pieces, roles, encoder, bytesOfPiece: byteLevelBytes })
}

function charEncoder(json: TokenizerJson, ids: ReadonlyMap<string, number>, unknown: number | undefined): PlainEncoder {
  const added = new Set(json.added_tokens.map(({ content }) => content))
  const chars = new Map([...ids].filter(([piece]) => !added.has(piece)))
  for (const piece of chars.keys()) {
    if ([...piece].length !== 1) throw corrupt(`character tokenizer with a token of several, ${quote(piece)}`)
  }
  return new CharEncoder(chars, unknown)
}

function byteIds(ids: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from(byteToChar, (char) => ids.get(char)!)
}

function bpeEncoder(json: TokenizerJson, ids: ReadonlyMap<string, number>): PlainEncoder {
  const merges = mergePairs(json.model.merges).map(([left, right]): Merge => {
    return { left: idOfPiece(ids, left), right: idOfPiece(ids, right), result: idOfPiece(ids, left + right) }
  })
  return new BpeEncoder(byteIds(ids), merges)
}

function idOfPiece(ids: ReadonlyMap<string, number>, piece: string): number {
  const id = ids.get(piece)
  if (id === undefined) throw missingPiece(piece)
  return id
}

function missingPiece(piece: string): CheckpointError {
  return corrupt(`a merge needs the token ${quote(piece)}, which its vocabulary lacks`)
}

function byteLevelBytes(piece: string): Uint8Array {
  const bytes = bytesOfPiece(piece)
  if (bytes === undefined) throw corrupt(`token ${quote(piece)} spells no bytes`)
  return bytes
}

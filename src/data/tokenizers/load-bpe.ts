import { z } from 'zod'
import type { CheckpointError } from '../../errors.ts'
import { bytesOfPiece, byteToChar } from './byte-alphabet.ts'
import { BpeEncoder, ByteEncoder, CharEncoder, type PlainEncoder } from './encoders.ts'
import type { Merge } from './merge-table.ts'
import type { NativeParts, Spelling } from './native-tokenizer.ts'
import { textNormalizer } from './text-normalizer.ts'
import { corrupt, mergePairs, quote, type TokenizerJson } from './tokenizer-json.ts'

/** What an encoder of ours takes from a file. */
export type NativeModel = Pick<NativeParts, 'kind' | 'encoder' | 'normalize' | 'spelling'>

const utf8 = new TextEncoder()

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

const white = /^\s/

/** Characters as they are. */
const charSpelling: Spelling = {
  bytesOf: (piece) => utf8.encode(piece),
  beginsWord: (piece) => white.test(piece),
}

/** Byte-level pieces such as `Ġthe`; added tokens as they are. */
const byteLevelSpelling: Spelling = {
  bytesOf: (piece, isAdded) => (isAdded ? utf8.encode(piece) : byteLevelBytes(piece)),
  beginsWord: (piece) => white.test(String.fromCharCode(byteLevelBytes(piece)[0] ?? 0)),
}

/** The encoder of ours for characters, bytes or GPT-2's byte-level BPE; undefined for a file that is none of these. */
export function bpeModelOf(json: TokenizerJson, ids: ReadonlyMap<string, number>): NativeModel | undefined {
  const { model, normalizer, pre_tokenizer: split, decoder } = json
  if (!plainBpeSchema.safeParse(model).success || (normalizer && normalizer.type !== 'NFC')) return undefined
  const normalize = textNormalizer(normalizer)!
  const hasMerges = !Array.isArray(model.merges) || model.merges.length > 0
  if (!split && decoder?.type === 'Fuse') {
    return hasMerges ? undefined : { kind: 'char', encoder: charEncoder(json, ids), normalize, spelling: charSpelling }
  }
  const byteLevel = byteLevelSchema.safeParse(split)
  if (!byteLevel.success || decoder?.type !== 'ByteLevel' || !spellsAllBytes(model.vocab)) return undefined
  if (byteLevel.data.use_regex)
    return { kind: 'bpe', encoder: bpeEncoder(json, ids), normalize, spelling: byteLevelSpelling }
  return hasMerges
    ? undefined
    : { kind: 'byte', encoder: new ByteEncoder(byteIds(ids)), normalize, spelling: byteLevelSpelling }
}

/** Throws CheckpointError for merges that make a token which the vocabulary lacks. */
export function checkMerges(model: TokenizerJson['model'], ids: ReadonlyMap<string, number>): void {
  const hasAffixes = Boolean(model.continuing_subword_prefix) || Boolean(model.end_of_word_suffix)
  for (const [left, right] of mergePairs(model.merges)) {
    if (!hasAffixes && !ids.has(left + right)) throw missingPiece(left + right)
  }
}

function spellsAllBytes(vocab: unknown): boolean {
  return typeof vocab === 'object' && vocab !== null && byteToChar.every((char) => Object.hasOwn(vocab, char))
}

function charEncoder(json: TokenizerJson, ids: ReadonlyMap<string, number>): PlainEncoder {
  const added = new Set(json.added_tokens.map(({ content }) => content))
  const chars = new Map([...ids].filter(([piece]) => !added.has(piece)))
  for (const piece of chars.keys()) {
    if ([...piece].length !== 1) throw corrupt(`character tokenizer with a token of several, ${quote(piece)}`)
  }
  const { unk_token: unknown } = json.model
  return new CharEncoder(chars, typeof unknown === 'string' ? ids.get(unknown) : undefined)
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

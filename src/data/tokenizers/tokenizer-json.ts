import { z } from 'zod'
import { CheckpointError } from '../../errors.ts'

/** Ids stay below this, so that a corrupt file can't ask for a table of billions. */
const mostIds = 2 ** 22

const id = z.int().min(0).lt(mostIds)

const addedTokenSchema = z.looseObject({
  id,
  content: z.string().min(1),
  single_word: z.boolean().optional(),
  lstrip: z.boolean().optional(),
  rstrip: z.boolean().optional(),
  normalized: z.boolean().optional(),
  special: z.boolean().optional(),
})

const partSchema = z.looseObject({ type: z.string() }).nullish()

/** The part of Hugging Face's `tokenizer.json` that all kinds share; what is not named here passes unchanged. */
export const tokenizerJsonSchema = z.looseObject({
  version: z.string().optional(),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: partSchema,
  pre_tokenizer: partSchema,
  post_processor: partSchema,
  decoder: partSchema,
  model: z.looseObject({ type: z.enum(['BPE', 'WordPiece', 'Unigram', 'WordLevel']).optional(), vocab: z.unknown() }),
})

const tokenName = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish()

/** The part of `tokenizer_config.json` that is used here. */
export const tokenizerConfigSchema = z.looseObject({
  bos_token: tokenName,
  eos_token: tokenName,
  pad_token: tokenName,
  unk_token: tokenName,
  cls_token: tokenName,
  sep_token: tokenName,
  mask_token: tokenName,
  add_bos_token: z.boolean().nullish(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
})

/** A token that is matched in the text before anything else, as `tokenizer.json` has it. */
export type AddedToken = z.infer<typeof addedTokenSchema>

/** Hugging Face's `tokenizer.json`. */
export type TokenizerJson = z.infer<typeof tokenizerJsonSchema>

/** Hugging Face's `tokenizer_config.json`. */
export type TokenizerConfigJson = z.infer<typeof tokenizerConfigSchema>

/** The chat template of `tokenizer_config.json`; of several the one called `default`. */
export function chatTemplateOf({ chat_template: template }: TokenizerConfigJson): string | undefined {
  if (!Array.isArray(template)) return template ?? undefined
  return template.find(({ name }) => name === 'default')?.template
}

/** Text of a token named in `tokenizer_config.json`, which may be an object. */
export function nameOf(token: TokenizerConfigJson['bos_token']): string | undefined {
  return typeof token === 'string' ? token : token?.content
}

/**
 * The tokens of a vocabulary, `{token: id}` or Unigram's `[[token, score]]`, and of the added tokens, by id; ids that
 * none has are undefined. Throws CheckpointError for ids that are no ids, are used twice or are implausibly large.
 */
export function piecesOf(vocab: unknown, added: readonly AddedToken[]): (string | undefined)[] {
  const pieces: (string | undefined)[] = []
  const seen = new Map<string, number>()
  for (const [piece, value] of vocabEntries(vocab)) addPiece(pieces, seen, piece, value)
  for (const { content, id } of added) addPiece(pieces, seen, content, id)
  for (let at = 0; at < pieces.length; at++) pieces[at] ??= undefined
  return pieces
}

function vocabEntries(vocab: unknown): Iterable<readonly [string, unknown]> {
  if (Array.isArray(vocab)) {
    return vocab.map((entry: unknown, at) => {
      const piece: unknown = Array.isArray(entry) ? entry[0] : undefined
      if (typeof piece === 'string') return [piece, at] as const
      throw corrupt(`entry ${at} of its vocabulary is ${quote(entry)}, wanted a token and its score`)
    })
  }
  if (vocab !== null && typeof vocab === 'object') return Object.entries(vocab)
  throw corrupt(`its vocabulary is ${quote(vocab)}, wanted a table of tokens and ids`)
}

function addPiece(pieces: (string | undefined)[], seen: Map<string, number>, piece: string, value: unknown): void {
  const result = id.safeParse(value)
  if (!result.success) throw corrupt(`token ${quote(piece)} has the id ${quote(value)}, wanted 0 to ${mostIds - 1}`)
  const other = pieces[result.data]
  if (other !== undefined && other !== piece) {
    throw corrupt(`tokens ${quote(other)} and ${quote(piece)} share the id ${result.data}`)
  }
  const otherId = seen.get(piece)
  if (otherId !== undefined && otherId !== result.data) {
    throw corrupt(`token ${quote(piece)} has two ids, ${otherId} and ${result.data}`)
  }
  pieces[result.data] = piece
  seen.set(piece, result.data)
}

/**
 * The two sides of each merge, written `"a b"` or `["a", "b"]`.
 * Throws CheckpointError for anything else.
 */
export function mergePairs(merges: unknown): (readonly [string, string])[] {
  if (!Array.isArray(merges)) throw corrupt('its merges are no list')
  if (merges.length >= mostIds) throw corrupt(`it has ${merges.length} merges, wanted fewer than ${mostIds}`)
  return merges.map((merge: unknown, rank) => {
    const sides: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []
    const [left, right] = sides
    if (sides.length === 2 && typeof left === 'string' && typeof right === 'string' && left !== '' && right !== '') {
      return [left, right] as const
    }
    throw corrupt(`merge ${rank} is ${quote(merge)}, wanted two tokens`)
  })
}

/** A CheckpointError about `tokenizer.json`, with the remedy. */
export function corrupt(what: string, cause?: unknown): CheckpointError {
  const message = `tokenizer.json: ${what}; restore the file, or get it again from where the model comes from`
  return new CheckpointError(message, {}, cause === undefined ? {} : { cause })
}

/** A value of unknown make, short and on one line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

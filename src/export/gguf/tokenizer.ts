import { z } from 'zod'
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts'
import { mergePairs, type TokenizerJson } from '../../data/tokenizers/tokenizer-json.ts'
import { CheckpointError } from '../../errors.ts'
import type { GgufValue, Metadata } from './encode.ts'

/** llama.cpp's kinds of token. */
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** What one kind of tokenizer adds: `undefined` for tokenizers that it is not. */
type Reading = (json: TokenizerJson, tokens: readonly (string | undefined)[]) => Metadata | undefined

/** GPT-2's cut, as a `Split` has it. */
const gpt2Cut = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
const modernCut = (digits: string) =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

/** llama.cpp's names for the patterns that text is cut by before it is merged. */
const cuts: Readonly<Record<string, string>> = {
  [gpt2Cut]: 'gpt-2',
  [modernCut(String.raw`\p{N}{1,3}`)]: 'llama-bpe',
  [modernCut(String.raw`\p{N}`)]: 'qwen2',
}

const byteLevel = z.looseObject({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
})
const split = z.looseObject({
  type: z.literal('Split'),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal('Isolated'),
  invert: z.literal(false),
})
const digits = z.looseObject({ type: z.literal('Digits'), individual_digits: z.literal(true) })
const sequence = <T extends z.ZodType>(first: T) =>
  z.looseObject({ type: z.literal('Sequence'), pretokenizers: z.tuple([first, byteLevel]) })

/** llama.cpp's name for how a file cuts text into words. */
function cutOf({ pre_tokenizer: pre }: TokenizerJson): string | undefined {
  if (byteLevel.safeParse(pre).success) return 'gpt-2'
  const patterns = sequence(split).safeParse(pre)
  if (patterns.success) return cuts[patterns.data.pretokenizers[0].pattern.Regex]
  return sequence(digits).safeParse(pre).data?.pretokenizers[1].use_regex ? 'smollm' : undefined
}

/** Byte-level BPE. Files that compose text first (NFC) are taken: llama.cpp does not, and people type composed text. */
const byteLevelBpe: Reading = (json) => {
  const cut = cutOf(json)
  const isPlain = !json.normalizer || json.normalizer.type === 'NFC'
  if (json.model.type !== 'BPE' || json.decoder?.type !== 'ByteLevel' || cut === undefined || !isPlain) return undefined
  return {
    'tokenizer.ggml.model': { string: 'gpt2' },
    'tokenizer.ggml.pre': { string: cut },
    'tokenizer.ggml.merges': { strings: mergePairs(json.model.merges).map((pair) => pair.join(' ')) },
  }
}

const metaspaceNormalizer = z.looseObject({
  type: z.literal('Sequence'),
  normalizers: z.tuple([
    z.looseObject({ type: z.literal('Prepend'), prepend: z.literal('▁') }),
    z.looseObject({
      type: z.literal('Replace'),
      pattern: z.object({ String: z.literal(' ') }),
      content: z.literal('▁'),
    }),
  ]),
})
const metaspace = z.looseObject({
  type: z.literal('Metaspace'),
  replacement: z.literal('▁'),
  prepend_scheme: z.enum(['always', 'first', 'never']),
  split: z.literal(false),
})

/** Whether SentencePiece's `▁` is put before a text; undefined for a file that is not SentencePiece's. */
function putsSpace({ normalizer, pre_tokenizer: pre }: TokenizerJson): boolean | undefined {
  if (!pre && metaspaceNormalizer.safeParse(normalizer).success) return true
  const scheme = normalizer ? undefined : metaspace.safeParse(pre).data?.prepend_scheme
  return scheme === undefined ? undefined : scheme !== 'never'
}

/** SentencePiece's BPE as Llama 2 has it. Its merges become scores: the earlier one makes a token, the higher. */
const sentencePiece: Reading = (json, tokens) => {
  const space = putsSpace(json)
  if (json.model.type !== 'BPE' || json.model.byte_fallback !== true || space === undefined) return undefined
  const ranks = new Map<string, number>()
  for (const [rank, [left, right]] of mergePairs(json.model.merges).entries())
    if (!ranks.has(left + right)) ranks.set(left + right, rank)
  return {
    'tokenizer.ggml.model': { string: 'llama' },
    'tokenizer.ggml.scores': { float32s: tokens.map((token) => -(ranks.get(token ?? '') ?? 0)) },
    'tokenizer.ggml.add_space_prefix': { bool: space },
  }
}

const readings = [byteLevelBpe, sentencePiece]

/**
 * The tokenizer as GGUF's metadata, for a table of `vocabSize` rows: rows without a token are filled up. Throws
 * {@link CheckpointError} for a tokenizer that llama.cpp has no like of.
 */
export function tokenizerMetadata(tokenizer: Tokenizer, vocabSize: number): Metadata {
  const json = tokenizer.toJSON()
  const tokens = Array.from({ length: vocabSize }, (_, id) => tokenizer.tokenOf(id))
  const own = readings.map((read) => read(json, tokens)).find((found) => found !== undefined)
  if (own === undefined)
    throw new CheckpointError(
      'gguf: llama.cpp has no tokenizer like this one, wanted byte-level BPE or SentencePiece’s BPE; export to hf or onnx',
      { kind: tokenizer.kind },
    )
  const { bos, eos, pad, unknown } = tokenizer
  const roles = { bos, eos, padding: pad, unknown }
  return {
    ...own,
    'tokenizer.ggml.tokens': { strings: tokens.map((token, id) => token ?? `[PAD${id}]`) },
    'tokenizer.ggml.token_type': { int32s: tokens.map((token, id) => kindOf(json, unknown, token, id)) },
    ...Object.fromEntries(
      Object.entries(roles).flatMap(([role, id]): [string, GgufValue][] =>
        id === undefined ? [] : [[`tokenizer.ggml.${role}_token_id`, { uint32: id }]],
      ),
    ),
    'tokenizer.ggml.add_bos_token': { bool: tokenizer.addBos },
    'tokenizer.ggml.add_eos_token': { bool: false },
    ...chatTemplate(tokenizer),
  }
}

function kindOf(json: TokenizerJson, unknown: number | undefined, token: string | undefined, id: number): number {
  if (token === undefined) return kinds.unused
  if (json.model.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(token)) return kinds.byte
  const added = json.added_tokens.find((one) => one.id === id)
  if (id === unknown && json.model.byte_fallback === true) return kinds.unknown
  return added ? (added.special ? kinds.control : kinds.userDefined) : kinds.normal
}

function chatTemplate(tokenizer: Tokenizer): Metadata {
  const { chat_template: template } = tokenizer.configJson()
  return typeof template === 'string' ? { 'tokenizer.chat_template': { string: template } } : {}
}

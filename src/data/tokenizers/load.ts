import type { z } from 'zod'
import { checkValue, parseJson } from '../../files/parse-json.ts'
import { HuggingFaceTokenizer } from './huggingface-tokenizer.ts'
import { bpeModelOf, checkMerges } from './load-bpe.ts'
import { unigramModelOf } from './load-unigram.ts'
import { wordPieceModelOf } from './load-wordpiece.ts'
import { NativeTokenizer } from './native-tokenizer.ts'
import { specialRoles } from './special-tokens.ts'
import { readTemplate } from './template.ts'
import type { Tokenizer } from './tokenizer.ts'
import {
  chatTemplateOf,
  corrupt,
  piecesOf,
  type TokenizerJson,
  tokenizerConfigSchema,
  tokenizerJsonSchema,
} from './tokenizer-json.ts'

/**
 * A tokenizer from Hugging Face's `tokenizer.json` and, for the roles of its special tokens, `tokenizer_config.json`;
 * each parsed already, or as text. Ours, GPT-2's, BERT's and T5-like ones run by fast encoders, all others through
 * `@huggingface/tokenizers`. Throws CheckpointError, in one line, for files that are cut short or contradict themselves.
 */
export function loadTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown = {}): Tokenizer {
  const json = read(tokenizerJson, tokenizerJsonSchema, 'tokenizer.json')
  const config = read(tokenizerConfig, tokenizerConfigSchema, 'tokenizer_config.json')
  const pieces = piecesOf(json.model.vocab, json.added_tokens)
  const ids = new Map(pieces.flatMap((piece, id) => (piece === undefined ? [] : [[piece, id] as const])))
  const template = readTemplate(json.post_processor)
  for (const id of template.frame([], []).ids) {
    if (pieces[id] === undefined) throw corrupt(`its post-processor adds the id ${id}, which no token has`)
  }
  const native = addsPlainly(json)
    ? (bpeModelOf(json, ids) ?? wordPieceModelOf(json, ids) ?? unigramModelOf(json, ids))
    : undefined
  if (native === undefined) {
    if (json.model.type === 'BPE') checkMerges(json.model, ids)
    return new HuggingFaceTokenizer(json, config, pieces, template)
  }
  const { unk_token: unknown, unk_id: unknownId } = json.model
  const unknownPiece = typeof unknown === 'string' ? unknown : pieces[unknownId as number]
  const roles = specialRoles(config, (piece) => ids.get(piece), unknownPiece)
  return new NativeTokenizer({ ...native, json, pieces, roles, template, chatTemplate: chatTemplateOf(config) })
}

function read<T>(source: unknown, schema: z.ZodType<T>, name: string): T {
  return typeof source === 'string' ? parseJson(source, schema, name) : checkValue(source, schema, name)
}

/** Whether added tokens are matched just as they are, before normalization. */
function addsPlainly({ added_tokens: tokens, normalizer }: TokenizerJson): boolean {
  return tokens.every((token) => {
    const isPlain = !token.single_word && !token.lstrip && !token.rstrip
    return isPlain && (!normalizer || !(token.normalized ?? !token.special))
  })
}

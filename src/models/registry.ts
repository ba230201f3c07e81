import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { CausalArchitecture, CausalConfig } from './architecture.ts'
import { Bert } from './bert.ts'
import { type BertForm, bertForms } from './bert-forms.ts'
import { Decoder } from './decoder.ts'
import { type DecoderForm, decoderForms } from './decoder-forms.ts'
import { Gpt2 } from './gpt2.ts'
import type { MaskedArchitecture, MaskedConfig } from './masked-architecture.ts'
import { isQuantized } from './quantized-weights.ts'
import type { SequenceConfig, SequenceToSequenceArchitecture } from './sequence-architecture.ts'
import { T5 } from './t5.ts'
import { type T5Form, t5Forms } from './t5-forms.ts'
import { tokenIdKeys, tokenIds } from './token-ids.ts'
import { whatIsMissing } from './unsupported.ts'

/** One architecture: how it is called, built, and read from Hugging Face's `config.json`. */
export interface ArchitectureRow<Config = CausalConfig, Architecture = CausalArchitecture> {
  /** Its name here, as `--architecture` takes it. */
  readonly name: string
  /** In one line, for people. */
  readonly title: string
  /** `model_type` in `config.json`. */
  readonly modelType: string
  /** Tensors of published checkpoints that are no parameters of it: buffers, copies, heads for other tasks. */
  readonly unneeded: RegExp
  build(settings: Config): Architecture
  /** Settings from a parsed `config.json`. Throws CheckpointError for what is missing or not supported. */
  read(config: unknown, source: string): Config
}

const size = z.number().int().positive()
/** More than any model has; a file that says more is not to fill the memory before its weights are looked at. */
const layers = size.max(1024)

const gpt2Schema = z.object({
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_inner: size.nullish(),
  n_layer: layers,
  n_head: size,
  activation_function: z.enum(['gelu_new', 'gelu_pytorch_tanh']).default('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  ...tokenIdKeys,
})

function readGpt2(json: unknown, source: string): CausalConfig {
  const config = checkValue(json, gpt2Schema, source, CheckpointError)
  return {
    vocabSize: config.vocab_size,
    contextLength: config.n_positions,
    dModel: config.n_embd,
    nLayers: config.n_layer,
    nHeads: config.n_head,
    nKvHeads: config.n_head,
    dFf: config.n_inner ?? 4 * config.n_embd,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    ropeTheta: 10_000,
    normEpsilon: config.layer_norm_epsilon,
    ...tokenIds(config),
  }
}

/** Copies of the embeddings, and tables that are computed. */
const causalCopies = /^lm_head\.weight$|\.attn\.(bias|masked_bias)$|rotary_emb\.inv_freq$/

function decoderRow(name: string, title: string, form: DecoderForm): ArchitectureRow {
  return {
    name,
    title,
    modelType: form.modelType,
    unneeded: causalCopies,
    read: form.read,
    build: (settings) => new Decoder({ ...settings, ...form.always }, form),
  }
}

const gpt2Row: ArchitectureRow = {
  name: 'gpt2',
  title: 'GPT-2',
  modelType: 'gpt2',
  unneeded: causalCopies,
  read: readGpt2,
  build: (settings) => new Gpt2(settings),
}

/** Every architecture that continues texts: these can be trained and loaded. */
export const architectures: readonly ArchitectureRow[] = [
  decoderRow('decoder', 'Llama decoder', decoderForms.llama),
  gpt2Row,
  decoderRow('mistral', 'Mistral decoder', decoderForms.mistral),
  decoderRow('qwen2', 'Qwen2 decoder', decoderForms.qwen2),
  decoderRow('qwen3', 'Qwen3 decoder', decoderForms.qwen3),
]

/** The row of an architecture that fills gaps. */
export type MaskedRow = ArchitectureRow<MaskedConfig, MaskedArchitecture>

function bertRow(title: string, form: BertForm): MaskedRow {
  const { modelType, unneeded, read } = form
  return { name: modelType, title, modelType, unneeded, read, build: (settings) => new Bert(settings, form) }
}

/** Every architecture that fills gaps in texts. */
export const maskedArchitectures: readonly MaskedRow[] = [
  bertRow('BERT', bertForms.bert),
  bertRow('DistilBERT', bertForms.distilbert),
  bertRow('RoBERTa', bertForms.roberta),
  bertRow('XLM-RoBERTa', bertForms['xlm-roberta']),
  bertRow('CamemBERT', bertForms.camembert),
]

/** The row of an architecture that reads one text and writes another. */
export type SequenceRow = ArchitectureRow<SequenceConfig, SequenceToSequenceArchitecture>

/** Copies of the shared embeddings, and a table that no T5 reads. */
const t5Copies = /^(encoder|decoder)\.embed_tokens\.weight$|EncDecAttention\.relative_attention_bias\.weight$/

function t5Row(title: string, form: T5Form): SequenceRow {
  const { modelType, read } = form
  return { name: modelType, title, modelType, unneeded: t5Copies, read, build: (settings) => new T5(settings, form) }
}

/** Every architecture that reads one text and writes another. */
export const sequenceArchitectures: readonly SequenceRow[] = [t5Row('T5', t5Forms.t5), t5Row('mT5', t5Forms.mt5)]

/** What a family's models do, and the rows of its architectures. */
const families = {
  causal: { does: 'continue texts', rows: architectures },
  masked: { does: 'fill gaps in texts', rows: maskedArchitectures },
  sequenceToSequence: { does: 'read one text and write another', rows: sequenceArchitectures },
} as const

/** Kinds of model: what they take and give. */
export type Family = keyof typeof families

/** What models of a family do, as in "models that …". */
export function whatFamilyDoes(family: Family): string {
  return families[family].does
}

/** The architecture of a name. Throws {@link ConfigError} that lists the names. */
export function architectureNamed(name: string): ArchitectureRow {
  const row = architectures.find((candidate) => candidate.name === name)
  if (row) return row
  const names = architectures.map((candidate) => candidate.name).join(', ')
  throw new ConfigError(`architecture: there is no ${name}, wanted one of ${names}`, { name })
}

/** The names of all architectures. */
const architectureNames: readonly string[] = Object.values(families).flatMap(({ rows }) => rows.map(({ name }) => name))

/** The family of an architecture's name. Throws {@link ConfigError} that lists the names. */
export function familyNamed(name: string): Family {
  const found = Object.entries(families).find(([, { rows }]) => rows.some((row) => row.name === name))
  if (found) return found[0] as Family
  throw new ConfigError(`architecture: there is no ${name}, wanted one of ${architectureNames.join(', ')}`, { name })
}

/** The row of a name in its family. Throws {@link ConfigError} for a name of no or another family. */
export function rowNamed<F extends Family>(family: F, name: string): RowOf<F> {
  const row = families[family].rows.find((candidate) => candidate.name === name)
  if (row) return row
  const other = families[familyNamed(name)].does
  throw new ConfigError(`architecture: ${name} is of models that ${other}, wanted one that ${families[family].does}`)
}

/** A row of a family. */
type RowOf<F extends Family> = (typeof families)[F]['rows'][number]

/** The family that a parsed `config.json` is of. Throws {@link CheckpointError} that says what an unsupported one lacks. */
export function familyOf(config: unknown, source: string): Family {
  const type = modelTypeOf(config, source)
  const found = Object.entries(families).find(([, { rows }]) => rows.some(({ modelType }) => modelType === type))
  if (found) return found[0] as Family
  const known = Object.values(families).map(({ does, rows }) => `${typesOf(rows)} (${does})`)
  throw new CheckpointError(
    `${source}: model_type ${JSON.stringify(type)} is not supported${whatIsMissing(type)}; supported are ${known.join('; ')}`,
    { type },
  )
}

/** The row of `family` that a parsed `config.json` is of. Throws {@link CheckpointError} for one of no or another family. */
export function rowOf<F extends Family>(family: F, config: unknown, source: string): RowOf<F> {
  const found = familyOf(config, source)
  const type = modelTypeOf(config, source)
  const { does, rows } = families[family]
  const row = rows.find(({ modelType }) => modelType === type)
  if (row) return row
  throw new CheckpointError(
    `${source}: model_type ${JSON.stringify(type)} is of models that ${families[found].does}, wanted one of those that ${does}: ${typesOf(rows)}`,
    { type, family: found },
  )
}

/** The architecture that continues texts of a parsed `config.json`: {@link rowOf} of the causal family. */
export function architectureOf(config: unknown, source: string): ArchitectureRow {
  return rowOf('causal', config, source)
}

const anyConfig = z.object({ model_type: z.string(), quantization_config: z.unknown().optional() })

function modelTypeOf(config: unknown, source: string): string {
  const { model_type: type, quantization_config: quantized } = checkValue(config, anyConfig, source, CheckpointError)
  if (quantized == null || isQuantized(config)) return type
  throw new CheckpointError(
    `${source}: quantization_config says that the weights are quantized; load a copy that is not`,
  )
}

function typesOf(rows: readonly { readonly modelType: string }[]): string {
  return rows.map(({ modelType }) => modelType).join(', ')
}

import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { CausalArchitecture, CausalConfig } from './architecture.ts'
import { Decoder } from './decoder.ts'
import { Gpt2 } from './gpt2.ts'

/** One architecture: how it is called, built, and read from Hugging Face's `config.json`. */
export interface ArchitectureRow {
  /** Its name here, as `--architecture` takes it. */
  readonly name: string
  /** In one line, for people. */
  readonly title: string
  /** `model_type` in `config.json`. */
  readonly modelType: string
  build(settings: CausalConfig): CausalArchitecture
  /** Settings from a parsed `config.json`. Throws CheckpointError for what is missing or not supported. */
  read(config: unknown, source: string): CausalConfig
}

const size = z.number().int().positive()
const id = z.union([z.number().int().nonnegative(), z.array(z.number().int()).nonempty(), z.null()]).optional()

/** Rotary positions turn whole heads here, or say nothing. */
const wholeHeads = z.literal(1).nullish()

const llamaSchema = z.object({
  vocab_size: size,
  max_position_embeddings: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.null().optional(),
  rope_parameters: z
    .object({
      rope_theta: z.number().positive(),
      rope_type: z.literal('default').optional(),
      partial_rotary_factor: wholeHeads,
    })
    .nullish(),
  partial_rotary_factor: wholeHeads,
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(false),
  bos_token_id: id,
  eos_token_id: id,
})

const gpt2Schema = z.object({
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_inner: size.nullish(),
  n_layer: size,
  n_head: size,
  activation_function: z.enum(['gelu_new', 'gelu_pytorch_tanh']).default('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  bos_token_id: id,
  eos_token_id: id,
})

function tokenIds(config: { bos_token_id?: unknown; eos_token_id?: unknown }) {
  const first = (value: unknown) => (Array.isArray(value) ? value[0] : value) as number | null | undefined
  const [bos, eos] = [first(config.bos_token_id), first(config.eos_token_id)]
  return { ...(bos == null ? {} : { bosTokenId: bos }), ...(eos == null ? {} : { eosTokenId: eos }) }
}

function readLlama(json: unknown, source: string): CausalConfig {
  const config = checkValue(json, llamaSchema, source, CheckpointError)
  const nHeads = config.num_attention_heads
  if (config.head_dim != null && config.head_dim * nHeads !== config.hidden_size)
    throw new CheckpointError(
      `${source}: head_dim ${config.head_dim} × ${nHeads} heads is not hidden_size; not supported`,
    )
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.hidden_size,
    nLayers: config.num_hidden_layers,
    nHeads,
    nKvHeads: config.num_key_value_heads ?? nHeads,
    dFf: config.intermediate_size,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    ropeTheta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000,
    normEpsilon: config.rms_norm_eps,
    ...tokenIds(config),
  }
}

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

/** Every architecture that can be trained and loaded. */
export const architectures: readonly ArchitectureRow[] = [
  {
    name: 'decoder',
    title: 'Llama decoder',
    modelType: 'llama',
    build: (settings) => new Decoder(settings),
    read: readLlama,
  },
  { name: 'gpt2', title: 'GPT-2', modelType: 'gpt2', build: (settings) => new Gpt2(settings), read: readGpt2 },
]

/** The architecture of a name. Throws {@link ConfigError} that lists the names. */
export function architectureNamed(name: string): ArchitectureRow {
  const row = architectures.find((candidate) => candidate.name === name)
  if (row) return row
  const names = architectures.map((candidate) => candidate.name).join(', ')
  throw new ConfigError(`architecture: there is no ${name}, wanted one of ${names}`, { name })
}

/** The architecture that a parsed `config.json` is of. Throws {@link CheckpointError} for one that is not supported. */
export function architectureOf(config: unknown, source: string): ArchitectureRow {
  const { model_type: type } = checkValue(config, z.object({ model_type: z.string() }), source, CheckpointError)
  const row = architectures.find((candidate) => candidate.modelType === type)
  if (row) return row
  const types = architectures.map((candidate) => candidate.modelType).join(', ')
  throw new CheckpointError(`${source}: model_type ${JSON.stringify(type)} is not supported, only ${types}`, { type })
}

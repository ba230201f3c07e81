import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { CausalArchitecture, CausalConfig } from './architecture.ts'
import { Decoder } from './decoder.ts'
import { type DecoderForm, decoderForms } from './decoder-forms.ts'
import { Gpt2 } from './gpt2.ts'
import { tokenIdKeys, tokenIds } from './token-ids.ts'

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

function decoderRow(name: string, title: string, form: DecoderForm): ArchitectureRow {
  const { modelType, read } = form
  return { name, title, modelType, read, build: (settings) => new Decoder({ ...settings, ...form.always }, form) }
}

/** Every architecture that can be trained and loaded. */
export const architectures: readonly ArchitectureRow[] = [
  decoderRow('decoder', 'Llama decoder', decoderForms.llama),
  { name: 'gpt2', title: 'GPT-2', modelType: 'gpt2', build: (settings) => new Gpt2(settings), read: readGpt2 },
  decoderRow('mistral', 'Mistral decoder', decoderForms.mistral),
  decoderRow('qwen2', 'Qwen2 decoder', decoderForms.qwen2),
  decoderRow('qwen3', 'Qwen3 decoder', decoderForms.qwen3),
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

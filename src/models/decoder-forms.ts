import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { CausalConfig, CausalDimensions } from './architecture.ts'
import { readRope, ropeKeys, writeRope } from './rope-config.ts'
import { tokenIdKeys, tokenIds } from './token-ids.ts'

/** Standard deviation of initial weights; projections into the residual stream get it over √(2 · nLayers). */
export const initialDeviation = 0.02

/** One way in which `config.json` describes the decoder: Llama's, or that of its near kin. */
export interface DecoderForm {
  /** `model_type` in `config.json`. */
  readonly modelType: string
  /** What all models of this form have, whatever settings say. */
  readonly always: Partial<CausalConfig>
  /** Settings from a parsed `config.json`. Throws {@link CheckpointError} for what is missing or not supported. */
  read(config: unknown, source: string): CausalConfig
  /** `config.json` from settings. */
  write(settings: CausalConfig, dimensions: CausalDimensions): Record<string, unknown>
}

const size = z.number().int().positive()
/** More than any model has; a file that says more is not to fill the memory before its weights are looked at. */
const layers = size.max(1024)

/** Keys that all of them have. Where a file leaves one out, it means what transformers takes it to mean. */
const shared = {
  vocab_size: size,
  max_position_embeddings: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...ropeKeys,
  ...tokenIdKeys,
}

type Shared = z.infer<z.ZodObject<typeof shared>>

/** Qwen's windows, which differ from layer to layer, are refused. */
const everywhere = {
  use_sliding_window: z.literal(false).default(false),
  layer_types: z.array(z.literal('full_attention')).nullish(),
}
const unbiased = z.literal(false).default(false)

const llamaSchema = z.object({ ...shared, attention_bias: unbiased, mlp_bias: unbiased })
const mistralSchema = z.object({
  ...shared,
  num_key_value_heads: size.nullable().default(8),
  sliding_window: size.nullable().default(4096),
})
const qwen2Schema = z.object({ ...shared, ...everywhere, num_key_value_heads: size.nullable().default(32) })
const qwen3Schema = qwen2Schema.extend({ head_dim: size.nullable().default(128), attention_bias: unbiased })

function readShared(config: Shared): CausalConfig {
  const nHeads = config.num_attention_heads
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
    normEpsilon: config.rms_norm_eps,
    ...(config.head_dim == null || config.head_dim * nHeads === config.hidden_size ? {} : { dHead: config.head_dim }),
    ...readRope(config),
    ...tokenIds(config),
  }
}

function writeShared(settings: CausalConfig, { dHead }: CausalDimensions): Record<string, unknown> {
  return {
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    hidden_size: settings.dModel,
    intermediate_size: settings.dFf,
    num_hidden_layers: settings.nLayers,
    num_attention_heads: settings.nHeads,
    num_key_value_heads: settings.nKvHeads,
    head_dim: dHead,
    hidden_act: 'silu',
    rms_norm_eps: settings.normEpsilon,
    ...writeRope(settings.ropeTheta, settings.ropeScaling),
    attention_dropout: 0,
    initializer_range: initialDeviation,
    tie_word_embeddings: settings.tieEmbeddings,
    use_cache: true,
    torch_dtype: 'float32',
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null,
  }
}

/** What a form adds to the keys that all have. */
interface FormOptions<S extends Shared> {
  readonly modelType: string
  /** The class in transformers. */
  readonly className: string
  readonly schema: z.ZodType<S>
  readonly always?: Partial<CausalConfig>
  readonly more?: (config: S) => Partial<CausalConfig>
  /** Its own keys of `config.json`. */
  readonly own: (settings: CausalConfig) => Record<string, unknown>
}

function form<S extends Shared>(options: FormOptions<S>): DecoderForm {
  const { modelType, className, schema, always = {}, more = () => ({}), own } = options
  return {
    modelType,
    always,
    read: (json, source) => {
      const config = checkValue(json, schema, source, CheckpointError)
      return { ...readShared(config), ...always, ...more(config) }
    },
    write: (settings, dimensions) => ({
      architectures: [className],
      model_type: modelType,
      ...writeShared(settings, dimensions),
      ...own(settings),
    }),
  }
}

/** The forms that are read and written, by `model_type`. SmolLM, TinyLlama and many others are of Llama's. */
export const decoderForms = {
  llama: form({
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    schema: llamaSchema,
    own: () => ({ attention_bias: false, mlp_bias: false }),
  }),
  mistral: form({
    modelType: 'mistral',
    className: 'MistralForCausalLM',
    schema: mistralSchema,
    more: ({ sliding_window: window }) => (window === null ? {} : { slidingWindow: window }),
    own: ({ slidingWindow }) => ({ sliding_window: slidingWindow ?? null }),
  }),
  qwen2: form({
    modelType: 'qwen2',
    className: 'Qwen2ForCausalLM',
    schema: qwen2Schema,
    always: { qkvBias: true },
    own: () => ({ use_sliding_window: false }),
  }),
  qwen3: form({
    modelType: 'qwen3',
    className: 'Qwen3ForCausalLM',
    schema: qwen3Schema,
    always: { queryKeyNorm: true },
    own: () => ({ use_sliding_window: false, attention_bias: false }),
  }),
} satisfies Readonly<Record<string, DecoderForm>>

import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { SequenceConfig } from './sequence-architecture.ts'

/** One of the ways in which `config.json` describes a T5. */
export interface T5Form {
  /** `model_type` in `config.json`. */
  readonly modelType: string
  /** Settings from a parsed `config.json`. Throws {@link CheckpointError} for what is missing or not supported. */
  read(config: unknown, source: string): SequenceConfig
  /** `config.json` from settings. */
  write(settings: SequenceConfig): Record<string, unknown>
}

const size = z.number().int().positive()
/** More than any model has; a file that says more is not to fill the memory before its weights are looked at. */
const layers = size.max(1024)
const id = z.number().int().nonnegative()
const feedForward = z.enum(['relu', 'gated-gelu'])

const schema = z.object({
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: layers,
  num_decoder_layers: layers.nullish(),
  num_heads: size,
  /** What it was trained on; positions are relative, so more would compute. */
  n_positions: size.default(512),
  relative_attention_num_buckets: size.default(32),
  relative_attention_max_distance: size.default(128),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  feed_forward_proj: feedForward.optional(),
  tie_word_embeddings: z.boolean().default(true),
  /** Since transformers 5, which calls all T5s tied, what tells those apart that are not. */
  scale_decoder_outputs: z.boolean().optional(),
  pad_token_id: id.nullish(),
  eos_token_id: id.nullish(),
  decoder_start_token_id: id.nullish(),
})

interface FormOptions {
  readonly modelType: string
  /** The class in transformers. */
  readonly className: string
  readonly usual: z.infer<typeof feedForward>
  /** Of mT5, whose own files disagree on it, the output layer is never tied. */
  readonly neverTied: boolean
}

function form({ modelType, className, usual, neverTied }: FormOptions): T5Form {
  return {
    modelType,
    read: (json, source) => {
      const config = checkValue(json, schema, source, CheckpointError)
      return {
        vocabSize: config.vocab_size,
        contextLength: config.n_positions,
        dModel: config.d_model,
        nEncoderLayers: config.num_layers,
        nLayers: config.num_decoder_layers ?? config.num_layers,
        nHeads: config.num_heads,
        dHead: config.d_kv,
        dFf: config.d_ff,
        gated: (config.feed_forward_proj ?? usual) === 'gated-gelu',
        dropout: 0,
        tieEmbeddings: !neverTied && config.tie_word_embeddings && config.scale_decoder_outputs !== false,
        normEpsilon: config.layer_norm_epsilon,
        buckets: config.relative_attention_num_buckets,
        maxDistance: config.relative_attention_max_distance,
        padTokenId: config.pad_token_id ?? 0,
        eosTokenId: config.eos_token_id ?? 1,
        startTokenId: config.decoder_start_token_id ?? config.pad_token_id ?? 0,
      }
    },
    write: (settings) => ({ architectures: [className], model_type: modelType, ...keysOf(settings) }),
  }
}

function keysOf(settings: SequenceConfig): Record<string, unknown> {
  return {
    vocab_size: settings.vocabSize,
    d_model: settings.dModel,
    d_kv: settings.dHead,
    d_ff: settings.dFf,
    num_layers: settings.nEncoderLayers,
    num_decoder_layers: settings.nLayers,
    num_heads: settings.nHeads,
    n_positions: settings.contextLength,
    relative_attention_num_buckets: settings.buckets,
    relative_attention_max_distance: settings.maxDistance,
    layer_norm_epsilon: settings.normEpsilon,
    feed_forward_proj: settings.gated ? 'gated-gelu' : 'relu',
    dropout_rate: settings.dropout,
    is_encoder_decoder: true,
    tie_word_embeddings: settings.tieEmbeddings,
    use_cache: true,
    torch_dtype: 'float32',
    pad_token_id: settings.padTokenId,
    eos_token_id: settings.eosTokenId,
    decoder_start_token_id: settings.startTokenId,
  }
}

/** The forms that are read and written, by `model_type`. Flan-T5 and ByT5 are of T5's. */
export const t5Forms = {
  t5: form({ modelType: 't5', className: 'T5ForConditionalGeneration', usual: 'relu', neverTied: false }),
  mt5: form({ modelType: 'mt5', className: 'MT5ForConditionalGeneration', usual: 'gated-gelu', neverTied: true }),
} satisfies Readonly<Record<string, T5Form>>

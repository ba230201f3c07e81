import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { checkValue } from '../files/parse-json.ts'
import type { MaskedConfig } from './masked-architecture.ts'
import { tokenIdKeys, tokenIds } from './token-ids.ts'

/** How checkpoints call the parts of a layer. */
export interface LayerNames {
  readonly q: string
  readonly k: string
  readonly v: string
  readonly o: string
  readonly attentionNorm: string
  readonly up: string
  readonly down: string
  readonly norm: string
}

/** How checkpoints call the parts of a model. */
interface ModelNames {
  readonly model: string
  /** Below `model`. */
  readonly layers: string
  readonly layer: LayerNames
  readonly transform: string
  readonly transformNorm: string
  /** Of the output layer's matrix, where it is not tied. */
  readonly output: string
  readonly outputBias: string
}

/** One of BERT's kin: what its checkpoints call things, how positions count, and its `config.json`. */
export interface BertForm {
  /** `model_type` in `config.json`. */
  readonly modelType: string
  readonly names: ModelNames
  /** Whether positions count tokens that are not padding, which stands at the padding's own id; else they are places. */
  readonly countsTokens: boolean
  /** The row of the position table that a text's first token takes. */
  firstPosition(settings: MaskedConfig): number
  /** Tensors of published checkpoints that masked modelling does not need. */
  readonly unneeded: RegExp
  /** Settings from a parsed `config.json`. Throws {@link CheckpointError} for what is missing or not supported. */
  read(config: unknown, source: string): MaskedConfig
  /** `config.json` from settings. */
  write(settings: MaskedConfig): Record<string, unknown>
}

const size = z.number().int().positive()
/** More than any model has; a file that says more is not to fill the memory before its weights are looked at. */
const layers = size.max(1024)
const padId = z.number().int().nonnegative()

const bertSchema = z.object({
  vocab_size: size,
  max_position_embeddings: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  hidden_act: z.literal('gelu').default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  type_vocab_size: size.default(2),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: padId.nullish(),
  ...tokenIdKeys,
})

const distilBertSchema = z.object({
  vocab_size: size,
  max_position_embeddings: size.default(512),
  dim: size,
  hidden_dim: size,
  n_layers: layers,
  n_heads: size,
  activation: z.literal('gelu').default('gelu'),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: padId.nullish(),
})

const bertLayer: LayerNames = {
  q: 'attention.self.query',
  k: 'attention.self.key',
  v: 'attention.self.value',
  o: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm: 'output.LayerNorm',
}

function readBert(json: unknown, source: string): MaskedConfig {
  const config = checkValue(json, bertSchema, source, CheckpointError)
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.hidden_size,
    nLayers: config.num_hidden_layers,
    nHeads: config.num_attention_heads,
    dFf: config.intermediate_size,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    normEpsilon: config.layer_norm_eps,
    tokenTypes: config.type_vocab_size,
    padTokenId: config.pad_token_id ?? 0,
    ...tokenIds(config),
  }
}

function writeBert(modelType: string, className: string, settings: MaskedConfig): Record<string, unknown> {
  return {
    architectures: [className],
    model_type: modelType,
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    hidden_size: settings.dModel,
    intermediate_size: settings.dFf,
    num_hidden_layers: settings.nLayers,
    num_attention_heads: settings.nHeads,
    hidden_act: 'gelu',
    layer_norm_eps: settings.normEpsilon,
    type_vocab_size: settings.tokenTypes,
    position_embedding_type: 'absolute',
    hidden_dropout_prob: settings.dropout,
    attention_probs_dropout_prob: 0,
    initializer_range: 0.02,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: 'float32',
    pad_token_id: settings.padTokenId,
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null,
  }
}

/** RoBERTa's form under one of the names that it goes by: the table of positions has rows for the padding, too. */
function robertaForm(modelType: string, className: string): BertForm {
  const firstPosition = ({ padTokenId }: MaskedConfig) => padTokenId + 1
  return {
    modelType,
    names: {
      model: 'roberta',
      layers: 'encoder.layer',
      layer: bertLayer,
      transform: 'lm_head.dense',
      transformNorm: 'lm_head.layer_norm',
      output: 'lm_head.decoder',
      outputBias: 'lm_head',
    },
    countsTokens: true,
    firstPosition,
    unneeded: /^roberta\.pooler\.|\.position_ids$|^lm_head\.decoder\./,
    read: (json, source) => {
      const settings = { ...readBert(json, source), padTokenId: padOf(json) }
      const contextLength = settings.contextLength - firstPosition(settings)
      if (contextLength > 0) return { ...settings, contextLength }
      throw new CheckpointError(
        `${source}: max_position_embeddings ${settings.contextLength} leaves no position after pad_token_id ${settings.padTokenId}; is it the right file?`,
      )
    },
    write: (settings) => ({
      ...writeBert(modelType, className, settings),
      max_position_embeddings: settings.contextLength + firstPosition(settings),
    }),
  }
}

/** RoBERTa's padding where the file says nothing; what is there has been checked. */
function padOf(json: unknown): number {
  return (json as { readonly pad_token_id?: number | null }).pad_token_id ?? 1
}

function readDistilBert(json: unknown, source: string): MaskedConfig {
  const config = checkValue(json, distilBertSchema, source, CheckpointError)
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.dim,
    nLayers: config.n_layers,
    nHeads: config.n_heads,
    dFf: config.hidden_dim,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    normEpsilon: 1e-12,
    tokenTypes: 0,
    padTokenId: config.pad_token_id ?? 0,
  }
}

function writeDistilBert(settings: MaskedConfig): Record<string, unknown> {
  return {
    architectures: ['DistilBertForMaskedLM'],
    model_type: 'distilbert',
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    dim: settings.dModel,
    hidden_dim: settings.dFf,
    n_layers: settings.nLayers,
    n_heads: settings.nHeads,
    activation: 'gelu',
    dropout: settings.dropout,
    attention_dropout: 0,
    sinusoidal_pos_embds: false,
    initializer_range: 0.02,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: 'float32',
    pad_token_id: settings.padTokenId,
  }
}

/** The forms that are read and written, by `model_type`. */
export const bertForms = {
  bert: {
    modelType: 'bert',
    names: {
      model: 'bert',
      layers: 'encoder.layer',
      layer: bertLayer,
      transform: 'cls.predictions.transform.dense',
      transformNorm: 'cls.predictions.transform.LayerNorm',
      output: 'cls.predictions.decoder',
      outputBias: 'cls.predictions',
    },
    countsTokens: false,
    firstPosition: () => 0,
    unneeded: /^bert\.pooler\.|\.position_ids$|^cls\.seq_relationship\.|^cls\.predictions\.decoder\./,
    read: readBert,
    write: (settings) => writeBert('bert', 'BertForMaskedLM', settings),
  },
  distilbert: {
    modelType: 'distilbert',
    names: {
      model: 'distilbert',
      layers: 'transformer.layer',
      layer: {
        q: 'attention.q_lin',
        k: 'attention.k_lin',
        v: 'attention.v_lin',
        o: 'attention.out_lin',
        attentionNorm: 'sa_layer_norm',
        up: 'ffn.lin1',
        down: 'ffn.lin2',
        norm: 'output_layer_norm',
      },
      transform: 'vocab_transform',
      transformNorm: 'vocab_layer_norm',
      output: 'vocab_projector',
      outputBias: 'vocab_projector',
    },
    countsTokens: false,
    firstPosition: () => 0,
    unneeded: /\.position_ids$|^vocab_projector\.weight$/,
    read: readDistilBert,
    write: writeDistilBert,
  },
  roberta: robertaForm('roberta', 'RobertaForMaskedLM'),
  'xlm-roberta': robertaForm('xlm-roberta', 'XLMRobertaForMaskedLM'),
  camembert: robertaForm('camembert', 'CamembertForMaskedLM'),
} satisfies Readonly<Record<string, BertForm>>

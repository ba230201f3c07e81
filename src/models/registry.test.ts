import { describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError } from '../errors.ts'
import { architectureNamed, architectureOf, type Family, rowOf } from './registry.ts'

const llama = {
  model_type: 'llama',
  vocab_size: 64,
  max_position_embeddings: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
}

const qwen2 = { ...llama, model_type: 'qwen2', num_key_value_heads: 1 }

const gpt2 = { model_type: 'gpt2', vocab_size: 64, n_positions: 32, n_embd: 16, n_layer: 2, n_head: 2 }

const read = (config: { readonly model_type: string }) =>
  architectureOf(config, 'config.json').read(config, 'config.json')

const bert = {
  model_type: 'bert',
  vocab_size: 64,
  max_position_embeddings: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
}
const distilbert = { model_type: 'distilbert', vocab_size: 64, dim: 16, hidden_dim: 24, n_layers: 2, n_heads: 2 }
const t5 = { model_type: 't5', vocab_size: 64, d_model: 16, d_kv: 8, d_ff: 24, num_layers: 2, num_heads: 3 }

const readOf = (family: Family, config: { readonly model_type: string }) =>
  rowOf(family, config, 'config.json').read(config, 'config.json')

describe("another family's config.json", () => {
  it('says no more than it must; the rest is what Hugging Face takes it to be', () => {
    expect(readOf('masked', bert)).toMatchObject({
      tokenTypes: 2,
      normEpsilon: 1e-12,
      padTokenId: 0,
      contextLength: 32,
    })
    expect(readOf('masked', distilbert)).toMatchObject({ tokenTypes: 0, contextLength: 512, dFf: 24 })
    const roberta = { ...bert, model_type: 'roberta' }
    expect(readOf('masked', roberta)).toMatchObject({ padTokenId: 1, contextLength: 30 })
    expect(readOf('sequenceToSequence', t5)).toMatchObject({
      nEncoderLayers: 2,
      nLayers: 2,
      dHead: 8,
      gated: false,
      tieEmbeddings: true,
      buckets: 32,
      maxDistance: 128,
      startTokenId: 0,
    })
    const mt5 = { ...t5, model_type: 'mt5' }
    expect(readOf('sequenceToSequence', mt5)).toMatchObject({ gated: true, tieEmbeddings: false })
  })

  it('is written back the same', () => {
    const masked = [
      bert,
      distilbert,
      ...['roberta', 'xlm-roberta', 'camembert'].map((model_type) => ({ ...bert, model_type })),
    ]
    for (const config of masked) {
      const row = rowOf('masked', config, '')
      const settings = row.read(config, '')
      expect(row.read(row.build(settings).config, '')).toEqual(settings)
      expect(row.build(settings).config.model_type).toBe(config.model_type)
    }
    for (const config of [t5, { ...t5, model_type: 'mt5' }, { ...t5, tie_word_embeddings: false }]) {
      const row = rowOf('sequenceToSequence', config, '')
      const settings = row.read(config, '')
      expect(row.read(row.build(settings).config, '')).toEqual(settings)
    }
  })

  it('of a T5 that transformers 5 calls tied, but does not scale, is of one with an output layer of its own', () => {
    const saved = { ...t5, tie_word_embeddings: true, scale_decoder_outputs: false }
    expect(readOf('sequenceToSequence', saved)).toMatchObject({ tieEmbeddings: false })
  })

  it.each<[Family, { readonly model_type: string; readonly [key: string]: unknown }, string]>([
    ['masked', { ...bert, hidden_act: 'relu' }, 'hidden_act'],
    ['masked', { ...bert, position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    ['masked', { ...bert, is_decoder: true }, 'is_decoder'],
    ['masked', { ...distilbert, activation: 'relu' }, 'activation'],
    ['masked', { ...bert, model_type: 'roberta', max_position_embeddings: 2 }, 'max_position_embeddings 2 leaves no'],
    ['sequenceToSequence', { ...t5, feed_forward_proj: 'gated-silu' }, 'feed_forward_proj'],
    ['sequenceToSequence', { ...t5, d_kv: undefined }, 'd_kv'],
  ])('of a %s variant that would compute something else is refused by its key: %#', (family, config, key) => {
    expect(() => readOf(family, config)).toThrow(CheckpointError)
    expect(() => readOf(family, config)).toThrow(`config.json: ${key}`)
  })
})

describe('a config.json', () => {
  it('says no more than it must; the rest is what Hugging Face takes it to be', () => {
    expect(read(llama)).toMatchObject({ nKvHeads: 2, ropeTheta: 10_000, normEpsilon: 1e-6, tieEmbeddings: false })
    expect(read(gpt2)).toMatchObject({ dFf: 64, normEpsilon: 1e-5, tieEmbeddings: true })
  })

  it('may spell out what is usual', () => {
    const rope = { rope_theta: 5e5, rope_type: 'default', partial_rotary_factor: 1 }
    expect(read({ ...llama, rope_parameters: rope, partial_rotary_factor: 1 } as typeof llama).ropeTheta).toBe(5e5)
    const usual = { ...gpt2, scale_attn_weights: true, scale_attn_by_inverse_layer_idx: false }
    expect(read(usual)).toEqual(read(gpt2))
  })

  it("of Llama's near kin says what makes it differ, and is written back the same", () => {
    const scaled = { ...llama, rope_theta: 5e5, rope_scaling: { type: 'linear', factor: 2 } }
    expect(read(scaled)).toMatchObject({ ropeTheta: 5e5, ropeScaling: { kind: 'linear', factor: 2 } })
    const llama3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 }
    const slowed = { ...llama, rope_scaling: { rope_type: 'llama3', factor: 8, ...llama3 } }
    const want = { kind: 'llama3', factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 8192 }
    expect(read(slowed).ropeScaling).toEqual(want)
    expect(read(qwen2)).toMatchObject({ qkvBias: true })
    expect(read({ ...qwen2, model_type: 'qwen3' })).toMatchObject({ queryKeyNorm: true, dHead: 128 })
    const mistral = { ...llama, model_type: 'mistral', num_key_value_heads: 1 }
    expect(read(mistral)).toMatchObject({ slidingWindow: 4096 })
    for (const config of [scaled, slowed, qwen2, { ...qwen2, model_type: 'qwen3' }, mistral]) {
      const { config: written } = architectureOf(config, '').build(read(config))
      expect(read(written as typeof llama)).toEqual(read(config))
    }
    expect(read({ ...mistral, sliding_window: null } as typeof llama)).not.toHaveProperty('slidingWindow')
  })

  it('is built in its own form, whatever settings for training leave out', () => {
    const settings = read(llama)
    expect([...architectureNamed('qwen2').build(settings).scope.parameters.keys()]).toContain(
      'model.layers.0.self_attn.k_proj.bias',
    )
    const { scope, config } = architectureNamed('qwen3').build(settings)
    expect(scope.parameters.get('model.layers.1.self_attn.q_norm.weight')?.shape).toEqual([8])
    expect(config).toMatchObject({ model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'], head_dim: 8 })
  })

  it.each([
    [{ ...llama, hidden_act: 'gelu' }, 'hidden_act'],
    [{ ...llama, attention_bias: true }, 'attention_bias'],
    [{ ...llama, mlp_bias: true }, 'mlp_bias'],
    [{ ...llama, rope_scaling: { type: 'dynamic', factor: 2 } }, 'rope_scaling.rope_type'],
    [{ ...llama, rope_scaling: { rope_type: 'linear', factor: 0 } }, 'rope_scaling.factor'],
    [{ ...llama, rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'rope_scaling.low_freq_factor'],
    [{ ...qwen2, use_sliding_window: true }, 'use_sliding_window'],
    [{ ...qwen2, layer_types: ['full_attention', 'sliding_attention'] }, 'layer_types.1'],
    [{ ...qwen2, model_type: 'qwen3', attention_bias: true }, 'attention_bias'],
    [{ ...llama, model_type: 'mistral', sliding_window: 0 }, 'sliding_window'],
    [{ ...llama, rope_parameters: { rope_theta: 1e4, rope_type: 'yarn' } }, 'rope_parameters.rope_type'],
    [{ ...llama, partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [
      { ...llama, rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      'rope_parameters.partial_rotary_factor',
    ],
    [{ ...llama, head_dim: 0.5 }, 'head_dim'],
    [{ ...gpt2, activation_function: 'relu' }, 'activation_function'],
    [{ ...gpt2, scale_attn_weights: false }, 'scale_attn_weights'],
    [{ ...gpt2, scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx'],
  ])('of a variant that would compute something else is refused by its key: %#', (config, key) => {
    const reading = () => read(config)
    expect(reading).toThrow(CheckpointError)
    expect(reading).toThrow(`config.json: ${key}`)
  })

  it('of another architecture is refused, and so is a name that no architecture has', () => {
    expect(() => read({ model_type: 'mamba' })).toThrow(
      /^config\.json: model_type "mamba" is not supported, it needs selective state spaces; supported are llama, gpt2, mistral, qwen2, qwen3 \(continue texts\); bert, /,
    )
    expect(() => read({ model_type: 'toString' })).toThrow('model_type "toString" is not supported; supported are')
    expect(() => read({ model_type: 'bert' })).toThrow(
      'model_type "bert" is of models that fill gaps in texts, wanted one of those that continue texts: llama, gpt2,',
    )
    const packed = { ...llama, quantization_config: { bits: 4 } }
    expect(() => read(packed)).toThrow('quantization_config says that the weights are quantized; load a copy')
    expect(() => architectureNamed('mamba')).toThrow(ConfigError)
  })
})

import { describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError } from '../errors.ts'
import { architectureNamed, architectureOf } from './registry.ts'

const llama = {
  model_type: 'llama',
  vocab_size: 64,
  max_position_embeddings: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
}

const gpt2 = { model_type: 'gpt2', vocab_size: 64, n_positions: 32, n_embd: 16, n_layer: 2, n_head: 2 }

const read = (config: { readonly model_type: string }) =>
  architectureOf(config, 'config.json').read(config, 'config.json')

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

  it.each([
    [{ ...llama, hidden_act: 'gelu' }, 'hidden_act'],
    [{ ...llama, attention_bias: true }, 'attention_bias'],
    [{ ...llama, mlp_bias: true }, 'mlp_bias'],
    [{ ...llama, rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling'],
    [{ ...llama, rope_parameters: { rope_theta: 1e4, rope_type: 'yarn' } }, 'rope_parameters.rope_type'],
    [{ ...llama, partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [
      { ...llama, rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      'rope_parameters.partial_rotary_factor',
    ],
    [{ ...llama, head_dim: 16 }, 'head_dim'],
    [{ ...gpt2, activation_function: 'relu' }, 'activation_function'],
    [{ ...gpt2, scale_attn_weights: false }, 'scale_attn_weights'],
    [{ ...gpt2, scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx'],
  ])('of a variant that would compute something else is refused by its key: %#', (config, key) => {
    const reading = () => read(config)
    expect(reading).toThrow(CheckpointError)
    expect(reading).toThrow(`config.json: ${key}`)
  })

  it('of another architecture is refused, and so is a name that no architecture has', () => {
    expect(() => read({ model_type: 'mamba' })).toThrow('model_type "mamba" is not supported, only llama, gpt2')
    expect(() => architectureNamed('mamba')).toThrow(ConfigError)
  })
})
